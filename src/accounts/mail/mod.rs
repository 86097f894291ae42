//! Mail to users: what waits to be sent, what it says, and how it is sent.

mod delivery;
mod letters;
mod outbox;
mod post;

pub(super) use outbox::{Kind, enqueue};

pub(super) use delivery::Delivery;
pub use outbox::OutboxView;
