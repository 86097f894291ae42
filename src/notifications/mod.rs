//! Messages to users: what waits to be sent, what it says, and the channels by which it leaves. It knows
//! nothing of why somebody is written to.

pub(crate) mod address;
mod bundle;
mod delivery;
pub mod delivery_worker;
mod email;
mod email_delivery;
mod error;
mod inbox;
mod links;
mod names;
mod notification_user_data;
mod notify;
mod outbox;
mod outbox_worker;
mod quiet_hours;
mod sealed_settings;
mod service;
mod settings;
mod templates;
mod user_channels;

pub use coinsphere_channels as channels;
pub(crate) use email::EmailChannel;
pub use error::NotificationError;
pub use inbox::{Delivery, Notification};
pub use links::NotificationLink;
pub use notification_user_data::NotificationUserData;
pub use notify::{NewNotification, notify};
pub use outbox::OutboxView;
pub(crate) use outbox::{Due, EmailKind, OutboxUserData, enqueue, newest, tidy};
pub(crate) use outbox_worker::{Composer, Composition, OutboxWorker};
pub use quiet_hours::QuietHours;
pub use service::{NotificationDeps, Notifications};
pub use settings::{MailSettings, NotificationSettings};
pub use user_channels::{MOST_CHANNELS, TestOutcome, UserChannel};

/// Why messages cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ChannelError(pub(crate) String);
