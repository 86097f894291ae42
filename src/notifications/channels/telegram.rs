//! Telegram: `sendMessage` of a bot, as plain text whose title is made bold by an entity, so that nothing needs
//! escaping. <https://core.telegram.org/bots/api#sendmessage>

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::channel::{Attempt, Deliver};
use crate::error::{DeliveryError, Verdict, judge, wait};
use crate::message::{Message, Severity};
use crate::outbound::{Answer, OutboundRequest};
use crate::request::{below, bytes, json as json_request};
use crate::text::utf16;

/// Characters of a text, counted as entities count them.
const TEXT_UNITS: usize = 4096;

/// A chat with a bot.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telegram {
    /// The server of the Bot API; Telegram's own unless given.
    #[serde(default = "public_server")]
    pub server: Url,
    /// The bot's token.
    pub token: SecretString,
    /// The chat: a number, or `@` and a channel's name.
    pub chat_id: String,
}

fn public_server() -> Url {
    Url::parse("https://api.telegram.org").expect("it is a URL, as each test of this channel sees")
}

/// A refusal as the Bot API words it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    description: String,
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    retry_after: Option<f64>,
}

impl Deliver for Telegram {
    fn request(
        &self,
        message: &Message,
        _: &Attempt<'_>,
    ) -> Result<OutboundRequest, DeliveryError> {
        let token = self.token.expose_secret();
        let is_token_character =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
        if token.is_empty() || !token.bytes().all(is_token_character) {
            return Err(DeliveryError::Settings(
                "a bot's token is digits, a colon, and letters, digits, _ or -",
            ));
        }
        let url = below(&self.server, &[&format!("bot{token}"), "sendMessage"])?;
        let (title, text) = message.within(
            |message| {
                let text = format!("{}\n{}", message.title, message.text());
                (message.title.clone(), text.trim_end().to_owned())
            },
            |(_, text)| utf16(text).saturating_sub(TEXT_UNITS),
        );
        let body = json!({
            "chat_id": self.chat_id,
            "text": text,
            "disable_notification": message.severity == Severity::Info,
            // Telegram trims the text, which moves nothing: a title has no space around it.
            "entities": [{"type": "bold", "offset": 0, "length": utf16(&title)}],
            "link_preview_options": {"is_disabled": true},
        });
        Ok(json_request(url, bytes(&body)))
    }

    /// 403 is a user who blocked the bot; 401 and 404 are a token that is none.
    fn judge(&self, answer: &Answer, now: DateTime<Utc>) -> Result<(), DeliveryError> {
        judge(answer.status, &answer.headers, now, &[401, 403, 404]).map_err(|error| {
            let DeliveryError::Answer {
                status,
                verdict,
                retry_after,
            } = error
            else {
                return error;
            };
            let refused: Refused = serde_json::from_slice(&answer.body).unwrap_or_default();
            let no_chat = refused.description.contains("chat not found");
            DeliveryError::Answer {
                status,
                verdict: if no_chat { Verdict::Disable } else { verdict },
                retry_after: refused
                    .parameters
                    .retry_after
                    .and_then(wait)
                    .or(retry_after),
            }
        })
    }
}
