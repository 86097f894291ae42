//! Plan of requests to a venue: the candles of a window that are neither stored nor known to be absent.
//! Pure: it knows no clock, network or store.

use std::collections::BTreeSet;

use crate::market::{Candle, InstrumentKey, Interval, Timestamp};

/// Which history is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of which instrument.
    pub instrument: InstrumentKey,
    /// Of which length.
    pub interval: Interval,
    /// Number of closed candles back from now.
    pub candles: u32,
}

impl Wanted {
    /// From the first wanted candle to the end of the last that has closed by `now`.
    pub(super) fn window(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let end = self.interval.open_of(now);
        (end - self.interval.duration() * self.candles, end)
    }
}

/// The rest of a window that is still to be asked for.
#[derive(Debug)]
pub(super) struct BackfillPlan {
    interval: Interval,
    /// Before here everything has been asked for.
    at: Timestamp,
    end: Timestamp,
    /// Stored whole: never overwritten.
    stored: BTreeSet<Timestamp>,
    /// Candles that the venue does not have.
    absent: BTreeSet<Timestamp>,
}

impl BackfillPlan {
    pub(super) const fn new(
        interval: Interval,
        (from, end): (Timestamp, Timestamp),
        stored: BTreeSet<Timestamp>,
        absent: BTreeSet<Timestamp>,
    ) -> Self {
        Self {
            interval,
            at: from,
            end,
            stored,
            absent,
        }
    }

    /// The window to ask for next, which begins with a missing candle; `None` when nothing is missing.
    pub(super) fn next_request(&mut self) -> Option<(Timestamp, Timestamp)> {
        while self.at < self.end {
            if !self.stored.contains(&self.at) && !self.absent.contains(&self.at) {
                return Some((self.at, self.end));
            }
            self.at = self.interval.end_of(self.at);
        }
        None
    }

    /// Takes the answer to the last request: these candles, and none other before `covered_until`.
    /// Returns the candles to store, and the times that the venue turned out to have no candle of.
    pub(super) fn answered(
        &mut self,
        candles: Vec<Candle>,
        covered_until: Timestamp,
    ) -> (Vec<Candle>, Vec<Timestamp>) {
        let mut missing = candles;
        missing.retain(|candle| {
            candle.open_time < self.end && !self.stored.contains(&candle.open_time)
        });
        let found: BTreeSet<Timestamp> = missing.iter().map(|candle| candle.open_time).collect();
        let covered = covered_until.min(self.end);
        let mut gone = Vec::new();
        let mut time = self.at;
        while time < covered {
            if !found.contains(&time) && !self.stored.contains(&time) {
                gone.push(time);
            }
            time = self.interval.end_of(time);
        }
        // Past what was answered, even if that was nothing: the plan ends.
        self.at = covered.max(self.interval.end_of(self.at));
        (missing, gone)
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    const HOUR: Interval = Interval::Hour1;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_seconds(hour * 3_600).unwrap()
    }

    fn candle(hour: i64) -> Candle {
        Candle {
            open_time: at(hour),
            open: Decimal::ONE,
            high: Decimal::ONE,
            low: Decimal::ONE,
            close: Decimal::ONE,
            volume: Decimal::ONE,
            quote_volume: Decimal::ONE,
            trades: 1,
            taker_buy_volume: Decimal::ZERO,
            complete: true,
        }
    }

    fn plan(stored: &[i64], absent: &[i64]) -> BackfillPlan {
        let times = |hours: &[i64]| hours.iter().map(|hour| at(*hour)).collect();
        BackfillPlan::new(HOUR, (at(0), at(10)), times(stored), times(absent))
    }

    #[test]
    fn asks_from_the_first_missing_candle_and_keeps_what_is_stored() {
        let mut plan = plan(&[0, 1, 4], &[2]);
        assert_eq!(plan.next_request(), Some((at(3), at(10))));
        let (missing, gone) = plan.answered(vec![candle(3), candle(4), candle(6)], at(7));
        let times: Vec<_> = missing.iter().map(|candle| candle.open_time).collect();
        assert_eq!(times, [at(3), at(6)], "4 is stored already");
        assert_eq!(gone, [at(5)]);
        assert_eq!(plan.next_request(), Some((at(7), at(10))));
    }

    #[test]
    fn an_answer_without_candles_does_not_ask_for_ever() {
        let mut nothing_covered = plan(&[], &[]);
        let mut requests = 0;
        while nothing_covered.next_request().is_some() {
            nothing_covered.answered(Vec::new(), at(0));
            requests += 1;
        }
        assert_eq!(requests, 10);
        let mut all_covered = plan(&[], &[]);
        all_covered.next_request().unwrap();
        let (missing, gone) = all_covered.answered(Vec::new(), at(99));
        assert_eq!((missing.len(), gone.len()), (0, 10));
        assert_eq!(all_covered.next_request(), None);
        assert_eq!(
            plan(&[0, 1, 2, 3, 4], &[5, 6, 7, 8, 9]).next_request(),
            None
        );
    }
}
