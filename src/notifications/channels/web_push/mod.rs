//! Web Push to a browser: an encrypted body (RFC 8291) posted to the browser's push service (RFC 8030) by a
//! server that names itself (VAPID, RFC 8292).

mod encryption;
mod vapid;

use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

pub use encryption::EncryptionError;
pub use vapid::{VapidError, VapidKey};

use crate::channel::{Attempt, Deliver};
use crate::error::{DeliveryError, judge};
use crate::message::{Message, Severity};
use crate::outbound::{Answer, OutboundRequest};
use crate::request::{bytes, json as json_request, secret_header};

/// Seconds that a push service keeps a message for a browser that is away: a late price is noise.
const TTL: &str = "3600";

/// A browser's subscription, as `PushSubscription.toJSON()` gives it.
#[derive(Deserialize)]
pub struct WebPush {
    /// Its address at the push service, which is its secret.
    pub endpoint: Url,
    /// Its keys.
    pub keys: SubscriptionKeys,
}

/// Keys of a subscription, in base64url.
#[derive(Deserialize)]
pub struct SubscriptionKeys {
    /// The browser's public key: an uncompressed point of P-256.
    pub p256dh: String,
    /// The secret that only the browser and this server know.
    pub auth: SecretString,
}

const fn urgency(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "low",
        Severity::Normal => "normal",
        Severity::Urgent => "high",
    }
}

/// All that fits; the page reads the rest when the user opens it.
fn plaintext(message: &Message) -> Vec<u8> {
    bytes(&json!({
        "id": message.event_id,
        "title": message.title,
        "body": message.body,
        "link": message.link,
    }))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD
        .decode(text.trim_end_matches('=').as_bytes())
        .ok()
}

impl WebPush {
    fn encrypt(&self, plaintext: &[u8], attempt: &Attempt<'_>) -> Option<Vec<u8>> {
        let public_key = decode(&self.keys.p256dh)?;
        let auth = decode(self.keys.auth.expose_secret())?;
        let [salt @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = (attempt.random)();
        encryption::encrypt(plaintext, &public_key, &auth, salt, attempt.random).ok()
    }
}

impl Deliver for WebPush {
    fn request(
        &self,
        message: &Message,
        attempt: &Attempt<'_>,
    ) -> Result<OutboundRequest, DeliveryError> {
        let vapid = attempt.vapid.ok_or(DeliveryError::Settings(
            "this server has no key for Web Push",
        ))?;
        let plaintext = message.within(plaintext, |text| {
            text.len().saturating_sub(encryption::PLAINTEXT_BYTES)
        });
        let body = self
            .encrypt(&plaintext, attempt)
            .ok_or(DeliveryError::Settings("the browser's keys are none"))?;
        let authorization = vapid
            .authorization(&self.endpoint, attempt.now)
            .map_err(|_| DeliveryError::Settings("the server's key for Web Push cannot sign"))?;
        let mut request = json_request(self.endpoint.clone(), body);
        let headers = &mut request.headers;
        headers.insert(AUTHORIZATION, secret_header(&authorization)?);
        for (name, value) in [
            (CONTENT_TYPE, "application/octet-stream"),
            (CONTENT_ENCODING, "aes128gcm"),
            (HeaderName::from_static("ttl"), TTL),
            (
                HeaderName::from_static("urgency"),
                urgency(message.severity),
            ),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(rule) = message.rule_id {
            // 32 characters, which is the longest topic.
            let topic = HeaderValue::from_str(&rule.simple().to_string())
                .expect("hexadecimal digits are a header's value");
            headers.insert(HeaderName::from_static("topic"), topic);
        }
        Ok(request)
    }

    /// 404 and 410 are a subscription that has ended.
    fn judge(&self, answer: &Answer, now: DateTime<Utc>) -> Result<(), DeliveryError> {
        judge(answer.status, &answer.headers, now, &[404, 410])
    }
}
