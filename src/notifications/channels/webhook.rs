//! Webhooks by Standard Webhooks 1.0.0: a POST of JSON with an id, the time of the attempt, and a signature.

use aws_lc_rs::hmac;
use chrono::{DateTime, SecondsFormat, Utc};
use data_encoding::BASE64;
use hyper::header::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretSlice};
use serde::{Deserialize, Deserializer, de};
use serde_json::json;
use url::Url;

use crate::channel::{Attempt, Deliver};
use crate::error::{DeliveryError, Verdict, judge};
use crate::message::Message;
use crate::outbound::{Answer, OutboundRequest};
use crate::request::{bytes, json as json_request};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Bytes of a body; receivers need not take more.
const BODY_BYTES: usize = 20_000;

/// A signing secret: `whsec_` and the base64 of 24 to 64 bytes.
pub struct WebhookSecret(SecretSlice<u8>);

impl WebhookSecret {
    /// A secret made of random bytes, 24 to 64 of them.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        (24..=64)
            .contains(&bytes.len())
            .then(|| Self(bytes.to_vec().into()))
    }

    /// The secret as a receiver enters it.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("whsec_{}", BASE64.encode(self.0.expose_secret()))
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64
            .decode(text.strip_prefix("whsec_")?.as_bytes())
            .ok()?;
        Self::from_bytes(&bytes)
    }

    fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret());
        let mut signing = hmac::Context::with_key(&key);
        for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
            signing.update(part);
        }
        format!("v1,{}", BASE64.encode(signing.sign().as_ref()))
    }
}

impl<'de> Deserialize<'de> for WebhookSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom("a webhook's secret is whsec_ and the base64 of 24 to 64 bytes")
        })
    }
}

/// A user's endpoint.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Its URL.
    pub url: Url,
    /// Its secret.
    pub secret: WebhookSecret,
    /// The secret before, while the receiver changes to the new one: messages are signed with both.
    #[serde(default)]
    pub previous_secret: Option<WebhookSecret>,
}

fn body(message: &Message) -> Vec<u8> {
    bytes(&json!({
        "type": message.kind,
        "timestamp": message.time.to_rfc3339_opts(SecondsFormat::Millis, true),
        "data": {
            "id": message.event_id,
            "rule_id": message.rule_id,
            "severity": message.severity,
            "title": message.title,
            "body": message.body,
            "link": message.link,
            "fields": message.fields,
        },
    }))
}

impl Deliver for Webhook {
    fn request(
        &self,
        message: &Message,
        attempt: &Attempt<'_>,
    ) -> Result<OutboundRequest, DeliveryError> {
        let body = message.within(body, |body| body.len().saturating_sub(BODY_BYTES));
        let id = message.event_id.to_string();
        let timestamp = attempt.now.timestamp().to_string();
        let signatures: Vec<String> = std::iter::once(&self.secret)
            .chain(&self.previous_secret)
            .map(|secret| secret.sign(&id, &timestamp, &body))
            .collect();
        let mut request = json_request(self.url.clone(), body);
        for (name, value) in [
            (ID, id),
            (TIMESTAMP, timestamp),
            (SIGNATURE, signatures.join(" ")),
        ] {
            let value = HeaderValue::from_str(&value)
                .expect("ids, numbers and base64 consist of visible ASCII characters");
            request.headers.insert(name, value);
        }
        Ok(request)
    }

    /// Any failure but 410 is tried again for as long as attempts go on: endpoints are mended.
    fn judge(&self, answer: &Answer, now: DateTime<Utc>) -> Result<(), DeliveryError> {
        judge(answer.status, &answer.headers, now, &[410]).map_err(|error| match error {
            DeliveryError::Answer {
                status,
                verdict: Verdict::GiveUp,
                retry_after,
            } => DeliveryError::Answer {
                status,
                verdict: Verdict::Retry,
                retry_after,
            },
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with the Python library of Standard Webhooks.
    #[test]
    fn a_known_message_has_its_known_signature() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_have_their_form() {
        for length in [24, 32, 64] {
            let secret = WebhookSecret::from_bytes(&vec![7; length]).unwrap();
            let read = WebhookSecret::parse(&secret.reveal()).unwrap();
            assert_eq!(read.reveal(), secret.reveal());
        }
        assert!(WebhookSecret::from_bytes(&[7; 23]).is_none());
        assert!(WebhookSecret::from_bytes(&[7; 65]).is_none());
        for wrong in [
            "",
            "whsec_",
            "whsec_AAAA",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_!",
        ] {
            assert!(WebhookSecret::parse(wrong).is_none(), "{wrong}");
        }
    }
}
