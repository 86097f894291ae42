//! The event log in the data directory of one machine, on `fjall`.
//!
//! Appending puts a record into memory, where readers find it at once; one thread makes what has
//! gathered durable, a group commit of all partitions at a time. See `docs/event-log.md`.

mod config;
mod journal;
mod retention;
mod state;
mod store;
mod writer;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

pub use config::EmbeddedConfig;
pub use store::OpenError;

use self::state::{Admission, Shared, Source};
use self::store::{ReadError, Store};
use self::writer::Writer;
use super::tail::Entry;
use super::{EventLog, LogError, LogStatus, Offset, Progress};
use crate::clock::SharedClock;
use crate::events::Record;
use crate::market::Timestamp;

/// Encoded bytes that one read takes from the disk, nearly.
const READ_BYTES: usize = 4 << 20;

/// Asked before every write to the disk; an error counts as the disk's own. For tests of what
/// happens when it is full, and when the writer panics.
pub type CommitGate = Arc<dyn Fn() -> io::Result<()> + Send + Sync>;

/// The embedded event log. Close it to have its directory unlocked at a known time; dropped, it
/// still writes what has been appended, in the background.
pub struct EmbeddedLog {
    identity: Uuid,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Arc<Semaphore>,
}

impl EmbeddedLog {
    /// Opens the log in the configured directory, creating it if absent. Blocks on the disk.
    ///
    /// # Errors
    /// When a setting cannot work, the directory is in use or cannot be used, or its content is
    /// damaged or of a newer format.
    pub fn open(config: EmbeddedConfig, clock: SharedClock) -> Result<Self, OpenError> {
        Self::open_gated(config, clock, Arc::new(|| Ok(())))
    }

    /// As [`EmbeddedLog::open`], with a hook before every later write.
    ///
    /// # Errors
    /// As [`EmbeddedLog::open`].
    pub fn open_gated(
        config: EmbeddedConfig,
        clock: SharedClock,
        gate: CommitGate,
    ) -> Result<Self, OpenError> {
        config.validate().map_err(OpenError::Config)?;
        let (store, recovered) = Store::open(&config)?;
        if recovered.indexes.len() != config.partitions as usize {
            tracing::warn!(
                configured = config.partitions,
                actual = recovered.indexes.len(),
                "the event log keeps the number of partitions it was created with",
            );
        }
        let readers = Arc::new(Semaphore::new(config.readers));
        let dir = config.dir.clone();
        let shared = Arc::new(Shared::new(config, store, &recovered));
        let writer = Writer::new(Arc::clone(&shared), clock, gate, recovered.indexes);
        #[allow(
            clippy::disallowed_methods,
            reason = "it is the part `event_log`: it goes on after a panic, and `status` says so"
        )]
        let thread = thread::Builder::new()
            .name("event-log".into())
            .spawn(move || writer.run())
            .map_err(|source| OpenError::Io { dir, source })?;
        Ok(Self {
            identity: recovered.identity,
            shared,
            writer: Mutex::new(Some(thread)),
            readers,
        })
    }

    /// Forgets a consumer that will not come back, so that it holds nothing any more.
    pub fn forget_consumer(&self, consumer: &str) {
        let mut state = self.shared.state();
        // Kept at the head of everything instead of removed: what is on disk only ever grows.
        let forgotten = state
            .released
            .iter_mut()
            .filter(|((_, c), _)| c == consumer);
        forgotten.for_each(|(_, offset)| *offset = u64::MAX);
        state.release_is_new = true;
        drop(state);
        self.shared.wake_writer();
    }

    async fn read_disk(
        &self,
        partition: u32,
        from: Offset,
        until: u64,
        max_records: usize,
    ) -> Result<Vec<(Offset, Arc<Record>)>, LogError> {
        let _permit = self.readers.acquire().await.map_err(|_| LogError::Closed)?;
        let store = self.shared.open_store().ok_or_else(|| {
            LogError::Unavailable("its database is being opened again after a failure".into())
        })?;
        let read = tokio::task::spawn_blocking(move || {
            store.read(partition, from.0, until, max_records, READ_BYTES)
        })
        .await
        .map_err(|error| LogError::Unavailable(format!("a read ended early: {error}")))?;
        read.map_err(|error| match error {
            ReadError::Failed(reason) => LogError::Unavailable(reason),
            ReadError::Damaged { offset, reason } => {
                // Retention may have overtaken the read.
                let earliest = self.earliest(partition);
                if offset < earliest.0 {
                    LogError::Truncated {
                        partition,
                        asked: from,
                        earliest,
                    }
                } else {
                    LogError::Damaged {
                        partition,
                        offset: Offset(offset),
                        reason,
                    }
                }
            }
        })
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.wake_writer();
    }
}

#[async_trait]
impl EventLog for EmbeddedLog {
    fn identity(&self) -> Uuid {
        self.identity
    }

    fn partitions(&self) -> u32 {
        u32::try_from(self.shared.progress.len()).unwrap_or(u32::MAX)
    }

    async fn append(&self, partition: u32, records: Vec<Arc<Record>>) -> Result<Offset, LogError> {
        let mut entries: Vec<Entry> = records.into_iter().map(Entry::encoded).collect();
        let appending = async {
            loop {
                let moved = self.shared.moved.notified();
                tokio::pin!(moved);
                moved.as_mut().enable();
                match self.shared.try_append(partition, entries)? {
                    Admission::Appended(first) => return Ok(first),
                    Admission::Busy(back) => entries = back,
                }
                moved.await;
            }
        };
        let patience = self.shared.config.append_timeout();
        tokio::time::timeout(patience, appending)
            .await
            .unwrap_or_else(|_| {
                Err(LogError::Unavailable(format!(
                    "the disk has taken nothing for {} ms",
                    patience.as_millis()
                )))
            })
    }

    async fn read(
        &self,
        partition: u32,
        from: Offset,
        max_records: usize,
    ) -> Result<Vec<(Offset, Arc<Record>)>, LogError> {
        match self.shared.source(partition, from, max_records)? {
            Source::Memory(records) => Ok(records),
            Source::Disk(until) => self.read_disk(partition, from, until, max_records).await,
        }
    }

    fn earliest(&self, partition: u32) -> Offset {
        let state = self.shared.state();
        let slot = state.partitions.get(partition as usize);
        Offset(slot.map_or(0, |slot| slot.earliest))
    }

    fn progress(&self, partition: u32) -> watch::Receiver<Progress> {
        self.shared.progress.get(partition as usize).map_or_else(
            || watch::Sender::new(Progress::default()).subscribe(),
            watch::Sender::subscribe,
        )
    }

    async fn seek(&self, partition: u32, time: Timestamp) -> Result<Offset, LogError> {
        super::seek_by_reading(self, partition, time).await
    }

    fn release(&self, consumer: &str, partition: u32, offset: Offset) {
        let mut state = self.shared.state();
        let key = (partition, consumer.to_owned());
        let released = state.released.entry(key).or_default();
        // Never back: what was released may be gone.
        *released = offset.0.max(*released);
        state.release_is_new = true;
        drop(state);
        self.shared.wake_writer();
    }

    async fn sync(&self) -> Result<(), LogError> {
        let targets: Vec<u64> = {
            let mut state = self.shared.state();
            state.refuse()?;
            state.urgent = true;
            let heads = state.partitions.iter().map(|slot| slot.tail.head());
            heads.collect()
        };
        self.shared.wake_writer();
        loop {
            let moved = self.shared.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            {
                let state = self.shared.state();
                let slots = state.partitions.iter().zip(&targets);
                if slots
                    .into_iter()
                    .all(|(slot, &target)| slot.synced >= target)
                {
                    return Ok(());
                }
                state.refuse()?;
            }
            moved.await;
        }
    }

    fn status(&self) -> LogStatus {
        let state = self.shared.state();
        LogStatus {
            kind: "embedded",
            bytes: Some(state.bytes()),
            byte_limit: Some(self.shared.config.max_bytes),
            failing: self.shared.failure(&state),
            restarts: state.restarts,
        }
    }

    async fn close(&self) -> Result<(), LogError> {
        self.shared.state().closed = true;
        self.shared.wake_writer();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            // A panic of the writer is in `failing` already.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
        loop {
            let moved = self.shared.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            {
                let state = self.shared.state();
                if state.ended {
                    return match (&state.failing, state.outbox.records) {
                        (_, 0) => Ok(()),
                        (failing, lost) => Err(LogError::Unavailable(format!(
                            "closed with {lost} records that could not be written: {}",
                            failing.as_ref().map_or("unknown", |f| f.reason())
                        ))),
                    };
                }
            }
            moved.await;
        }
    }
}
