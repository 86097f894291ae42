//! Records on their way to the cluster, and the task that gets them there. Keeps a partition's
//! records in order, whatever fails; must not know who waits for them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use super::transport::Transport;
use crate::log::{LogError, Offset};
use crate::net::Backoff;

/// Bytes and records of one request. Everything in it is acknowledged before the next one is sent.
/// FLUVIO.md, trap 3: once its queue of 100 batches is full, the client's `send` can spin a core
/// for good, and no timeout around it fires; this much fits into a tenth of that queue.
const REQUEST_BYTES: usize = 1 << 20;
const REQUEST_RECORDS: usize = 4_096;
/// The largest record: a request of the client holds 2 MiB.
pub(super) const RECORD_BYTES: usize = 1 << 20;
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// One partition's records that are not acknowledged yet, bounded in bytes.
pub(super) struct Outbox {
    state: Mutex<State>,
    max_bytes: usize,
    /// Something was added, or the outbox is closed.
    added: Notify,
    /// Something left, or sending failed.
    pub(super) moved: Notify,
    resent: AtomicU64,
}

struct State {
    queue: VecDeque<Pending>,
    bytes: usize,
    closed: bool,
    failing: Option<String>,
}

struct Pending {
    encoded: Bytes,
    /// Set by the first record of an append: where its offset goes.
    first: Option<oneshot::Sender<Offset>>,
    /// Set by the last record of an append: where its offset goes.
    last: Option<oneshot::Sender<Offset>>,
    /// The number of times it has been sent.
    sent: u32,
}

/// The offsets of an append's first and last record, once they are acknowledged.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) first: oneshot::Receiver<Offset>,
    pub(super) last: oneshot::Receiver<Offset>,
}

impl Outbox {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                bytes: 0,
                closed: false,
                failing: None,
            }),
            max_bytes,
            added: Notify::new(),
            moved: Notify::new(),
            resent: AtomicU64::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody panics while holding it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts all of `records` in, or none: `Ok(None)` means that there is no room.
    pub(super) fn push(&self, records: &[Bytes]) -> Result<Option<Receipt>, LogError> {
        let mut state = self.state();
        if state.closed {
            return Err(LogError::Closed);
        }
        if let Some(large) = records.iter().find(|record| record.len() > RECORD_BYTES) {
            return Err(LogError::TooLarge {
                bytes: large.len(),
                limit: RECORD_BYTES,
            });
        }
        let bytes: usize = records.iter().map(Bytes::len).sum();
        // One append larger than the outbox goes in alone.
        if state.bytes > 0 && state.bytes + bytes > self.max_bytes {
            return Ok(None);
        }
        let (first_sender, first) = oneshot::channel();
        let (last_sender, last) = oneshot::channel();
        let (mut first_sender, mut last_sender) = (Some(first_sender), Some(last_sender));
        for (i, encoded) in records.iter().enumerate() {
            state.queue.push_back(Pending {
                encoded: encoded.clone(),
                first: first_sender.take(),
                last: if i + 1 == records.len() {
                    last_sender.take()
                } else {
                    None
                },
                sent: 0,
            });
        }
        state.bytes += bytes;
        drop(state);
        self.added.notify_one();
        Ok(Some(Receipt { first, last }))
    }

    /// Takes back the appends that nobody waits for any more and nothing of which has been sent.
    pub(super) fn sweep(&self) {
        let mut state = self.state();
        let (mut dropping, mut freed) = (false, 0);
        state.queue.retain(|pending| {
            if let Some(first) = &pending.first {
                dropping = first.is_closed() && pending.sent == 0;
            }
            if dropping {
                freed += pending.encoded.len();
            }
            !dropping
        });
        state.bytes -= freed;
        drop(state);
        self.moved.notify_waiters();
    }

    /// Takes nothing more; what is in it is still sent.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.added.notify_one();
        self.moved.notify_waiters();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state().queue.is_empty()
    }

    /// Why nothing leaves, if so.
    pub(super) fn failing(&self) -> Option<String> {
        self.state().failing.clone()
    }

    /// Records sent more than once so far: each may be in the log twice.
    pub(super) fn resent(&self) -> u64 {
        self.resent.load(Ordering::Relaxed)
    }

    /// Sends what comes in until the outbox is closed and empty.
    pub(super) async fn run(&self, transport: &dyn Transport, partition: u32) {
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
        loop {
            let batch = self.next_batch();
            if batch.is_empty() {
                if self.state().closed {
                    return;
                }
                self.added.notified().await;
                continue;
            }
            let sent = transport.send(partition, &batch).await;
            // Before anybody is answered, so that whoever asks then is shown what they know.
            self.state().failing = sent.error.as_ref().map(ToString::to_string);
            self.acknowledge(&sent.acked);
            self.moved.notify_waiters();
            let Some(error) = sent.error else {
                backoff.reset();
                continue;
            };
            tracing::warn!(partition, %error, "fluvio did not take records, they are sent again");
            tokio::time::sleep(backoff.next_wait()).await;
        }
    }

    /// The oldest records. They stay in the outbox until they are acknowledged, so that after a
    /// failure the same ones are sent again, in the same order. FLUVIO.md, trap 4: records sent
    /// just after an SPU has started again fail their acknowledgement and were not written. Trap 5:
    /// others may have been, so that they are in the log twice: at least once, never out of order
    /// among what is acknowledged, and without a later record in the place of an earlier one.
    fn next_batch(&self) -> Vec<Bytes> {
        let mut state = self.state();
        let mut bytes = 0;
        let mut batch = Vec::new();
        let mut again = 0;
        for pending in state.queue.iter_mut().take(REQUEST_RECORDS) {
            bytes += pending.encoded.len();
            if bytes > REQUEST_BYTES && !batch.is_empty() {
                break;
            }
            again += u64::from(pending.sent > 0);
            pending.sent += 1;
            batch.push(pending.encoded.clone());
        }
        drop(state);
        self.resent.fetch_add(again, Ordering::Relaxed);
        batch
    }

    fn acknowledge(&self, offsets: &[u64]) {
        let mut state = self.state();
        for &offset in offsets {
            let Some(pending) = state.queue.pop_front() else {
                break;
            };
            state.bytes -= pending.encoded.len();
            // Whoever waited may have given up.
            for waiter in [pending.first, pending.last].into_iter().flatten() {
                let _ = waiter.send(Offset(offset));
            }
        }
    }
}
