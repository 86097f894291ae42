//! The Fluvio log's interface to a Fluvio client: so little that a test can stand in for it, and
//! misbehave as the real one has been seen to.

use async_trait::async_trait;
use bytes::Bytes;

/// The cluster did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct TransportError(pub(super) String);

/// Where a partition begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bounds {
    pub(super) earliest: u64,
    /// The offset after the last record that the cluster calls committed.
    pub(super) head: u64,
}

/// Fate of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sent {
    /// The offsets of the records that were acknowledged, from the first on without exception.
    pub(super) acked: Vec<u64>,
    /// Why the rest was not. Some of it may be in the log nevertheless.
    pub(super) error: Option<TransportError>,
}

/// One topic of a cluster.
#[async_trait]
pub(super) trait Transport: Send + Sync + 'static {
    /// Sends records in order and waits for all acknowledgements.
    async fn send(&self, partition: u32, records: &[Bytes]) -> Sent;

    /// Hands over everything sent so far.
    async fn flush(&self);

    /// Streams one partition from an offset on, for good.
    async fn open(
        &self,
        partition: u32,
        from: u64,
        fetch_bytes: u32,
    ) -> Result<Box<dyn RecordStream>, TransportError>;

    /// Where the partition begins and ends now.
    async fn bounds(&self, partition: u32) -> Result<Bounds, TransportError>;
}

/// Records of one partition as the cluster hands them out, with their offsets.
#[async_trait]
pub(super) trait RecordStream: Send {
    /// The next record; waits for one at the end of the partition. `None` when the stream ended.
    async fn next(&mut self) -> Option<Result<(u64, Bytes), TransportError>>;
}
