//! The thresholds on one signal, ordered, with the nearest on either side of its value kept next to it: a
//! value that stays between them costs two comparisons, one that does not walks what it passed.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Included};

use crate::number::Key;

/// Which way a value has to go for a threshold to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From less than it to at least it.
    Up,
    /// From more than it to at most it.
    Down,
}

/// Thresholds by key, each with who waits for it.
#[derive(Debug)]
pub(super) struct Index<K> {
    up: BTreeSet<(K, u32)>,
    down: BTreeSet<(K, u32)>,
    last: Option<K>,
    /// The nearest keys at or below and at or above `last`.
    near: (Option<K>, Option<K>),
    /// Something was removed or `last` has moved since `near` was looked up.
    stale: bool,
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self {
            up: BTreeSet::new(),
            down: BTreeSet::new(),
            last: None,
            near: (None, None),
            stale: true,
        }
    }
}

impl<K: Key> Index<K> {
    /// Moves the value without anything being reached.
    pub(super) const fn set_last(&mut self, last: K) {
        self.last = Some(last);
        self.stale = true;
    }

    pub(super) fn insert(&mut self, direction: Direction, key: K, slot: u32) {
        match direction {
            Direction::Up => self.up.insert((key, slot)),
            Direction::Down => self.down.insert((key, slot)),
        };
        if let Some(last) = self.last {
            if key <= last && self.near.0.is_none_or(|near| near < key) {
                self.near.0 = Some(key);
            }
            if key >= last && self.near.1.is_none_or(|near| key < near) {
                self.near.1 = Some(key);
            }
        }
    }

    pub(super) fn remove(&mut self, direction: Direction, key: K, slot: u32) {
        match direction {
            Direction::Up => self.up.remove(&(key, slot)),
            Direction::Down => self.down.remove(&(key, slot)),
        };
        self.stale |= self.near.0 == Some(key) || self.near.1 == Some(key);
    }

    /// The nearest keys at or below and at or above the value: while it stays strictly between them, or is
    /// what it was, nothing is reached.
    pub(super) fn near(&mut self) -> (Option<K>, Option<K>) {
        if self.stale
            && let Some(last) = self.last
        {
            let below = |set: &BTreeSet<(K, u32)>| {
                let found = set.range(..=(last, u32::MAX)).next_back();
                found.map(|(key, _)| *key)
            };
            let above = |set: &BTreeSet<(K, u32)>| {
                let found = set.range((last, 0)..).next();
                found.map(|(key, _)| *key)
            };
            let least = match (above(&self.up), above(&self.down)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            self.near = (below(&self.up).max(below(&self.down)), least);
            self.stale = false;
        }
        self.near
    }

    /// Moves the value, and adds who waited for what it reached.
    pub(super) fn advance(&mut self, value: K, reached: &mut Vec<(u32, Direction)>) {
        let Some(last) = self.last else {
            self.set_last(value);
            return;
        };
        if value == last {
            return;
        }
        let (below, above) = self.near();
        self.last = Some(value);
        if below.is_none_or(|near| near < value) && above.is_none_or(|near| value < near) {
            return;
        }
        self.stale = true;
        if last < value {
            let range = (Excluded((last, u32::MAX)), Included((value, u32::MAX)));
            reached.extend(self.up.range(range).map(|(_, slot)| (*slot, Direction::Up)));
        } else {
            let range = (Included((value, 0)), Excluded((last, 0)));
            let range = self.down.range(range);
            reached.extend(range.map(|(_, slot)| (*slot, Direction::Down)));
        }
    }

    /// Everyone who waits, perhaps twice.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.up.iter().chain(&self.down).map(|(_, slot)| *slot)
    }
}
