//! The event log: the single source of what happened. A few ordered partitions of records, appended
//! by feeds and pulled by consumers at their own pace.
//!
//! A record is visible to readers as soon as it is appended and durable a little later: whoever
//! must not act on what could still be lost waits for [`EventLog::progress`] to say `synced`.

mod embedded;
#[cfg(feature = "fluvio")]
mod fluvio;
mod memory;
mod settings;
mod tail;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

pub use embedded::{CommitGate, EmbeddedConfig, EmbeddedLog, OpenError};
#[cfg(feature = "fluvio")]
pub use fluvio::{FluvioConfig, FluvioLog};
pub use memory::MemoryLog;
pub use settings::{FluvioSettings, LogKind, LogSettings};

use crate::events::Record;
use crate::market::Timestamp;

/// A record's position in its partition: 0, 1, 2, … without holes.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(transparent)]
pub struct Offset(pub u64);

/// Offsets that a partition has reached. Each only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Progress {
    /// The offset that the next appended record will have: all below can be read.
    pub head: Offset,
    /// All below survive a crash of the process and of the machine.
    pub synced: Offset,
}

/// Kind of a log and its fill level, for `doctor`, `/health` and metrics.
#[derive(Debug, Clone, serde::Serialize)]
pub struct LogStatus {
    /// `embedded` or `fluvio`.
    pub kind: &'static str,
    /// Bytes on disk, where the log knows.
    pub bytes: Option<u64>,
    /// Bytes at which appending stops, if there is such a limit.
    pub byte_limit: Option<u64>,
    /// Why appending fails at the moment, if it does. A panic of its background work is "panicked: …".
    pub failing: Option<String>,
    /// The number of times its background work has panicked and was started again.
    pub restarts: u64,
}

/// Why the log could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Retention has removed this offset.
    #[error("offset {0:?} of partition {1} is no longer in the log, the earliest is {2:?}", asked.0, partition, earliest.0)]
    Truncated {
        /// The partition.
        partition: u32,
        /// The offset asked for.
        asked: Offset,
        /// The earliest that can be had.
        earliest: Offset,
    },
    /// There is no such partition.
    #[error("the log has no partition {0}")]
    NoPartition(u32),
    /// The log is at its byte limit or the disk is full: nothing was appended.
    #[error("the event log is full: {0}; free disk space or raise log.max_bytes")]
    Full(String),
    /// The log could not be reached or failed in a way that may pass: nothing was appended.
    #[error("the event log is unavailable: {0}")]
    Unavailable(String),
    /// A record that this log cannot hold: nothing was appended.
    #[error(
        "a record of {bytes} bytes is larger than the event log takes ({limit}): append it in smaller batches"
    )]
    TooLarge {
        /// Its encoded size.
        bytes: usize,
        /// The largest allowed.
        limit: usize,
    },
    /// The record that was read is not the one that was written.
    #[error("offset {} of partition {partition} is damaged: {reason}", offset.0)]
    Damaged {
        /// The partition.
        partition: u32,
        /// The damaged record.
        offset: Offset,
        /// Its fault.
        reason: String,
    },
    /// The log has been closed.
    #[error("the event log is closed")]
    Closed,
}

impl LogError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Full(_) | Self::Unavailable(_))
    }
}

/// An ordered, partitioned, durable log of [`Record`]s. Two implementations, one conformance suite.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Names this log's content: a new or emptied log has a new one, so that offsets stored
    /// elsewhere are never applied to another log.
    fn identity(&self) -> uuid::Uuid;

    /// Number of partitions; constant.
    fn partitions(&self) -> u32;

    /// Appends records in order and returns the offset of the first. They are visible to readers
    /// on return and durable once `progress().synced` passes them. Never waits for a consumer; may
    /// wait, boundedly, for the disk.
    ///
    /// # Errors
    /// When the log is full, unavailable or closed; then none of the records was appended.
    async fn append(&self, partition: u32, records: Vec<Arc<Record>>) -> Result<Offset, LogError>;

    /// Reads up to `max_records` records from `from` on: from memory when the reader keeps up,
    /// from the disk when not. Empty at the head; never waits for new records.
    ///
    /// # Errors
    /// When `from` has been removed, or the log is damaged, unavailable or closed.
    async fn read(
        &self,
        partition: u32,
        from: Offset,
        max_records: usize,
    ) -> Result<Vec<(Offset, Arc<Record>)>, LogError>;

    /// The earliest offset that can be read.
    fn earliest(&self, partition: u32) -> Offset;

    /// Offsets that the partition has reached, and a way to await more. Changes may be coalesced.
    fn progress(&self, partition: u32) -> watch::Receiver<Progress>;

    /// The offset of the first record received at or after `time` (by binary search on
    /// `received_at`); the head if there is none.
    ///
    /// # Errors
    /// As [`EventLog::read`].
    async fn seek(&self, partition: u32, time: Timestamp) -> Result<Offset, LogError>;

    /// Says that `consumer` needs nothing below `offset` any more: retention removes nothing at or
    /// above the smallest such offset, less the correction horizon.
    fn release(&self, consumer: &str, partition: u32, offset: Offset);

    /// Waits until all that has been appended is durable.
    ///
    /// # Errors
    /// When that cannot be achieved.
    async fn sync(&self) -> Result<(), LogError>;

    /// Kind of the log and its fill level.
    fn status(&self) -> LogStatus;

    /// Makes everything durable and stops the log's background work. Later calls answer `Closed`.
    ///
    /// # Errors
    /// When not everything could be made durable.
    async fn close(&self) -> Result<(), LogError>;
}

/// [`EventLog::seek`] by reading single records.
async fn seek_by_reading(
    log: &dyn EventLog,
    partition: u32,
    time: Timestamp,
) -> Result<Offset, LogError> {
    let mut low = log.earliest(partition).0;
    let mut high = log.progress(partition).borrow().head.0;
    while low < high {
        let middle = low + (high - low) / 2;
        match log.read(partition, Offset(middle), 1).await {
            Ok(records) => match records.first() {
                Some((_, record)) if record.received_at < time => low = middle + 1,
                _ => high = middle,
            },
            // Retention moved past the middle: what is left is later.
            Err(LogError::Truncated { earliest, .. }) if earliest.0 > low => low = earliest.0,
            Err(error) => return Err(error),
        }
    }
    Ok(Offset(low))
}
