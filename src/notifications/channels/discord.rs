//! Discord: a webhook with an embed, which pings nobody.
//! <https://discord.com/developers/docs/resources/webhook#execute-webhook>

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::channel::{Attempt, Deliver};
use crate::error::{DeliveryError, judge, wait};
use crate::message::{Message, Severity};
use crate::outbound::{Answer, OutboundRequest};
use crate::request::{bytes, json as json_request};
use crate::text::{escaped, utf16};

const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1024;
/// Characters of an embed's texts together.
const EMBED: usize = 6000;
const LINK: usize = 2048;

/// A channel's webhook.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Discord {
    /// Its URL, which is its secret.
    pub url: Url,
}

/// The limits of one refusal, in seconds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Limited {
    retry_after: Option<f64>,
}

/// A backslash before what Discord would read as markup, a mention or a time.
const fn markup(character: char) -> Option<&'static str> {
    Some(match character {
        '\\' => "\\\\",
        '*' => "\\*",
        '_' => "\\_",
        '~' => "\\~",
        '`' => "\\`",
        '|' => "\\|",
        '>' => "\\>",
        '<' => "\\<",
        '#' => "\\#",
        '[' => "\\[",
        ']' => "\\]",
        '(' => "\\(",
        ')' => "\\)",
        '-' => "\\-",
        '@' => "\\@",
        ':' => "\\:",
        _ => return None,
    })
}

fn escape(text: &str, limit: usize) -> String {
    escaped(text, limit, markup, utf16)
}

/// Text where there must be some.
fn or_dash(text: String) -> String {
    if text.trim().is_empty() {
        "–".to_owned()
    } else {
        text
    }
}

const fn color(severity: Severity) -> u32 {
    match severity {
        Severity::Info => 0x8a_8f_98,
        Severity::Normal => 0x2f_6f_ed,
        Severity::Urgent => 0xd9_2d_20,
    }
}

/// An embed, and how many characters its texts have.
fn embed(message: &Message) -> (usize, Value) {
    let title = escape(&message.title, TITLE);
    let description = escape(&message.body, DESCRIPTION);
    let mut characters = utf16(&title) + utf16(&description);
    let mut fields = Vec::new();
    for field in &message.fields {
        let name = or_dash(escape(&field.name, FIELD_NAME));
        let value = or_dash(escape(&field.value, FIELD_VALUE));
        characters += utf16(&name) + utf16(&value);
        fields.push(json!({"name": name, "value": value, "inline": true}));
    }
    let mut embed = json!({
        "title": title,
        "description": description,
        "fields": fields,
        "color": color(message.severity),
        "timestamp": message.time.to_rfc3339_opts(SecondsFormat::Millis, true),
    });
    let link = message.link.as_ref().map(Url::as_str);
    if let Some(link) = link.filter(|link| utf16(link) <= LINK) {
        embed["url"] = json!(link);
    }
    (characters, embed)
}

impl Deliver for Discord {
    fn request(
        &self,
        message: &Message,
        _: &Attempt<'_>,
    ) -> Result<OutboundRequest, DeliveryError> {
        let mut url = self.url.clone();
        // Otherwise it answers before it knows whether it takes the message.
        if !url.query_pairs().any(|(name, _)| name == "wait") {
            url.query_pairs_mut().append_pair("wait", "true");
        }
        let (_, embed) = message.within(embed, |(characters, _)| characters.saturating_sub(EMBED));
        let body = json!({"embeds": [embed], "allowed_mentions": {"parse": []}});
        Ok(json_request(url, bytes(&body)))
    }

    fn judge(&self, answer: &Answer, now: DateTime<Utc>) -> Result<(), DeliveryError> {
        judge(answer.status, &answer.headers, now, &[401, 403, 404]).map_err(|error| match error {
            DeliveryError::Answer {
                status,
                verdict,
                retry_after,
            } => {
                let limited: Limited = serde_json::from_slice(&answer.body).unwrap_or_default();
                DeliveryError::Answer {
                    status,
                    verdict,
                    retry_after: limited.retry_after.and_then(wait).or(retry_after),
                }
            }
            other => other,
        })
    }
}
