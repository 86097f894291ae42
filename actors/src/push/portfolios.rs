//! Portfolios whose live value clients follow. The hub knows neither owners nor holdings: who may
//! follow which portfolio is asked before a client subscribes, and what it is worth is computed elsewhere,
//! as long as somebody follows it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coinsphere_pipelines::signal::{Signal, Waiter};
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::client::SubscribeError;
use super::hub::PushHub;
use super::mailbox::{Frame, Mailbox};
use super::message;
use super::subscribers::Subscribers;
use super::topic::Topic;

/// The most portfolios that are followed at a time.
const MAX: usize = 10_000;

/// The portfolios that are followed.
#[derive(Debug, Default)]
pub(super) struct PortfolioTopics {
    followed: Mutex<HashMap<Uuid, PortfolioTopic>>,
    changed: Signal,
}

#[derive(Debug, Default)]
struct PortfolioTopic {
    subscribers: Subscribers,
    newest: Option<Frame>,
}

impl PushHub {
    /// The portfolios that some client follows.
    #[must_use]
    pub fn followed_portfolios(&self) -> Vec<Uuid> {
        self.portfolios().lock().keys().copied().collect()
    }

    /// Woken when a portfolio is followed for the first time, or by nobody any more.
    #[must_use]
    pub fn followed_portfolios_changed(&self) -> Waiter {
        self.portfolios().changed.waiter()
    }

    /// Tells the followers of a portfolio its value; the newest replaces one that still waits.
    pub fn publish_portfolio(&self, id: Uuid, data: &impl Serialize) {
        let mut followed = self.portfolios().lock();
        let Some(portfolio) = followed.get_mut(&id) else {
            return;
        };
        let topic = Topic::Portfolio(id);
        let frame = Frame {
            text: message::portfolio(&topic, data),
            published: Instant::now(),
        };
        portfolio.newest = Some(frame.clone());
        self.deliver(&mut portfolio.subscribers, |mailbox| {
            mailbox.put_newest(&topic, &frame)
        });
    }

    /// Tells the followers of a portfolio that there is none any more.
    pub fn end_portfolio(&self, id: Uuid) {
        let ended = self.portfolios().lock().remove(&id);
        if let Some(mut portfolio) = ended {
            let topic = Topic::Portfolio(id);
            let frame = Frame {
                text: message::ended(&topic),
                published: Instant::now(),
            };
            self.deliver(&mut portfolio.subscribers, |mailbox| {
                mailbox.put_newest(&topic, &frame)
            });
        }
    }
}

impl PortfolioTopics {
    pub(super) fn add(
        &self,
        id: Uuid,
        topic: &Topic,
        mailbox: &Arc<Mailbox>,
    ) -> Result<(), SubscribeError> {
        let mut followed = self.lock();
        if followed.len() >= MAX && !followed.contains_key(&id) {
            return Err(SubscribeError::TooManyPortfolios);
        }
        let portfolio = followed.entry(id).or_default();
        let is_first = portfolio.subscribers.0.is_empty();
        portfolio.subscribers.0.push(Arc::clone(mailbox));
        if let Some(newest) = &portfolio.newest {
            mailbox.put_newest(topic, newest);
        }
        drop(followed);
        if is_first {
            self.changed.raise();
        }
        Ok(())
    }

    pub(super) fn remove(&self, id: Uuid, mailbox: &Mailbox) {
        let mut followed = self.lock();
        let Some(portfolio) = followed.get_mut(&id) else {
            return;
        };
        let subscribers = &mut portfolio.subscribers.0;
        subscribers.retain(|other| other.id != mailbox.id);
        if subscribers.is_empty() {
            followed.remove(&id);
            drop(followed);
            self.changed.raise();
        }
    }

    /// Nothing panics while holding the lock half-way through a change, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, PortfolioTopic>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
