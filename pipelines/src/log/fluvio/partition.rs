//! One partition of the Fluvio log in this process: what waits to be sent, what was received last,
//! and how far that goes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::config::FluvioConfig;
use super::outbox::Outbox;
use super::stream::{ContiguousStream, FETCH_BYTES, StreamError};
use super::transport::{Bounds, Transport};
use crate::events::{Record, decode};
use crate::log::tail::{Entry, Tail, TailLimits};
use crate::log::{Offset, Progress};

const RETRY: Duration = Duration::from_secs(1);

pub(super) struct Partition {
    pub(super) number: u32,
    pub(super) outbox: Outbox,
    pub(super) progress: watch::Sender<Progress>,
    tail: Mutex<Tail>,
    limits: TailLimits,
    earliest: AtomicU64,
    /// Why nothing is received, if so.
    failing: Mutex<Option<String>>,
}

impl Partition {
    pub(super) fn new(number: u32, config: &FluvioConfig, bounds: Bounds) -> Self {
        let head = Offset(bounds.head);
        Self {
            number,
            outbox: Outbox::new(config.outbox_bytes),
            progress: watch::Sender::new(Progress { head, synced: head }),
            tail: Mutex::new(Tail::at(bounds.head)),
            limits: TailLimits {
                records: config.tail_records,
                bytes: config.tail_bytes,
            },
            earliest: AtomicU64::new(bounds.earliest),
            failing: Mutex::new(None),
        }
    }

    pub(super) fn earliest(&self) -> u64 {
        self.earliest.load(Ordering::Relaxed)
    }

    pub(super) fn note_bounds(&self, bounds: Bounds) {
        self.earliest.fetch_max(bounds.earliest, Ordering::Relaxed);
    }

    /// Why nothing is sent or received, if so.
    pub(super) fn failing(&self) -> Option<String> {
        let receiving = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        self.outbox.failing().or_else(|| receiving.clone())
    }

    pub(super) fn head(&self) -> u64 {
        self.tail().head()
    }

    /// Up to `max` records from memory, or where memory begins.
    pub(super) fn read(&self, from: u64, max: usize) -> Result<Vec<(Offset, Arc<Record>)>, u64> {
        let tail = self.tail();
        tail.read(from, max).ok_or(tail.base())
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        // Nobody panics while holding it.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Receives the partition from its head on, for good. What is received is committed, so it
    /// moves the head.
    pub(super) async fn follow(&self, transport: &Arc<dyn Transport>, reopened: &Arc<AtomicU64>) {
        let open = |from| {
            let transport = Arc::clone(transport);
            let reopened = Arc::clone(reopened);
            ContiguousStream::new(transport, self.number, from, FETCH_BYTES, reopened)
        };
        let mut stream = open(self.head());
        loop {
            let failing = match stream.next().await {
                Ok((offset, encoded)) => {
                    self.receive(offset, &encoded);
                    None
                }
                Err(StreamError::Truncated(bounds)) => {
                    // Removed before it was seen here: readers get an error.
                    self.note_bounds(bounds);
                    self.restart_at(bounds.earliest);
                    stream = open(bounds.earliest);
                    None
                }
                Err(StreamError::Missing(offset)) => {
                    Some(format!("fluvio does not hand out offset {offset}"))
                }
                Err(StreamError::Unavailable(error)) => Some(error.to_string()),
            };
            let waits = failing.is_some();
            *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = failing;
            if waits {
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Takes records that this process appended and the cluster has acknowledged, if they come
    /// next; they need not come back through the stream then. Says whether they can be read.
    pub(super) fn accept(&self, first: Offset, last: Offset, records: &[Arc<Record>]) -> bool {
        let mut tail = self.tail();
        let head = tail.head();
        if head > last.0 {
            return true;
        }
        // With somebody else's records between them only the stream knows which is which.
        let is_whole = last.0 - first.0 + 1 == records.len() as u64;
        let Some(known) = head.checked_sub(first.0).filter(|_| is_whole) else {
            return false;
        };
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        for record in records.iter().skip(known) {
            tail.push(Entry::kept(Arc::clone(record)));
        }
        self.advance(tail);
        true
    }

    fn advance(&self, mut tail: MutexGuard<'_, Tail>) {
        let head = tail.head();
        tail.trim(head, self.limits);
        self.publish(head);
    }

    fn receive(&self, offset: u64, encoded: &Bytes) {
        if offset < self.head() {
            return;
        }
        match decode(encoded) {
            Ok(record) => {
                let mut tail = self.tail();
                // Accepted meanwhile, perhaps.
                if offset == tail.head() {
                    tail.push(Entry::kept(Arc::new(record)));
                    self.advance(tail);
                }
            }
            // Somebody else's record. Whoever reads it gets an error that says what is wrong with it.
            Err(_) => self.restart_at(offset + 1),
        }
    }

    fn restart_at(&self, offset: u64) {
        let mut tail = self.tail();
        if tail.head() < offset {
            *tail = Tail::at(offset);
            self.publish(offset);
        }
    }

    /// FLUVIO.md, trap 4: an acknowledgement is not durability, since an SPU writes but never
    /// syncs. `synced` here means committed: in as many SPUs' files as the topic asks for.
    fn publish(&self, head: u64) {
        let end = Offset(head);
        self.progress.send_replace(Progress {
            head: end,
            synced: end,
        });
    }
}
