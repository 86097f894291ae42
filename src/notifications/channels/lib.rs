//! Channels by which messages leave: a request built of a typed message for each, and the guarded client that
//! sends it. It knows no database, no user and no alert; who is written to, and when again, is the caller's.
//! A channel is a file: its settings, its request, its judgement of answers.

mod apprise;
mod channel;
mod discord;
mod error;
mod gotify;
mod message;
mod ntfy;
pub mod outbound;
mod request;
mod slack;
mod telegram;
mod text;
mod web_push;
mod webhook;

pub use apprise::Apprise;
pub use channel::{Attempt, Channel, Deliver};
pub use discord::Discord;
pub use error::{DeliveryError, Verdict};
pub use gotify::Gotify;
pub use message::{Field, Message, MessageKind, Severity};
pub use ntfy::Ntfy;
pub use outbound::{
    AllowedDestination, Answer, Lookup, OutboundClient, OutboundError, OutboundLimits,
    OutboundPolicy, OutboundRequest, Refusal, system_lookup,
};
pub use slack::Slack;
pub use telegram::Telegram;
pub use web_push::{EncryptionError, SubscriptionKeys, VapidError, VapidKey, WebPush};
pub use webhook::{Webhook, WebhookSecret};
