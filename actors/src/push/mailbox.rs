//! Messages that wait for one client: bounded in messages and bytes, whatever is published.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use coinsphere_pipelines::market::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Topic, message};

/// A message ready to be sent: UTF-8 JSON, shared between all clients it goes to.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The text.
    pub text: Bytes,
    /// When it was published, for measuring how long it took to be sent.
    pub published: Instant,
}

/// Why a mailbox takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// The client took its trades too slowly: its queue overflowed.
    TooSlow,
    /// The program is stopping.
    GoingAway,
    /// Messages were lost on the way to this process.
    Interrupted,
}

/// Closed candles kept for one topic of a slow client.
const CLOSED_CANDLES: usize = 8;

#[derive(Debug, Default)]
struct Candles {
    closed: VecDeque<Frame>,
    open: Option<(Timestamp, Frame)>,
    skipped: u64,
    /// True if the topic stands in `Waiting::topics`.
    queued: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    trades: VecDeque<Frame>,
    trade_bytes: usize,
    candles: BTreeMap<Topic, Candles>,
    /// Topics with candles waiting, in the order they began to wait.
    topics: VecDeque<Topic>,
    closed: Option<Closed>,
}

/// One client's mailbox.
#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) id: u64,
    max_trades: usize,
    max_bytes: usize,
    waiting: Mutex<Waiting>,
    notify: Notify,
}

/// Outcome of putting a message into a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It waits.
    Queued,
    /// It replaced an older message of its topic.
    Coalesced,
    /// There was no room: the mailbox is closed from here on.
    Overflowed,
    /// The mailbox had been closed before.
    Closed,
}

impl Mailbox {
    pub(super) fn new(id: u64, max_trades: usize, max_bytes: usize) -> Self {
        Self {
            id,
            max_trades,
            max_bytes,
            waiting: Mutex::default(),
            notify: Notify::new(),
        }
    }

    /// Nothing panics while holding the lock half-way through a change, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put_trades(&self, frame: &Frame) -> Put {
        let mut waiting = self.lock();
        if waiting.closed.is_some() {
            return Put::Closed;
        }
        let bytes = waiting.trade_bytes + frame.text.len();
        if waiting.trades.len() >= self.max_trades || bytes > self.max_bytes {
            *waiting = Waiting {
                closed: Some(Closed::TooSlow),
                ..Waiting::default()
            };
            drop(waiting);
            self.notify.notify_one();
            return Put::Overflowed;
        }
        waiting.trade_bytes = bytes;
        waiting.trades.push_back(frame.clone());
        drop(waiting);
        self.notify.notify_one();
        Put::Queued
    }

    pub(super) fn put_candle(
        &self,
        topic: &Topic,
        open_time: Timestamp,
        closed: bool,
        frame: &Frame,
    ) -> Put {
        let mut guard = self.lock();
        let waiting = &mut *guard;
        if waiting.closed.is_some() {
            return Put::Closed;
        }
        let candles = match waiting.candles.get_mut(topic) {
            Some(candles) => candles,
            None => waiting.candles.entry(topic.clone()).or_default(),
        };
        let mut put = Put::Queued;
        if closed {
            // The closed candle says all that an open state of it or of an earlier one said.
            if candles
                .open
                .as_ref()
                .is_some_and(|(time, _)| *time <= open_time)
            {
                candles.open = None;
                put = Put::Coalesced;
            }
            if candles.closed.len() == CLOSED_CANDLES {
                candles.closed.pop_front();
                candles.skipped += 1;
            }
            candles.closed.push_back(frame.clone());
        } else if candles.open.replace((open_time, frame.clone())).is_some() {
            put = Put::Coalesced;
        }
        if !candles.queued {
            candles.queued = true;
            waiting.topics.push_back(topic.clone());
        }
        drop(guard);
        self.notify.notify_one();
        put
    }

    /// The newest message of a topic of which only the newest counts.
    pub(super) fn put_newest(&self, topic: &Topic, frame: &Frame) -> Put {
        self.put_candle(topic, Timestamp::MIN, false, frame)
    }

    /// Forgets what waits of this topic's candles; called when it is unsubscribed.
    pub(super) fn forget(&self, topic: &Topic) {
        let mut waiting = self.lock();
        if waiting.candles.remove(topic).is_some_and(|c| c.queued) {
            waiting.topics.retain(|queued| queued != topic);
        }
    }

    pub(super) fn close(&self, why: Closed) {
        let mut waiting = self.lock();
        if waiting.closed.is_none() {
            *waiting = Waiting {
                closed: Some(why),
                ..Waiting::default()
            };
        }
        drop(waiting);
        self.notify.notify_one();
    }

    pub(super) fn closed(&self) -> Option<Closed> {
        self.lock().closed
    }

    /// Moves what waits to `out`, oldest first, about `max` messages of it.
    pub(super) fn take(&self, out: &mut Vec<Frame>, max: usize) -> Result<(), Closed> {
        let mut guard = self.lock();
        let waiting = &mut *guard;
        if let Some(why) = waiting.closed {
            return Err(why);
        }
        while out.len() < max
            && let Some(topic) = waiting.topics.pop_front()
        {
            let Some(candles) = waiting.candles.get_mut(&topic) else {
                continue;
            };
            candles.queued = false;
            if candles.skipped > 0 {
                out.push(Frame {
                    text: message::skipped(&topic, candles.skipped),
                    published: Instant::now(),
                });
                candles.skipped = 0;
            }
            out.extend(candles.closed.drain(..));
            out.extend(candles.open.take().map(|(_, frame)| frame));
        }
        while out.len() < max
            && let Some(frame) = waiting.trades.pop_front()
        {
            waiting.trade_bytes -= frame.text.len();
            out.push(frame);
        }
        Ok(())
    }

    /// Waits until something was put in or the mailbox was closed. May return early.
    pub(super) async fn changed(&self) {
        self.notify.notified().await;
    }
}
