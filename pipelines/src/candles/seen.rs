//! Which trade ids of an instrument have been seen: drops duplicates, and knows what is missing.
//!
//! Venues number trades contiguously, so the ids seen are a few runs, however many trades there
//! were; what lies between two runs is missing.

use serde::{Deserialize, Serialize};

use crate::market::{Timestamp, TradeId};

/// What inserting an id showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Insertion {
    /// It follows the newest directly, or is the first.
    Next,
    /// It is new, and changed which ids are missing.
    OutOfSequence,
    /// It has been seen before.
    Duplicate,
    /// It is older than anything remembered: only the log can tell.
    Unknown,
}

/// Ids that are missing, and when they must have traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    /// The first missing id.
    pub(super) first: TradeId,
    /// The last missing id.
    pub(super) last: TradeId,
    /// The time of the trade before the hole.
    pub(super) from: Timestamp,
    /// The time of the trade after the hole.
    pub(super) to: Timestamp,
}

/// Ids without a hole, first and last inclusive, with their trades' times (ns).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    first: u64,
    last: u64,
    first_time: i64,
    last_time: i64,
}

/// The ids seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenTrades {
    /// Ascending, never touching.
    runs: Vec<Run>,
    /// Some older runs have been forgotten.
    forgotten: bool,
}

impl SeenTrades {
    /// The newest id.
    #[must_use]
    pub(super) fn newest(&self) -> Option<TradeId> {
        self.runs.last().map(|run| TradeId(run.last))
    }

    /// The oldest id remembered: what is missing below it can no longer be told to be filled.
    #[must_use]
    pub(super) fn oldest(&self) -> Option<TradeId> {
        self.runs.first().map(|run| TradeId(run.first))
    }

    /// Notes that a trade has been seen. Beyond `max_runs` the oldest runs are forgotten, and trades
    /// below the oldest one remembered can no longer be told from duplicates without the log.
    pub(super) fn insert(&mut self, id: TradeId, time: Timestamp, max_runs: usize) -> Insertion {
        let (id, time) = (id.0, time.nanos());
        let Some(newest) = self.runs.last_mut() else {
            self.runs.push(Run::of(id, time));
            return Insertion::Next;
        };
        if newest.last.checked_add(1) == Some(id) {
            newest.last = id;
            newest.last_time = time;
            return Insertion::Next;
        }
        // The first run that ends at or after `id`.
        let at = self.runs.partition_point(|run| run.last < id);
        if self.runs.get(at).is_some_and(|run| run.first <= id) {
            return Insertion::Duplicate;
        }
        if at == 0 && self.forgotten {
            return Insertion::Unknown;
        }
        let extends_left = at > 0 && self.runs[at - 1].last + 1 == id;
        let extends_right = self.runs.get(at).is_some_and(|run| id + 1 == run.first);
        match (extends_left, extends_right) {
            (true, true) => {
                let right = self.runs.remove(at);
                self.runs[at - 1].last = right.last;
                self.runs[at - 1].last_time = right.last_time;
            }
            (true, false) => {
                self.runs[at - 1].last = id;
                self.runs[at - 1].last_time = time;
            }
            (false, true) => {
                self.runs[at].first = id;
                self.runs[at].first_time = time;
            }
            (false, false) => self.runs.insert(at, Run::of(id, time)),
        }
        if self.runs.len() > max_runs {
            self.runs.remove(0);
            self.forgotten = true;
        }
        Insertion::OutOfSequence
    }

    /// Everything missing between the ids remembered, oldest first.
    pub(super) fn holes(&self) -> impl Iterator<Item = Hole> + '_ {
        self.runs.windows(2).map(|pair| {
            let (before, after) = (pair[0].last_time, pair[1].first_time);
            Hole {
                first: TradeId(pair[0].last + 1),
                last: TradeId(pair[1].first - 1),
                // A venue's times can go back a little from one id to the next.
                from: Timestamp::from_nanos(before.min(after)),
                to: Timestamp::from_nanos(before.max(after)),
            }
        })
    }
}

impl Run {
    const fn of(id: u64, time: i64) -> Self {
        Self {
            first: id,
            last: id,
            first_time: time,
            last_time: time,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const MAX_RUNS: usize = 256;

    fn at(id: u64) -> Timestamp {
        Timestamp::from_nanos(i64::try_from(id).unwrap() * 10)
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_ids(ids in prop::collection::vec(100_u64..160, 0..200)) {
            let mut seen = SeenTrades::default();
            let mut model = BTreeSet::new();
            for id in ids {
                let insertion = seen.insert(TradeId(id), at(id), MAX_RUNS);
                prop_assert_eq!(insertion == Insertion::Duplicate, !model.insert(id));
            }
            let missing: BTreeSet<u64> =
                seen.holes().flat_map(|hole| hole.first.0..=hole.last.0).collect();
            let expected: BTreeSet<u64> = match (model.first(), model.last()) {
                (Some(&first), Some(&last)) =>
                    (first..=last).filter(|id| !model.contains(id)).collect(),
                _ => BTreeSet::new(),
            };
            prop_assert_eq!(missing, expected);
            for hole in seen.holes() {
                prop_assert_eq!((hole.from, hole.to), (at(hole.first.0 - 1), at(hole.last.0 + 1)));
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_forgotten_ids_are_unknown_not_new() {
        let mut seen = SeenTrades::default();
        for i in 0..2_000 {
            seen.insert(TradeId(i * 2), at(i * 2), MAX_RUNS);
        }
        assert_eq!(seen.runs.len(), MAX_RUNS);
        assert_eq!(seen.insert(TradeId(0), at(0), MAX_RUNS), Insertion::Unknown);
        assert_eq!(
            seen.insert(TradeId(3_998), at(3_998), MAX_RUNS),
            Insertion::Duplicate
        );
    }

    #[test]
    fn the_largest_ids_do_not_overflow() {
        let mut seen = SeenTrades::default();
        assert_eq!(
            seen.insert(TradeId(u64::MAX), at(1), MAX_RUNS),
            Insertion::Next
        );
        assert_eq!(
            seen.insert(TradeId(u64::MAX), at(1), MAX_RUNS),
            Insertion::Duplicate
        );
        assert_eq!(
            seen.insert(TradeId(0), at(0), MAX_RUNS),
            Insertion::OutOfSequence
        );
        assert_eq!(
            seen.insert(TradeId(u64::MAX - 1), at(1), MAX_RUNS),
            Insertion::OutOfSequence
        );
        assert_eq!(seen.holes().count(), 1);
    }
}
