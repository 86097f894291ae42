//! An event log that keeps nothing: for tests, and for commands that read a file and end. Durable
//! means appended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use uuid::Uuid;

use super::tail::{Entry, Tail};
use super::{EventLog, LogError, LogStatus, Offset, Progress};
use crate::events::Record;
use crate::market::Timestamp;

/// An event log in memory; `synced` is always the head.
pub struct MemoryLog {
    identity: Uuid,
    max_records: Option<usize>,
    state: Mutex<State>,
    progress: Vec<watch::Sender<Progress>>,
}

struct State {
    tails: Vec<Tail>,
    released: BTreeMap<(u32, String), u64>,
    closed: bool,
}

impl MemoryLog {
    /// A log of this many partitions that grows without limit.
    #[must_use]
    pub fn unbounded(partitions: u32) -> Self {
        Self::new(partitions, None)
    }

    /// A log of this many partitions that holds up to `max_records` in each: at the limit the
    /// oldest go if every consumer has released them, else appending answers `Full`.
    #[must_use]
    pub fn bounded(partitions: u32, max_records: usize) -> Self {
        Self::new(partitions, Some(max_records))
    }

    fn new(partitions: u32, max_records: Option<usize>) -> Self {
        Self {
            identity: Uuid::new_v4(),
            max_records,
            state: Mutex::new(State {
                tails: (0..partitions).map(|_| Tail::at(0)).collect(),
                released: BTreeMap::new(),
                closed: false,
            }),
            progress: (0..partitions)
                .map(|_| watch::Sender::new(Progress::default()))
                .collect(),
        }
    }

    /// The state; nobody panics while holding it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn tail(&mut self, partition: u32) -> Result<&mut Tail, LogError> {
        if self.closed {
            return Err(LogError::Closed);
        }
        self.tails
            .get_mut(partition as usize)
            .ok_or(LogError::NoPartition(partition))
    }

    fn slowest(&self, partition: u32) -> u64 {
        self.released
            .range((partition, String::new())..)
            .take_while(|((p, _), _)| *p == partition)
            .map(|(_, offset)| *offset)
            .min()
            .unwrap_or(0)
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    fn identity(&self) -> Uuid {
        self.identity
    }

    fn partitions(&self) -> u32 {
        u32::try_from(self.progress.len()).unwrap_or(u32::MAX)
    }

    async fn append(&self, partition: u32, records: Vec<Arc<Record>>) -> Result<Offset, LogError> {
        let mut state = self.state();
        let slowest = state.slowest(partition);
        let tail = state.tail(partition)?;
        let first = tail.head();
        if let Some(max) = self.max_records {
            let max = max as u64;
            let end = first + records.len() as u64;
            let keep_from = end.saturating_sub(max);
            if records.len() as u64 > max || keep_from > slowest.max(tail.base()) {
                return Err(LogError::Full(format!(
                    "it holds {max} records in memory and a consumer still needs them"
                )));
            }
            tail.forget_below(keep_from);
        }
        for record in records {
            tail.push(Entry::kept(record));
        }
        let head = Offset(tail.head());
        self.progress[partition as usize].send_modify(|progress| {
            progress.head = head;
            progress.synced = head;
        });
        Ok(Offset(first))
    }

    async fn read(
        &self,
        partition: u32,
        from: Offset,
        max_records: usize,
    ) -> Result<Vec<(Offset, Arc<Record>)>, LogError> {
        let mut state = self.state();
        let tail = state.tail(partition)?;
        if from.0 > tail.head() {
            return Err(LogError::Damaged {
                partition,
                offset: from,
                reason: format!("the log ends at {}", tail.head()),
            });
        }
        tail.read(from.0, max_records)
            .ok_or_else(|| LogError::Truncated {
                partition,
                asked: from,
                earliest: Offset(tail.base()),
            })
    }

    fn earliest(&self, partition: u32) -> Offset {
        let state = self.state();
        Offset(state.tails.get(partition as usize).map_or(0, Tail::base))
    }

    fn progress(&self, partition: u32) -> watch::Receiver<Progress> {
        self.progress.get(partition as usize).map_or_else(
            || watch::Sender::new(Progress::default()).subscribe(),
            watch::Sender::subscribe,
        )
    }

    async fn seek(&self, partition: u32, time: Timestamp) -> Result<Offset, LogError> {
        super::seek_by_reading(self, partition, time).await
    }

    fn release(&self, consumer: &str, partition: u32, offset: Offset) {
        let mut state = self.state();
        let key = (partition, consumer.to_owned());
        let released = state.released.entry(key).or_default();
        *released = offset.0.max(*released);
    }

    async fn sync(&self) -> Result<(), LogError> {
        if self.state().closed {
            return Err(LogError::Closed);
        }
        Ok(())
    }

    fn status(&self) -> LogStatus {
        LogStatus {
            kind: "memory",
            bytes: None,
            byte_limit: None,
            failing: None,
            restarts: 0,
        }
    }

    async fn close(&self) -> Result<(), LogError> {
        self.state().closed = true;
        Ok(())
    }
}
