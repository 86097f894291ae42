//! The channels as one: a request made of a message, and an answer judged.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;

use crate::apprise::Apprise;
use crate::discord::Discord;
use crate::error::DeliveryError;
use crate::gotify::Gotify;
use crate::message::Message;
use crate::ntfy::Ntfy;
use crate::outbound::{Answer, OutboundClient, OutboundPolicy, OutboundRequest};
use crate::slack::Slack;
use crate::telegram::Telegram;
use crate::web_push::{VapidKey, WebPush};
use crate::webhook::Webhook;

/// Ambient facts of an attempt, handed in.
pub struct Attempt<'a> {
    /// The time of the attempt.
    pub now: DateTime<Utc>,
    /// Secret random bytes, others at each call.
    pub random: &'a (dyn Fn() -> [u8; 32] + Sync),
    /// The server's key for Web Push; without one, browsers cannot be reached.
    pub vapid: Option<&'a VapidKey>,
}

/// A channel by which messages leave. All that it needs is in its settings and in what it is given.
pub trait Deliver: Send + Sync {
    /// The request that carries the message.
    ///
    /// # Errors
    /// When the settings make none.
    fn request(
        &self,
        message: &Message,
        attempt: &Attempt<'_>,
    ) -> Result<OutboundRequest, DeliveryError>;

    /// Judges an answer.
    ///
    /// # Errors
    /// When it is not that of a receiver that has taken the message.
    fn judge(&self, answer: &Answer, now: DateTime<Utc>) -> Result<(), DeliveryError>;
}

/// A channel's kind with its settings, as they are stored. It is not shown: most settings are secret.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Channel {
    /// A URL of the user's, by Standard Webhooks.
    Webhook(Webhook),
    /// A topic of an ntfy server.
    Ntfy(Ntfy),
    /// A chat with a Telegram bot.
    Telegram(Telegram),
    /// An incoming webhook of Slack.
    Slack(Slack),
    /// A webhook of a Discord channel.
    Discord(Discord),
    /// An application of a Gotify server.
    Gotify(Gotify),
    /// A browser.
    WebPush(WebPush),
    /// An Apprise API, which knows a hundred more.
    Apprise(Apprise),
}

impl Channel {
    fn deliver_by(&self) -> &dyn Deliver {
        match self {
            Self::Webhook(channel) => channel,
            Self::Ntfy(channel) => channel,
            Self::Telegram(channel) => channel,
            Self::Slack(channel) => channel,
            Self::Discord(channel) => channel,
            Self::Gotify(channel) => channel,
            Self::WebPush(channel) => channel,
            Self::Apprise(channel) => channel,
        }
    }

    /// Checks the settings before they are stored: a request can be made with them, to where one may be sent as
    /// far as its URL says.
    ///
    /// # Errors
    /// The fault in them.
    pub fn check(
        &self,
        policy: &OutboundPolicy,
        attempt: &Attempt<'_>,
    ) -> Result<(), DeliveryError> {
        let request = self.request(&Message::test(Uuid::nil(), attempt.now), attempt)?;
        policy
            .check_url(&request.url)
            .map_err(|refusal| DeliveryError::Outbound(refusal.into()))
    }

    /// Attempts to deliver a message, once.
    ///
    /// # Errors
    /// Why it is not delivered; the error knows whether another attempt makes sense, and when.
    pub async fn deliver(
        &self,
        client: &OutboundClient,
        message: &Message,
        attempt: &Attempt<'_>,
    ) -> Result<(), DeliveryError> {
        let answer = client.send(self.request(message, attempt)?).await?;
        self.judge(&answer, attempt.now)
    }
}

impl Deliver for Channel {
    fn request(
        &self,
        message: &Message,
        attempt: &Attempt<'_>,
    ) -> Result<OutboundRequest, DeliveryError> {
        self.deliver_by().request(message, attempt)
    }

    fn judge(&self, answer: &Answer, now: DateTime<Utc>) -> Result<(), DeliveryError> {
        self.deliver_by().judge(answer, now)
    }
}
