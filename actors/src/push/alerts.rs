//! Users who follow their alerts. The hub knows neither alerts nor sessions: whoever subscribes a client has
//! looked whose it is. Every event is sent, in order; a client that is too slow is closed, and asks for what it
//! missed when it connects again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::hub::PushHub;
use super::mailbox::{Frame, Mailbox};
use super::message;
use super::subscribers::Subscribers;
use super::topic::Topic;

/// The users who follow their alerts: bounded by the clients there are.
#[derive(Debug, Default)]
pub(super) struct AlertTopics(Mutex<HashMap<Uuid, Subscribers>>);

impl PushHub {
    /// The users whose alerts some client follows.
    #[must_use]
    pub fn followed_alerts(&self) -> Vec<Uuid> {
        self.alerts().lock().keys().copied().collect()
    }

    /// Tells the clients of a user about an event of an alert.
    pub fn publish_alert(&self, user: Uuid, data: &impl Serialize) {
        let mut followed = self.alerts().lock();
        let Some(subscribers) = followed.get_mut(&user) else {
            return;
        };
        let frame = Frame {
            text: message::alert(&Topic::Alerts(Some(user)), data),
            published: Instant::now(),
        };
        self.deliver(subscribers, |mailbox| mailbox.put_trades(&frame));
    }

    /// The message about an event, as [`Self::publish_alert`] sends it.
    #[must_use]
    pub fn alert_message(user: Uuid, data: &impl Serialize) -> bytes::Bytes {
        message::alert(&Topic::Alerts(Some(user)), data)
    }
}

impl AlertTopics {
    pub(super) fn add(&self, user: Uuid, mailbox: &Arc<Mailbox>) {
        let mut followed = self.lock();
        followed
            .entry(user)
            .or_default()
            .0
            .push(Arc::clone(mailbox));
    }

    pub(super) fn remove(&self, user: Uuid, mailbox: &Mailbox) {
        let mut followed = self.lock();
        let Some(subscribers) = followed.get_mut(&user) else {
            return;
        };
        subscribers.0.retain(|other| other.id != mailbox.id);
        if subscribers.0.is_empty() {
            followed.remove(&user);
        }
    }

    /// Nothing panics while holding the lock half-way through a change, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Subscribers>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
