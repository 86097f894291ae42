//! Reading what is no longer in memory: a few streams, each kept open where its reader will go on.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::stream::{ContiguousStream, FETCH_BYTES, SMALL_FETCH_BYTES, StreamError};
use super::transport::Transport;
use crate::events::{Record, decode};
use crate::log::{LogError, Offset};

/// Encoded bytes of one read, nearly.
const READ_BYTES: usize = 4 << 20;
/// The time a record that exists may take to arrive.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Readers {
    transport: Arc<dyn Transport>,
    reopened: Arc<AtomicU64>,
    /// Least recently used first.
    idle: Mutex<Vec<(u32, ContiguousStream)>>,
    most: usize,
    permits: Semaphore,
}

impl Readers {
    pub(super) fn new(
        transport: Arc<dyn Transport>,
        reopened: Arc<AtomicU64>,
        most: usize,
    ) -> Self {
        Self {
            transport,
            reopened,
            idle: Mutex::new(Vec::new()),
            most,
            permits: Semaphore::new(most.max(1)),
        }
    }

    /// Up to `max_records` from `from` on, but none from `until` on.
    pub(super) async fn read(
        &self,
        partition: u32,
        from: u64,
        until: u64,
        max_records: usize,
    ) -> Result<Vec<(Offset, Arc<Record>)>, LogError> {
        let _permit = self.permits.acquire().await.map_err(|_| LogError::Closed)?;
        let mut stream = self.take(partition, from).unwrap_or_else(|| {
            // A search reads single records far apart.
            let fetch = if max_records == 1 {
                SMALL_FETCH_BYTES
            } else {
                FETCH_BYTES
            };
            let transport = Arc::clone(&self.transport);
            let reopened = Arc::clone(&self.reopened);
            ContiguousStream::new(transport, partition, from, fetch, reopened)
        });
        let mut records = Vec::new();
        let mut bytes = 0;
        while records.len() < max_records && stream.position() < until && bytes < READ_BYTES {
            let next = tokio::time::timeout(PATIENCE, stream.next())
                .await
                .map_err(|_| {
                    LogError::Unavailable(format!(
                        "fluvio did not answer within {} s",
                        PATIENCE.as_secs()
                    ))
                })?;
            let (offset, encoded) = match next {
                Ok(next) => next,
                // What was read so far is good; the next read will meet the error first.
                Err(_) if !records.is_empty() => return Ok(records),
                Err(error) => return Err(describe(error, partition, from)),
            };
            let record = match decode(&encoded) {
                Ok(record) => record,
                Err(_) if !records.is_empty() => return Ok(records),
                Err(error) => {
                    return Err(LogError::Damaged {
                        partition,
                        offset: Offset(offset),
                        reason: error.to_string(),
                    });
                }
            };
            bytes += encoded.len();
            records.push((Offset(offset), Arc::new(record)));
        }
        if stream.position() < until {
            self.keep(partition, stream);
        }
        Ok(records)
    }

    fn take(&self, partition: u32, from: u64) -> Option<ContiguousStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle
            .iter()
            .position(|(p, stream)| *p == partition && stream.position() == from)?;
        Some(idle.remove(at).1)
    }

    fn keep(&self, partition: u32, stream: ContiguousStream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((partition, stream));
        if idle.len() > self.most {
            idle.remove(0);
        }
    }

    /// Closes the streams.
    pub(super) fn close(&self) {
        self.permits.close();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.clear();
    }
}

fn describe(error: StreamError, partition: u32, asked: u64) -> LogError {
    match error {
        StreamError::Truncated(bounds) => LogError::Truncated {
            partition,
            asked: Offset(asked),
            earliest: Offset(bounds.earliest),
        },
        StreamError::Missing(offset) => LogError::Damaged {
            partition,
            offset: Offset(offset),
            reason: "fluvio does not hand it out".into(),
        },
        StreamError::Unavailable(error) => LogError::Unavailable(error.to_string()),
    }
}
