//! ntfy: JSON published to the server's root, because headers could carry no text but ASCII.
//! <https://docs.ntfy.sh/publish/#publish-as-json>

use chrono::{DateTime, Utc};
use hyper::header::AUTHORIZATION;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::channel::{Attempt, Deliver};
use crate::error::{DeliveryError, judge};
use crate::message::{Message, Severity};
use crate::outbound::{Answer, OutboundRequest};
use crate::request::{bytes, json as json_request, secret_header};

/// Bytes of a message; a longer one becomes an attached file.
const MESSAGE_BYTES: usize = 4096;
/// Bytes of the JSON around it; a server reads no more.
const BODY_BYTES: usize = 8192;

/// A topic of a server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ntfy {
    /// The server, with the path it is served at.
    pub server: Url,
    /// The topic: letters, digits, `_` and `-`, at most 64.
    pub topic: String,
    /// An access token, if the topic asks for one.
    #[serde(default)]
    pub token: Option<SecretString>,
}

const fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 2,
        Severity::Normal => 3,
        Severity::Urgent => 5,
    }
}

impl Ntfy {
    fn body(&self, message: &Message) -> (usize, Vec<u8>) {
        let without_link = Message {
            link: None,
            ..message.clone()
        };
        let text = without_link.text();
        let mut body = json!({
            "topic": self.topic,
            "title": message.title,
            "message": text,
            "priority": priority(message.severity),
        });
        if let Some(link) = &message.link {
            body["click"] = json!(link);
            body["actions"] = json!([{"action": "view", "label": "Open", "url": link}]);
        }
        (text.len(), bytes(&body))
    }
}

impl Deliver for Ntfy {
    fn request(
        &self,
        message: &Message,
        _: &Attempt<'_>,
    ) -> Result<OutboundRequest, DeliveryError> {
        let is_topic_character =
            |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=64).contains(&self.topic.len()) || !self.topic.bytes().all(is_topic_character) {
            return Err(DeliveryError::Settings(
                "a topic of ntfy is 1 to 64 letters, digits, _ or -",
            ));
        }
        let (_, body) = message.within(
            |message| self.body(message),
            |(text, body)| {
                let excess = text.saturating_sub(MESSAGE_BYTES);
                excess.max(body.len().saturating_sub(BODY_BYTES))
            },
        );
        let mut request = json_request(self.server.clone(), body);
        if let Some(token) = &self.token {
            let value = secret_header(&format!("Bearer {}", token.expose_secret()))?;
            request.headers.insert(AUTHORIZATION, value);
        }
        Ok(request)
    }

    fn judge(&self, answer: &Answer, now: DateTime<Utc>) -> Result<(), DeliveryError> {
        judge(answer.status, &answer.headers, now, &[401, 403])
    }
}
