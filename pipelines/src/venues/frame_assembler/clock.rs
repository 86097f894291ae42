//! Our clock as far as it can be believed: one reading that is wrong, or a clock that is set while
//! we listen, must not pass for time that has passed.
//!
//! A small step forward is believed. A larger one counts only as far as the venue's clock took it
//! too, which the next trade shows; until then time goes on from where it was. A step back is
//! standing still. So time is late at worst, never early.

use std::time::Duration;

use crate::market::Timestamp;

/// The largest step that is believed without a trade: a venue that lives is heard of every second,
/// and a busy machine reads its clock late.
const BELIEVED_STEP: Duration = Duration::from_secs(5);

/// Time that may have passed at a step back, which does not say: as far as a trade may be ahead.
const AT_A_STEP_BACK: Duration = Duration::from_secs(60);

/// The clock. Starts with its first reading.
#[derive(Debug)]
pub(super) struct SteadyClock {
    /// The newest reading.
    reading: Timestamp,
    now: Timestamp,
    /// Time by which the clock went forward and was not believed.
    doubted: Duration,
    /// The furthest (ns) that a trade's time has been ahead of `now`.
    lead: Option<i64>,
    /// The newest trade's time, and ours when it arrived.
    trade: Option<(Timestamp, Timestamp)>,
}

impl SteadyClock {
    pub(super) const fn new(reading: Timestamp) -> Self {
        Self {
            reading,
            now: reading,
            doubted: Duration::ZERO,
            lead: None,
            trade: None,
        }
    }

    /// The believed time.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Time by which the clock went forward since the last reading, believed or not.
    pub(super) fn step_to(&self, reading: Timestamp) -> Duration {
        reading.since(self.reading)
    }

    /// Takes a reading, and the time of the newest trade that arrived with it.
    pub(super) fn read(&mut self, reading: Timestamp, traded: Option<Timestamp>) -> Timestamp {
        let (step, back) = (self.step_to(reading), self.reading.since(reading));
        self.reading = reading;
        if back > Duration::ZERO {
            self.doubted = self.doubted.saturating_sub(back).max(AT_A_STEP_BACK);
        } else if step <= BELIEVED_STEP {
            self.now = self.now + step;
        } else {
            self.doubted = self.doubted.saturating_add(step);
        }
        if let Some(traded) = traded {
            let lead = traded.nanos().saturating_sub(self.now.nanos());
            // Ahead of our time, or further ahead than ever: the venue's clock went on while ours
            // was not believed.
            let excess = self.lead.map_or(lead, |most| lead.saturating_sub(most));
            let missed = Duration::from_nanos(excess.max(lead).try_into().unwrap_or(0));
            // No more than the venue's clock went on since the last trade, whose way may have been
            // longer.
            let by_venue = self.trade.map_or(missed, |(time, now)| {
                traded.since(time).saturating_sub(self.now.since(now))
            });
            let missed = missed.min(by_venue).min(self.doubted);
            self.now = self.now + missed;
            self.doubted -= missed;
            self.trade = Some((traded, self.now));
            let lead = traded.nanos().saturating_sub(self.now.nanos());
            self.lead = Some(self.lead.map_or(lead, |most| most.max(lead)));
        }
        self.now
    }

    /// Takes a reading as it is.
    pub(super) fn set(&mut self, reading: Timestamp) -> Timestamp {
        self.reading = reading;
        self.doubted = Duration::ZERO;
        self.now = self.now.max(reading);
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_723_161_240 + seconds).unwrap()
    }

    #[test]
    fn readings_that_are_wrong_are_no_time_that_passed() {
        let mut clock = SteadyClock::new(at(0));
        assert_eq!(clock.read(at(1), Some(at(1))), at(1));
        for wrong in [108_000, 108_001, 3_600] {
            let now = clock.read(at(wrong), None);
            assert!(now <= at(2), "{now}");
        }
        clock.read(at(4), None);
        // A trade brings what was not believed meanwhile, and no more.
        assert_eq!(clock.read(at(5), Some(at(5))), at(5));
        assert_eq!(clock.read(at(108_000), Some(at(6))), at(6));
        assert_eq!(clock.read(at(7), Some(at(7))), at(7));
    }

    #[test]
    fn a_pause_has_passed_once_a_trade_shows_it() {
        let mut clock = SteadyClock::new(at(0));
        clock.read(at(1), Some(at(0)));
        assert_eq!(clock.read(at(600), None), at(1));
        assert_eq!(clock.read(at(601), Some(at(600))), at(601));
    }

    #[test]
    fn a_clock_that_was_set_goes_on_from_where_it_was() {
        let mut clock = SteadyClock::new(at(0));
        clock.read(at(1), Some(at(0)));
        for second in 2..100 {
            // An hour ahead, with trades that take more and less time to arrive.
            let traded = at(second) - Duration::from_millis(700 + 13 * (second as u64 % 7));
            let now = clock.read(at(3_600 + second), Some(traded));
            assert!(
                now <= at(second + 1) && now >= at(second - 2),
                "{now} at {second}"
            );
        }
        let before = clock.now();
        assert_eq!(clock.read(at(-3_600), None), before, "set back: it stands");
        assert_eq!(
            clock.read(at(-3_599), None),
            before + Duration::from_secs(1)
        );
        // Quiet markets, too, go on.
        for (reading, traded) in [(-3_580, 119), (-3_500, 199), (-3_400, 299)] {
            let now = clock.read(at(reading), Some(at(traded)));
            assert!(now <= at(traded + 2) && now >= at(traded - 2), "{now}");
        }
    }

    #[test]
    fn a_recording_of_another_year_passes_as_it_is_replayed() {
        let mut clock = SteadyClock::new(at(0));
        let years = Duration::from_secs(2 * 365 * 86_400);
        for second in 1..10 {
            let now = clock.read(at(second), Some(at(second) - years));
            assert_eq!(now, at(second));
        }
        assert_eq!(clock.read(at(70), Some(at(70) - years)), at(70));
    }
}
