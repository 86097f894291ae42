//! A partition read without holes, over streams that have them. Knows offsets; must not know what
//! is in the records.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::transport::{Bounds, RecordStream, Transport, TransportError};

/// FLUVIO.md, trap 1: with the client's default of 1 MiB, a batch cut at the border of a fetch is
/// dropped in silence. 8 MiB makes that rare; the check of offsets makes it harmless.
pub(super) const FETCH_BYTES: u32 = 8 << 20;
/// Enough for the record that is asked for: a request has at most 2 MiB.
pub(super) const SMALL_FETCH_BYTES: u32 = 2 << 20;
/// The number of times a hole is read again before it is taken for a real one.
const REOPENS: u32 = 5;
const FIRST_RETRY: Duration = Duration::from_millis(50);

/// Why there is no next record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StreamError {
    /// The partition now begins later.
    Truncated(Bounds),
    /// The cluster does not hand out this offset, though it should have it.
    Missing(u64),
    /// The cluster cannot be reached or does not answer.
    Unavailable(TransportError),
}

/// One partition from one position on, each record exactly once and in order.
pub(super) struct ContiguousStream {
    transport: Arc<dyn Transport>,
    // FLUVIO.md, trap 2: one stream a partition; one over several applies a single offset to all.
    partition: u32,
    next: u64,
    fetch_bytes: u32,
    stream: Option<Box<dyn RecordStream>>,
    reopened: Arc<AtomicU64>,
}

impl ContiguousStream {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        partition: u32,
        from: u64,
        fetch_bytes: u32,
        reopened: Arc<AtomicU64>,
    ) -> Self {
        Self {
            transport,
            partition,
            next: from,
            fetch_bytes,
            stream: None,
            reopened,
        }
    }

    /// The offset of the next record.
    pub(super) const fn position(&self) -> u64 {
        self.next
    }

    /// The record at [`ContiguousStream::position`], waiting for it at the end of the partition.
    pub(super) async fn next(&mut self) -> Result<(u64, Bytes), StreamError> {
        let mut wait = FIRST_RETRY;
        let mut last_error = None;
        for _ in 0..=REOPENS {
            match self.try_next().await {
                Ok(Some(record)) => {
                    self.next += 1;
                    return Ok(record);
                }
                Ok(None) => last_error = None,
                Err(error) => last_error = Some(error),
            }
            self.stream = None;
            self.reopened.fetch_add(1, Ordering::Relaxed);
            // FLUVIO.md, trap 5: right after a restart, opening answers `PartitionNotLeader`.
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        let bounds = self.transport.bounds(self.partition).await;
        Err(match (bounds, last_error) {
            (Ok(bounds), _) if bounds.earliest > self.next => StreamError::Truncated(bounds),
            (Err(error), _) | (_, Some(error)) => StreamError::Unavailable(error),
            (Ok(_), None) => StreamError::Missing(self.next),
        })
    }

    /// `None` if the stream has ended or left records out.
    async fn try_next(&mut self) -> Result<Option<(u64, Bytes)>, TransportError> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let opened = self
                    .transport
                    .open(self.partition, self.next, self.fetch_bytes)
                    .await?;
                self.stream.insert(opened)
            }
        };
        loop {
            match stream.next().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(error),
                Some(Ok((offset, record))) if offset == self.next => {
                    return Ok(Some((offset, record)));
                }
                // A stream that began at the start of a batch.
                Some(Ok((offset, _))) if offset < self.next => {}
                // Trap 1: records between are gone from this stream, not from the log.
                Some(Ok((offset, _))) => {
                    tracing::debug!(
                        partition = self.partition,
                        expected = self.next,
                        got = offset,
                        "fluvio left records out, reading them again",
                    );
                    return Ok(None);
                }
            }
        }
    }
}
