//! One connected client's end of the hub.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::hub::PushHub;
use super::mailbox::{Closed, Frame, Mailbox};
use super::topic::Topic;

/// A client. Dropping it unsubscribes everything.
#[derive(Debug)]
pub struct Client {
    hub: Arc<PushHub>,
    mailbox: Arc<Mailbox>,
    topics: BTreeSet<Topic>,
}

/// Why a subscription was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// The hub knows which instruments there are, and this is none of them.
    #[error("there is no such instrument")]
    UnknownInstrument,
    /// The client holds as many topics as it may.
    #[error("too many topics: unsubscribe some first")]
    TooManyTopics,
    /// It is not known whose alerts they are.
    #[error("alerts are for whoever is signed in")]
    NobodysAlerts,
    /// As many portfolios are followed for all clients together as there may be.
    #[error("too many portfolios are followed at the moment: try again later")]
    TooManyPortfolios,
}

impl Client {
    pub(super) fn new(hub: Arc<PushHub>, mailbox: Arc<Mailbox>) -> Self {
        Self {
            hub,
            mailbox,
            topics: BTreeSet::new(),
        }
    }

    /// The topics subscribed to.
    #[must_use]
    pub const fn topics(&self) -> &BTreeSet<Topic> {
        &self.topics
    }

    /// Subscribes to a topic; again if need be, which changes nothing. The newest candle of a
    /// candle topic is in the mailbox on return, if there is one.
    ///
    /// # Errors
    /// When there is no such instrument, or the client has too many topics, or all have too many portfolios.
    pub fn subscribe(&mut self, topic: &Topic) -> Result<(), SubscribeError> {
        if self.topics.contains(topic) {
            return Ok(());
        }
        self.may_subscribe(topic)?;
        if self.topics.len() >= self.hub.limits().topics {
            return Err(SubscribeError::TooManyTopics);
        }
        match topic {
            Topic::Instrument {
                instrument,
                channel,
            } => self.hub.add(topic, (instrument, *channel), &self.mailbox),
            Topic::Portfolio(id) => self.hub.portfolios().add(*id, topic, &self.mailbox)?,
            Topic::Alerts(Some(user)) => self.hub.alerts().add(*user, &self.mailbox),
            Topic::Alerts(None) => return Err(SubscribeError::NobodysAlerts),
        }
        self.topics.insert(topic.clone());
        self.hub.count_subscriptions(1);
        Ok(())
    }

    /// Checks that the topic exists. Whose portfolio it is about is not known here.
    ///
    /// # Errors
    /// When there is no such instrument, or it is not said whose alerts they are.
    pub fn may_subscribe(&self, topic: &Topic) -> Result<(), SubscribeError> {
        match topic {
            Topic::Instrument { instrument, .. } if !self.hub.knows(instrument) => {
                Err(SubscribeError::UnknownInstrument)
            }
            Topic::Alerts(None) => Err(SubscribeError::NobodysAlerts),
            _ => Ok(()),
        }
    }

    /// Unsubscribes a topic; whether it was subscribed to. Trades already in the mailbox still
    /// come.
    pub fn unsubscribe(&mut self, topic: &Topic) -> bool {
        let was = self.topics.remove(topic);
        if was {
            self.hub.remove(topic, &self.mailbox);
            self.mailbox.forget(topic);
        }
        was
    }

    /// Moves about `max` waiting messages to `out`, oldest first; never waits.
    ///
    /// # Errors
    /// When the client has been closed: there are no more messages.
    pub fn take(&self, out: &mut Vec<Frame>, max: usize) -> Result<(), Closed> {
        self.mailbox.take(out, max)
    }

    /// Waits until there may be something to take, or the client was closed. Cancel-safe.
    pub async fn changed(&self) {
        self.mailbox.changed().await;
    }

    /// Waits until the client is closed by the hub. Cancel-safe, but it takes wake-ups from
    /// [`Client::changed`]: take after it was cancelled.
    pub async fn closed(&self) -> Closed {
        loop {
            if let Some(why) = self.mailbox.closed() {
                return why;
            }
            self.mailbox.changed().await;
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        for topic in &self.topics {
            self.hub.remove(topic, &self.mailbox);
        }
        self.hub.left(&self.mailbox);
    }
}
