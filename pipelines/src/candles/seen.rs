//! Which trade ids of an instrument have been seen: drops duplicates, knows what is missing, and
//! finds trades that cannot be of the same numbering.
//!
//! Venues number trades contiguously, so the ids seen are a few runs, however many trades there
//! were; what lies between two runs is missing. A venue may begin its numbers again (a relisted
//! contract, a market that moved): then an id that has been seen names another trade. Within one
//! numbering a later id is a later trade, so a trade that is later than that of a higher id is of a
//! new one.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::market::{Timestamp, Trade, TradeId};

/// Newest trades whose contents are remembered: a redelivery right behind its first arrival is recognised
/// from another trade of the same number and time.
const REMEMBERED: usize = 32;

/// Outcome of inserting an id.
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
    /// The numbering that the ids are of.
    pub(super) numbering: u32,
    /// The first missing id.
    pub(super) first: TradeId,
    /// The last missing id.
    pub(super) last: TradeId,
    /// The time of the trade before the hole.
    pub(super) from: Timestamp,
    /// The time of the trade after the hole.
    pub(super) to: Timestamp,
    /// It has been recorded as a gap.
    pub(super) noted: bool,
}

/// Ids without a hole, first and last inclusive, with their trades' times (ns).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    first: u64,
    last: u64,
    first_time: i64,
    last_time: i64,
    /// The latest time of any of its trades.
    #[serde(default)]
    latest: i64,
    /// The hole before this run has been recorded as a gap.
    #[serde(default)]
    noted: bool,
}

/// The ids seen of one numbering.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenTrades {
    /// The number of times the venue had begun its numbers again before this numbering.
    #[serde(default)]
    numbering: u32,
    /// Ascending, never touching.
    runs: Vec<Run>,
    /// Some older runs have been forgotten.
    forgotten: bool,
    /// The latest time of any trade; missing in states of earlier releases.
    #[serde(default)]
    latest: Option<i64>,
    /// The newest trades: id, and a digest of time, price and quantity.
    #[serde(default)]
    recent: VecDeque<(u64, u32)>,
}

impl SeenTrades {
    /// Nothing seen yet of the numbering that follows this one.
    #[must_use]
    pub(super) fn next_numbering(&self) -> Self {
        Self {
            numbering: self.numbering.wrapping_add(1),
            ..Self::default()
        }
    }

    /// Which numbering of the venue's this is.
    pub(super) const fn numbering(&self) -> u32 {
        self.numbering
    }

    /// The newest id.
    #[must_use]
    pub(super) fn newest(&self) -> Option<TradeId> {
        self.runs.last().map(|run| TradeId(run.last))
    }

    /// The oldest id remembered: whether what is missing below it was filled is no longer known.
    #[must_use]
    pub(super) fn oldest(&self) -> Option<TradeId> {
        self.runs.first().map(|run| TradeId(run.first))
    }

    /// The latest time of any trade.
    #[must_use]
    pub(super) fn latest(&self) -> Option<Timestamp> {
        let latest = self.latest;
        latest
            .or_else(|| self.runs.iter().map(Run::latest).max())
            .map(Timestamp::from_nanos)
    }

    /// Returns whether every trade from before `from` to after `to` has been seen: a run of numbers
    /// without a hole.
    #[must_use]
    pub(super) fn spans(&self, from: Timestamp, to: Timestamp) -> bool {
        let (from, to) = (from.nanos(), to.nanos());
        let before = self.runs.partition_point(|run| run.first_time <= from);
        // Times can go back a little from one run to the next: the last that begins before counts.
        before > 0 && self.runs[before - 1].latest() >= to
    }

    /// Returns whether a trade cannot be of this numbering: its id was seen with other contents, or it is
    /// later than a trade with a higher id by more than a reordering explains.
    #[must_use]
    pub(super) fn contradicts(&self, trade: &Trade, grace: Duration) -> bool {
        let (id, time) = (trade.id.0, trade.time.nanos());
        let Some(run) = self.run_ending_at_or_after(id) else {
            return false;
        };
        if id < run.first {
            return trade.time > Timestamp::from_nanos(run.first_time) + grace;
        }
        // A trade that is delivered again has the time that it had.
        time > run.latest()
            || (id == run.first && time != run.first_time)
            || (id == run.last && time != run.last_time)
            || self
                .recent
                .iter()
                .any(|&(seen, digest)| seen == id && digest != digest_of(trade))
    }

    /// Returns whether a trade fits between the ids and times seen.
    #[must_use]
    pub(super) fn explains(&self, trade: &Trade, grace: Duration) -> bool {
        self.newest().is_some_and(|newest| trade.id <= newest)
            && self.latest().is_some_and(|latest| trade.time <= latest)
            && !self.contradicts(trade, grace)
    }

    /// Notes that a trade has been seen. Beyond `max_runs` the oldest runs are forgotten, and trades
    /// below the oldest one remembered can no longer be distinguished from duplicates without the log.
    pub(super) fn insert(&mut self, trade: &Trade, max_runs: usize) -> Insertion {
        let latest = self
            .latest()
            .map_or(trade.time, |latest| latest.max(trade.time));
        let insertion = self.insert_id(trade.id.0, trade.time.nanos(), max_runs);
        if matches!(insertion, Insertion::Next | Insertion::OutOfSequence) {
            self.latest = Some(latest.nanos());
            if self.recent.len() == REMEMBERED {
                self.recent.pop_front();
            }
            self.recent.push_back((trade.id.0, digest_of(trade)));
        }
        insertion
    }

    fn insert_id(&mut self, id: u64, time: i64, max_runs: usize) -> Insertion {
        let Some(newest) = self.runs.last_mut() else {
            self.runs.push(Run::of(id, time));
            return Insertion::Next;
        };
        if newest.last.checked_add(1) == Some(id) {
            newest.extend_right(id, time);
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
                let left = &mut self.runs[at - 1];
                left.extend_right(id, time);
                left.latest = left.latest.max(right.latest());
                (left.last, left.last_time) = (right.last, right.last_time);
            }
            (true, false) => self.runs[at - 1].extend_right(id, time),
            (false, true) => {
                let run = &mut self.runs[at];
                run.latest = run.latest().max(time);
                (run.first, run.first_time) = (id, time);
            }
            (false, false) => {
                let mut run = Run::of(id, time);
                if let Some(above) = self.runs.get_mut(at) {
                    // Both halves of a hole that was noted are; what lay below all was none.
                    above.noted &= at > 0;
                    run.noted = above.noted;
                }
                self.runs.insert(at, run);
            }
        }
        if self.runs.len() > max_runs {
            self.runs.remove(0);
            self.forgotten = true;
        }
        Insertion::OutOfSequence
    }

    /// Everything missing between the ids remembered, oldest first.
    pub(super) fn holes(&self) -> impl Iterator<Item = Hole> + '_ {
        self.runs
            .windows(2)
            .map(|pair| Hole::between(&pair[0], &pair[1], self.numbering))
    }

    /// Remembers of every hole that is `noted` that it has been recorded as a gap.
    pub(super) fn note_holes(&mut self, noted: impl Fn(&Hole) -> bool) {
        for at in 1..self.runs.len() {
            let hole = Hole::between(&self.runs[at - 1], &self.runs[at], self.numbering);
            self.runs[at].noted |= noted(&hole);
        }
    }

    fn run_ending_at_or_after(&self, id: u64) -> Option<&Run> {
        // Nearly every trade is newer than all before.
        if self.runs.last().is_none_or(|newest| newest.last < id) {
            return None;
        }
        self.runs
            .get(self.runs.partition_point(|run| run.last < id))
    }
}

impl Hole {
    fn between(before: &Run, after: &Run, numbering: u32) -> Self {
        Self {
            numbering,
            first: TradeId(before.last + 1),
            last: TradeId(after.first - 1),
            // A venue's times can go back a little from one id to the next.
            from: Timestamp::from_nanos(before.last_time.min(after.first_time)),
            to: Timestamp::from_nanos(before.last_time.max(after.first_time)),
            noted: after.noted,
        }
    }
}

impl Run {
    const fn of(id: u64, time: i64) -> Self {
        Self {
            first: id,
            last: id,
            first_time: time,
            last_time: time,
            latest: time,
            noted: false,
        }
    }

    /// The latest time: the field is missing in states of earlier releases.
    fn latest(&self) -> i64 {
        self.latest.max(self.first_time).max(self.last_time)
    }

    fn extend_right(&mut self, id: u64, time: i64) {
        self.latest = self.latest().max(time);
        (self.last, self.last_time) = (id, time);
    }
}

/// A digest of what makes a trade the same one besides its id; the same in every release.
fn digest_of(trade: &Trade) -> u32 {
    let (price, quantity) = (trade.price.get(), trade.quantity.get());
    let words = [
        i128::from(trade.time.nanos()),
        price.mantissa(),
        i128::from(price.scale()),
        quantity.mantissa(),
        i128::from(quantity.scale()),
    ];
    let mixed = words.into_iter().fold(0_u64, |mixed, word| {
        let word = word.cast_unsigned();
        // Both halves of the word count.
        let word = (word as u64) ^ ((word >> 64) as u64).rotate_left(32);
        (mixed ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
    });
    (mixed >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::market::{Price, Quantity, TakerSide};

    const MAX_RUNS: usize = 256;

    const GRACE: Duration = Duration::from_secs(2);

    fn at(id: u64) -> Timestamp {
        Timestamp::from_nanos(i64::try_from(id).unwrap() * 10)
    }

    fn trade(id: u64, time: Timestamp) -> Trade {
        Trade {
            id: TradeId(id),
            time,
            price: Price::parse("100").unwrap(),
            quantity: Quantity::parse("1").unwrap(),
            taker: TakerSide::Buy,
        }
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_ids(ids in prop::collection::vec(100_u64..160, 0..200)) {
            let mut seen = SeenTrades::default();
            let mut model = BTreeSet::new();
            for id in ids {
                let insertion = seen.insert(&trade(id, at(id)), MAX_RUNS);
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
            seen.insert(&trade(i * 2, at(i * 2)), MAX_RUNS);
        }
        assert_eq!(seen.runs.len(), MAX_RUNS);
        assert_eq!(seen.insert(&trade(0, at(0)), MAX_RUNS), Insertion::Unknown);
        assert_eq!(
            seen.insert(&trade(3_998, at(3_998)), MAX_RUNS),
            Insertion::Duplicate
        );
    }

    #[test]
    fn a_trade_is_of_another_numbering_if_it_is_later_than_one_with_a_higher_id() {
        let second = |s: i64| Timestamp::from_seconds(s).unwrap();
        let mut seen = SeenTrades::default();
        for id in (100..200).filter(|id| *id != 150) {
            seen.insert(&trade(id, second(id as i64)), MAX_RUNS);
        }
        let contradicts = |id, time| seen.contradicts(&trade(id, time), GRACE);
        for (id, seconds) in [
            (100, 100),
            (199, 199),
            (150, 150),
            (150, 153),
            (99, 102),
            (200, 1),
        ] {
            assert!(!contradicts(id, second(seconds)), "{id} at {seconds} s");
        }
        // Seen ids are judged without a margin: what is delivered again has its own time.
        for (id, seconds) in [
            (199, 200),
            (130, 150),
            (100, 101),
            (150, 154),
            (99, 103),
            (1, 500),
        ] {
            assert!(contradicts(id, second(seconds)), "{id} at {seconds} s");
        }
        let other = Trade {
            price: Price::parse("101").unwrap(),
            ..trade(190, second(190))
        };
        assert!(
            seen.contradicts(&other, GRACE),
            "the same id and time alone are not enough"
        );
    }

    #[test]
    fn the_largest_ids_do_not_overflow() {
        let mut seen = SeenTrades::default();
        assert_eq!(
            seen.insert(&trade(u64::MAX, at(1)), MAX_RUNS),
            Insertion::Next
        );
        assert_eq!(
            seen.insert(&trade(u64::MAX, at(1)), MAX_RUNS),
            Insertion::Duplicate
        );
        assert_eq!(
            seen.insert(&trade(0, at(0)), MAX_RUNS),
            Insertion::OutOfSequence
        );
        assert_eq!(
            seen.insert(&trade(u64::MAX - 1, at(1)), MAX_RUNS),
            Insertion::OutOfSequence
        );
        assert_eq!(seen.holes().count(), 1);
    }
}
