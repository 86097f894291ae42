//! Apprise: the user's own Apprise API, which passes a message on to over a hundred services.
//! <https://github.com/caronc/apprise-api>

use chrono::{DateTime, Utc};
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::channel::{Attempt, Deliver};
use crate::error::{DeliveryError, Verdict, judge};
use crate::message::{Message, Severity};
use crate::outbound::{Answer, OutboundRequest};
use crate::request::{bytes, json as json_request};

/// Bytes of a request; Apprise shortens for each service.
const BODY_BYTES: usize = 32_768;

/// A configuration of an Apprise API.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apprise {
    /// The URL to notify by: `https://apprise.example.org/notify/KEY`.
    pub url: Url,
    /// Only services with this tag.
    #[serde(default)]
    pub tag: Option<String>,
}

const fn kind(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Normal => "info",
        Severity::Urgent => "warning",
    }
}

impl Apprise {
    fn body(&self, message: &Message) -> Value {
        let text = message.text();
        // An empty body is refused.
        let text = if text.is_empty() {
            &message.title
        } else {
            &text
        };
        let mut body = json!({
            "title": message.title,
            "body": text,
            "type": kind(message.severity),
            "format": "text",
        });
        if let Some(tag) = &self.tag {
            body["tag"] = json!(tag);
        }
        body
    }
}

impl Deliver for Apprise {
    fn request(
        &self,
        message: &Message,
        _: &Attempt<'_>,
    ) -> Result<OutboundRequest, DeliveryError> {
        let body = message.within(
            |message| bytes(&self.body(message)),
            |body| body.len().saturating_sub(BODY_BYTES),
        );
        Ok(json_request(self.url.clone(), body))
    }

    /// 204 says that the key has no services, 424 that one of them failed.
    fn judge(&self, answer: &Answer, now: DateTime<Utc>) -> Result<(), DeliveryError> {
        let verdict = match answer.status {
            StatusCode::NO_CONTENT => Verdict::Disable,
            StatusCode::FAILED_DEPENDENCY => Verdict::Retry,
            status => return judge(status, &answer.headers, now, &[401, 403, 404]),
        };
        Err(DeliveryError::Answer {
            status: answer.status,
            verdict,
            retry_after: None,
        })
    }
}
