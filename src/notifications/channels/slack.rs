//! Slack: an incoming webhook with blocks. <https://api.slack.com/messaging/webhooks>,
//! <https://api.slack.com/reference/surfaces/formatting#escaping>

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::channel::{Attempt, Deliver};
use crate::error::{DeliveryError, judge};
use crate::message::Message;
use crate::outbound::{Answer, OutboundRequest};
use crate::request::{bytes, json as json_request};
use crate::text::{escaped, utf16};

/// Characters of a section's text.
const SECTION: usize = 3000;
/// Fields of a section, and characters of each.
const FIELDS: (usize, usize) = (10, 2000);
/// Characters of a title, which stands in the notification.
const TITLE: usize = 250;
/// Characters of a link.
const LINK: usize = 2000;

/// An incoming webhook.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slack {
    /// Its URL, which is its secret.
    pub url: Url,
}

const fn entity(character: char) -> Option<&'static str> {
    match character {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}

fn escape(text: &str, limit: usize) -> String {
    escaped(text, limit, entity, utf16)
}

/// Text in which names of people and channels are not looked for.
fn text(text: &str) -> Value {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

fn body(message: &Message) -> Value {
    let title = escape(&message.title, TITLE);
    let mut section = format!("*{title}*");
    let room = SECTION - utf16(&section) - 1;
    if !message.body.is_empty() {
        section.push('\n');
        section.push_str(&escape(&message.body, room));
    }
    let mut blocks = vec![json!({"type": "section", "text": text(&section)})];
    if !message.fields.is_empty() {
        let (count, limit) = FIELDS;
        let fields = message.fields.iter().take(count).map(|field| {
            let name = escape(&field.name, TITLE);
            let value = escape(&field.value, limit - utf16(&name) - 1);
            text(&format!("{name}\n{value}"))
        });
        blocks.push(json!({"type": "section", "fields": fields.collect::<Vec<_>>()}));
    }
    if let Some(link) = &message.link {
        // The bar would end the address.
        let link = link.as_str().replace('|', "%7C");
        let whole = escape(&link, usize::MAX);
        if utf16(&whole) <= LINK {
            let link = format!("<{whole}|Open>");
            blocks.push(json!({"type": "section", "text": text(&link)}));
        }
    }
    json!({"text": title, "blocks": blocks, "unfurl_links": false, "unfurl_media": false})
}

impl Deliver for Slack {
    fn request(
        &self,
        message: &Message,
        _: &Attempt<'_>,
    ) -> Result<OutboundRequest, DeliveryError> {
        let body = message.within(body, |_| 0);
        Ok(json_request(self.url.clone(), bytes(&body)))
    }

    /// 404 is `no_service`, 403 a workspace that forbids it, 410 a channel that is archived.
    fn judge(&self, answer: &Answer, now: DateTime<Utc>) -> Result<(), DeliveryError> {
        judge(answer.status, &answer.headers, now, &[403, 404, 410])
    }
}
