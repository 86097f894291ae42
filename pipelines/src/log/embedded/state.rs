//! State shared by the embedded log's callers and its writer thread. Knows what is in memory and
//! how far it is written; must not touch the disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::config::EmbeddedConfig;
use super::retention::RECORD_OVERHEAD;
use super::store::{Recovered, Store};
use crate::events::Record;
use crate::log::tail::{Backlog, Entry, Tail};
use crate::log::{LogError, Offset, Progress};
use crate::market::Timestamp;

/// The time a round of the writer may take: longer than it waits for a slow disk.
const LONGEST_ROUND: Duration = Duration::from_secs(120);

/// Why nothing can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failing {
    /// The disk has no room.
    Full(String),
    /// Anything else.
    Unavailable(String),
}

impl Failing {
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Full(reason) | Self::Unavailable(reason) => reason,
        }
    }

    fn error(&self) -> LogError {
        match self.clone() {
            Self::Full(reason) => LogError::Full(reason),
            Self::Unavailable(reason) => LogError::Unavailable(reason),
        }
    }
}

/// One partition as its callers see it.
pub(super) struct Partition {
    pub(super) tail: Tail,
    pub(super) synced: u64,
    pub(super) earliest: u64,
}

/// Everything that changes, behind one lock that is never held while waiting.
pub(super) struct State {
    pub(super) partitions: Vec<Partition>,
    /// The records that are not durable yet.
    pub(super) outbox: Backlog,
    /// Bytes of the records on disk.
    pub(super) stored_bytes: u64,
    /// The smallest offset each consumer still needs, by partition and consumer.
    pub(super) released: BTreeMap<(u32, String), u64>,
    /// True if a release has come that retention has not looked at.
    pub(super) release_is_new: bool,
    /// True if somebody waits for durability.
    pub(super) urgent: bool,
    pub(super) failing: Option<Failing>,
    /// The number of times the writer has panicked.
    pub(super) restarts: u64,
    /// When the writer last showed that it goes on.
    pub(super) progressed: (Instant, Timestamp),
    /// Nothing may be appended any more.
    pub(super) closed: bool,
    /// The writer has ended.
    pub(super) ended: bool,
}

/// The log without its thread.
pub(super) struct Shared {
    pub(super) config: EmbeddedConfig,
    state: Mutex<State>,
    /// Wakes the writer.
    wake: Condvar,
    /// Tells waiting callers that the writer has got somewhere, or that it cannot.
    pub(super) moved: Notify,
    pub(super) progress: Vec<watch::Sender<Progress>>,
    /// Absent while the database is being opened again, and after the end.
    pub(super) store: RwLock<Option<Arc<Store>>>,
}

/// Outcome of trying to append.
pub(super) enum Admission {
    Appended(Offset),
    /// The outbox has no room; the entries come back.
    Busy(Vec<Entry>),
}

/// Where a read is to be answered from.
pub(super) enum Source {
    Memory(Vec<(Offset, Arc<Record>)>),
    /// The disk holds the records up to this offset, exclusive.
    Disk(u64),
}

impl Shared {
    pub(super) fn new(config: EmbeddedConfig, store: Store, recovered: &Recovered) -> Self {
        let partitions: Vec<Partition> = recovered
            .indexes
            .iter()
            .map(|index| Partition {
                tail: Tail::at(index.head()),
                synced: index.head(),
                earliest: index.earliest(),
            })
            .collect();
        let progress = partitions
            .iter()
            .map(|partition| {
                let end = Offset(partition.synced);
                watch::Sender::new(Progress {
                    head: end,
                    synced: end,
                })
            })
            .collect();
        let released = recovered
            .released
            .iter()
            .map(|(consumer, partition, offset)| ((*partition, consumer.clone()), *offset))
            .collect();
        Self {
            config,
            state: Mutex::new(State {
                partitions,
                outbox: Backlog::default(),
                stored_bytes: recovered.indexes.iter().map(|index| index.bytes()).sum(),
                released,
                release_is_new: true,
                urgent: false,
                failing: None,
                restarts: 0,
                progressed: (Instant::now(), Timestamp::MIN),
                closed: false,
                ended: false,
            }),
            wake: Condvar::new(),
            moved: Notify::new(),
            progress,
            store: RwLock::new(Some(Arc::new(store))),
        }
    }

    /// The state. Nobody panics while holding it, and its parts are independent numbers, so a
    /// poisoned lock is used as it is.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake_writer(&self) {
        self.wake.notify_all();
    }

    /// Waits until the writer is woken or `at_most` has passed.
    pub(super) fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        at_most: Duration,
    ) -> MutexGuard<'a, State> {
        self.wake
            .wait_timeout(state, at_most)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    pub(super) fn open_store(&self) -> Option<Arc<Store>> {
        self.store
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Appends all of `entries`, or none.
    pub(super) fn try_append(
        &self,
        partition: u32,
        entries: Vec<Entry>,
    ) -> Result<Admission, LogError> {
        let mut state = self.state();
        state.refuse()?;
        let mut added = Backlog::default();
        entries.iter().for_each(|entry| added.add(entry));
        if state.bytes() >= self.config.max_bytes {
            return Err(LogError::Full(self.at_limit(&state)));
        }
        // One append larger than the outbox goes in alone.
        if state.outbox.bytes > 0 && state.outbox.bytes + added.bytes > self.config.outbox_bytes {
            return Ok(Admission::Busy(entries));
        }
        let slot = state
            .partitions
            .get_mut(partition as usize)
            .ok_or(LogError::NoPartition(partition))?;
        let first = slot.tail.head();
        for entry in entries {
            slot.tail.push(entry);
        }
        let head = Offset(slot.tail.head());
        state.outbox += added;
        self.progress[partition as usize].send_modify(|progress| progress.head = head);
        drop(state);
        self.wake_writer();
        Ok(Admission::Appended(Offset(first)))
    }

    /// Answers a read from memory, or says that the disk has it.
    pub(super) fn source(
        &self,
        partition: u32,
        from: Offset,
        max_records: usize,
    ) -> Result<Source, LogError> {
        let state = self.state();
        if state.closed {
            return Err(LogError::Closed);
        }
        let slot = state
            .partitions
            .get(partition as usize)
            .ok_or(LogError::NoPartition(partition))?;
        if from.0 < slot.earliest {
            return Err(LogError::Truncated {
                partition,
                asked: from,
                earliest: Offset(slot.earliest),
            });
        }
        if from.0 > slot.tail.head() {
            return Err(LogError::Damaged {
                partition,
                offset: from,
                reason: format!("the log ends at {}", slot.tail.head()),
            });
        }
        Ok(slot
            .tail
            .read(from.0, max_records)
            .map_or(Source::Disk(slot.tail.base()), Source::Memory))
    }

    /// Names the consumer or setting that keeps the log at its byte limit.
    fn at_limit(&self, state: &State) -> String {
        let slowest = state
            .released
            .iter()
            .filter_map(|((partition, consumer), offset)| {
                let head = state.partitions.get(*partition as usize)?.tail.head();
                Some((head.saturating_sub(*offset), consumer, partition))
            })
            .max();
        let holder = slowest.map_or_else(
            || "no consumer has released anything".to_owned(),
            |(behind, consumer, partition)| {
                format!("consumer {consumer} is {behind} records behind in partition {partition}")
            },
        );
        format!(
            "its records take {} bytes and may not be removed yet ({holder}; {} s before it stay)",
            self.config.max_bytes, self.config.correction_horizon_s
        )
    }

    /// Why appending fails at the moment, if it does.
    pub(super) fn failure(&self, state: &State) -> Option<String> {
        if let Some(failing) = &state.failing {
            return Some(failing.reason().to_owned());
        }
        let (progressed, at) = state.progressed;
        if !state.ended && progressed.elapsed() > LONGEST_ROUND {
            return Some(format!("its writer has made no progress since {at}"));
        }
        (state.bytes() >= self.config.max_bytes).then(|| self.at_limit(state))
    }
}

impl State {
    /// Why nothing can be appended, or made durable, if so.
    pub(super) fn refuse(&self) -> Result<(), LogError> {
        if self.closed {
            return Err(LogError::Closed);
        }
        self.failing
            .as_ref()
            .map_or(Ok(()), |failing| Err(failing.error()))
    }

    /// Bytes of the records on disk and on their way there, counted alike.
    pub(super) const fn bytes(&self) -> u64 {
        let overhead = self.outbox.records as u64 * RECORD_OVERHEAD;
        self.stored_bytes + self.outbox.encoded as u64 + overhead
    }

    /// The smallest offset that some consumer of the partition still needs; `None` if there is no
    /// consumer yet.
    pub(super) fn slowest(&self, partition: u32) -> Option<u64> {
        let first = (partition, String::new());
        self.released
            .range(first..)
            .take_while(|((p, _), _)| *p == partition)
            .map(|(_, offset)| *offset)
            .min()
    }
}
