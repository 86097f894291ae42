//! Gotify: a message of an application. <https://gotify.net/api-docs>, <https://gotify.net/docs/msgextras>

use chrono::{DateTime, Utc};
use hyper::header::HeaderName;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::channel::{Attempt, Deliver};
use crate::error::{DeliveryError, judge};
use crate::message::{Message, Severity};
use crate::outbound::{Answer, OutboundRequest};
use crate::request::{below, bytes, json as json_request, secret_header};

/// Bytes of a request, so that no phone's notification fails over its size.
const BODY_BYTES: usize = 16_384;

/// An application of a server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gotify {
    /// The server, with the path it is served at.
    pub server: Url,
    /// The application's token.
    pub token: SecretString,
}

const fn priority(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 2,
        Severity::Normal => 5,
        Severity::Urgent => 8,
    }
}

fn body(message: &Message) -> Vec<u8> {
    let text = message.text();
    let mut extras = json!({"client::display": {"contentType": "text/plain"}});
    if let Some(link) = &message.link {
        extras["client::notification"] = json!({"click": {"url": link}});
    }
    // An empty message is refused.
    let text = if text.is_empty() {
        &message.title
    } else {
        &text
    };
    bytes(&json!({
        "title": message.title,
        "message": text,
        "priority": priority(message.severity),
        "extras": extras,
    }))
}

impl Deliver for Gotify {
    fn request(
        &self,
        message: &Message,
        _: &Attempt<'_>,
    ) -> Result<OutboundRequest, DeliveryError> {
        let body = message.within(body, |body| body.len().saturating_sub(BODY_BYTES));
        let mut request = json_request(below(&self.server, &["message"])?, body);
        request.headers.insert(
            HeaderName::from_static("x-gotify-key"),
            secret_header(self.token.expose_secret())?,
        );
        Ok(request)
    }

    fn judge(&self, answer: &Answer, now: DateTime<Utc>) -> Result<(), DeliveryError> {
        judge(answer.status, &answer.headers, now, &[401, 403])
    }
}
