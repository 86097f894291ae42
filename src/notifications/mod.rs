//! Messages to users: what waits to be sent, what it says, and the channels by which it leaves. It knows
//! nothing of why somebody is written to.

pub(crate) mod address;
mod email;
mod names;
mod notification_user_data;
mod notify;
mod outbox;
mod outbox_worker;
mod settings;
mod templates;

pub use coinsphere_channels as channels;
pub(crate) use email::EmailChannel;
pub use notification_user_data::NotificationUserData;
pub use notify::{NewNotification, notify};
pub use outbox::OutboxView;
pub(crate) use outbox::{Due, EmailKind, OutboxUserData, enqueue, newest, tidy};
pub(crate) use outbox_worker::{Composer, Composition, OutboxWorker};
pub use settings::MailSettings;

/// Why messages cannot be sent as configured.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ChannelError(pub(crate) String);
