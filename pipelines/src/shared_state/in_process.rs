//! Shared state within one process: bounded maps, and broadcast channels. Lost with the process,
//! which is what shared state may be.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::broadcast;

use super::subscription::QUEUE;
use super::{
    Heard, RateDecision, SharedState, SharedStateError, Subscription, Window, check_key,
    check_value,
};
use crate::clock::SharedClock;
use crate::market::Timestamp;

/// Limits of the maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InProcessLimits {
    /// Values and counters.
    pub values: usize,
    /// Bytes of values together.
    pub value_bytes: usize,
    /// Sliding windows.
    pub windows: usize,
    /// Passages remembered in all windows together, of 8 bytes each.
    pub passages: usize,
}

impl Default for InProcessLimits {
    fn default() -> Self {
        Self {
            values: 100_000,
            value_bytes: 64 << 20,
            windows: 200_000,
            passages: 4_000_000,
        }
    }
}

/// The share of a full map that is cleared at once, so that clearing is rare.
const CLEARED_SHARE: usize = 8;

/// Shared state within one process. When a map is full, what has ended goes first, then what would
/// end or was used the longest ago: a cache misses, a limit begins again.
#[derive(Debug)]
pub struct InProcess {
    clock: SharedClock,
    limits: InProcessLimits,
    values: Mutex<Values>,
    windows: Mutex<Windows>,
    channels: Mutex<HashMap<String, broadcast::Sender<Heard>>>,
}

#[derive(Debug, Default)]
struct Values {
    entries: HashMap<String, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    held: Held,
    ends: Timestamp,
}

#[derive(Debug)]
enum Held {
    Value(Bytes),
    Count(u64),
}

impl Held {
    fn bytes(&self) -> usize {
        match self {
            Self::Value(value) => value.len(),
            Self::Count(_) => 0,
        }
    }
}

#[derive(Debug, Default)]
struct Windows {
    entries: HashMap<String, Passed>,
    passages: usize,
}

/// When what still counts passed, oldest first.
#[derive(Debug)]
struct Passed {
    times: VecDeque<Timestamp>,
    ends: Timestamp,
}

impl InProcess {
    /// Empty state.
    #[must_use]
    pub fn new(clock: SharedClock, limits: InProcessLimits) -> Arc<Self> {
        Arc::new(Self {
            clock,
            limits,
            values: Mutex::default(),
            windows: Mutex::default(),
            channels: Mutex::default(),
        })
    }

    /// [`SharedState::pass`], which within a process neither waits nor fails.
    #[must_use]
    pub fn pass_now(&self, key: &str, window: Window) -> RateDecision {
        let now = self.clock.now();
        let mut windows = lock(&self.windows);
        windows.make_room(now, &self.limits, key);
        windows.pass(key, window, now)
    }

    /// The answer that [`Self::pass_now`] would give, without counting.
    #[must_use]
    pub fn look_now(&self, key: &str, window: Window) -> RateDecision {
        let now = self.clock.now();
        let windows = lock(&self.windows);
        let times = windows.entries.get(key).map(|passed| &passed.times);
        let live: Vec<Timestamp> = times
            .into_iter()
            .flatten()
            .filter(|time| **time + window.length > now)
            .copied()
            .collect();
        let limit = window.limit.max(1) as usize;
        let oldest = live.first().copied().unwrap_or(now);
        RateDecision {
            allowed: live.len() < limit,
            remaining: u32::try_from(limit.saturating_sub(live.len())).unwrap_or(u32::MAX),
            frees_in: between(now, oldest + window.length),
        }
    }

    /// Number of values and counters, and number of windows.
    #[must_use]
    pub fn held(&self) -> (usize, usize) {
        (
            lock(&self.values).entries.len(),
            lock(&self.windows).entries.len(),
        )
    }

    fn keep(&self, values: &mut Values, key: &str, held: Held, ends: Timestamp) {
        values.forget(key);
        values.make_room(self.clock.now(), &self.limits, held.bytes());
        values.bytes += held.bytes();
        values.entries.insert(key.to_owned(), Entry { held, ends });
    }
}

/// Nothing panics half-way through a change of these maps.
fn lock<T>(map: &Mutex<T>) -> MutexGuard<'_, T> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Values {
    fn forget(&mut self, key: &str) -> Option<Entry> {
        let gone = self.entries.remove(key)?;
        self.bytes -= gone.held.bytes();
        Some(gone)
    }

    /// The entry, unless it has ended.
    fn live(&self, key: &str, now: Timestamp) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.ends > now)
    }

    fn make_room(&mut self, now: Timestamp, limits: &InProcessLimits, coming: usize) {
        let full = |values: &Self| {
            values.entries.len() >= limits.values || values.bytes + coming > limits.value_bytes
        };
        if !full(self) {
            return;
        }
        self.entries.retain(|_, entry| entry.ends > now);
        self.bytes = self.entries.values().map(|entry| entry.held.bytes()).sum();
        while full(self) && !self.entries.is_empty() {
            for key in soonest(&self.entries, |entry| entry.ends) {
                self.forget(&key);
            }
        }
    }
}

impl Windows {
    fn pass(&mut self, key: &str, window: Window, now: Timestamp) -> RateDecision {
        if !self.entries.contains_key(key) {
            let passed = Passed {
                times: VecDeque::new(),
                ends: now,
            };
            self.entries.insert(key.to_owned(), passed);
        }
        let passed = self
            .entries
            .get_mut(key)
            .expect("the entry was made above if it was not there");
        let before = passed.times.len();
        while passed
            .times
            .front()
            .is_some_and(|time| *time + window.length <= now)
        {
            passed.times.pop_front();
        }
        let limit = window.limit.max(1) as usize;
        let allowed = passed.times.len() < limit;
        if allowed {
            passed.times.push_back(now);
            passed.ends = now + window.length;
        }
        let after = passed.times.len();
        self.passages = (self.passages + after).saturating_sub(before);
        let oldest = passed.times.front().copied().unwrap_or(now);
        RateDecision {
            allowed,
            remaining: u32::try_from(limit.saturating_sub(after)).unwrap_or(u32::MAX),
            frees_in: between(now, oldest + window.length),
        }
    }

    fn make_room(&mut self, now: Timestamp, limits: &InProcessLimits, key: &str) {
        let full = |windows: &Self| {
            windows.entries.len() >= limits.windows || windows.passages >= limits.passages
        };
        if !full(self) || (self.passages < limits.passages && self.entries.contains_key(key)) {
            return;
        }
        self.entries.retain(|_, passed| passed.ends > now);
        self.recount();
        while full(self) && !self.entries.is_empty() {
            for key in soonest(&self.entries, |passed| passed.ends) {
                self.entries.remove(&key);
            }
            self.recount();
        }
    }

    fn recount(&mut self) {
        self.passages = self.entries.values().map(|passed| passed.times.len()).sum();
    }
}

/// The keys of the share of entries that end first, at least one.
fn soonest<T>(entries: &HashMap<String, T>, ends: impl Fn(&T) -> Timestamp) -> Vec<String> {
    let mut all: Vec<(Timestamp, &String)> = entries
        .iter()
        .map(|(key, entry)| (ends(entry), key))
        .collect();
    let share = (all.len() / CLEARED_SHARE).max(1);
    all.select_nth_unstable(share - 1);
    all[..share].iter().map(|(_, key)| (*key).clone()).collect()
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_nanos(u64::try_from(to.nanos().saturating_sub(from.nanos())).unwrap_or(0))
}

#[async_trait]
impl SharedState for InProcess {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, SharedStateError> {
        let values = lock(&self.values);
        let live = values.live(key, self.clock.now());
        Ok(live.map(|entry| match &entry.held {
            Held::Value(value) => value.clone(),
            Held::Count(count) => Bytes::from(count.to_string()),
        }))
    }

    async fn put(
        &self,
        key: &str,
        value: Bytes,
        lifetime: Duration,
    ) -> Result<(), SharedStateError> {
        check_key(key)?;
        check_value(&value)?;
        let mut values = lock(&self.values);
        let ends = self.clock.now() + lifetime;
        self.keep(&mut values, key, Held::Value(value), ends);
        Ok(())
    }

    async fn put_if_absent(
        &self,
        key: &str,
        value: Bytes,
        lifetime: Duration,
    ) -> Result<bool, SharedStateError> {
        check_key(key)?;
        check_value(&value)?;
        let now = self.clock.now();
        let mut values = lock(&self.values);
        if values.live(key, now).is_some() {
            return Ok(false);
        }
        self.keep(&mut values, key, Held::Value(value), now + lifetime);
        Ok(true)
    }

    async fn remove(&self, key: &str) -> Result<bool, SharedStateError> {
        let now = self.clock.now();
        let gone = lock(&self.values).forget(key);
        Ok(gone.is_some_and(|entry| entry.ends > now))
    }

    async fn add(&self, key: &str, by: u64, lifetime: Duration) -> Result<u64, SharedStateError> {
        check_key(key)?;
        let now = self.clock.now();
        let mut values = lock(&self.values);
        let (before, ends) = match values.live(key, now) {
            Some(Entry { held, ends }) => match held {
                Held::Count(count) => (*count, *ends),
                Held::Value(_) => {
                    return Err(SharedStateError::Refused {
                        place: self.place(),
                        doing: "add to a counter",
                        reason: "there is a value under this key".to_owned(),
                    });
                }
            },
            None => (0, now + lifetime),
        };
        let sum = before.saturating_add(by);
        self.keep(&mut values, key, Held::Count(sum), ends);
        Ok(sum)
    }

    async fn pass(&self, key: &str, window: Window) -> Result<RateDecision, SharedStateError> {
        check_key(key)?;
        Ok(self.pass_now(key, window))
    }

    async fn publish(&self, channel: &str, message: Bytes) -> Result<(), SharedStateError> {
        check_key(channel)?;
        check_value(&message)?;
        let mut channels = lock(&self.channels);
        if let Some(sender) = channels.get(channel)
            && sender.send(Heard::Message(message)).is_err()
        {
            // Nobody listens any more.
            channels.remove(channel);
        }
        Ok(())
    }

    async fn subscribe(&self, channel: &str) -> Result<Subscription, SharedStateError> {
        check_key(channel)?;
        let mut channels = lock(&self.channels);
        let sender = channels
            .entry(channel.to_owned())
            .or_insert_with(|| broadcast::channel(QUEUE).0);
        Ok(Subscription::new(sender.subscribe(), None))
    }

    fn is_up(&self) -> bool {
        true
    }

    fn place(&self) -> String {
        "this process".to_owned()
    }
}
