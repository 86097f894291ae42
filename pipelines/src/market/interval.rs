//! The lengths a candle can have, and which candle a time falls into.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Timestamp;

/// The length of a candle. All are aligned to the Unix epoch in UTC, as the venues' own are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    /// One minute: the length everything else derives from.
    Minute1,
    /// Five minutes.
    Minute5,
    /// Fifteen minutes.
    Minute15,
    /// One hour.
    Hour1,
    /// Four hours.
    Hour4,
    /// One day, from midnight UTC.
    Day1,
}

/// A text that names no interval.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not an interval: use one of 1m, 5m, 15m, 1h, 4h, 1d")]
pub struct UnknownInterval(pub String);

impl Interval {
    /// Every interval, shortest first; each divides the next.
    pub const ALL: [Self; 6] = [
        Self::Minute1,
        Self::Minute5,
        Self::Minute15,
        Self::Hour1,
        Self::Hour4,
        Self::Day1,
    ];

    /// The name used in paths, topics and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute1 => "1m",
            Self::Minute5 => "5m",
            Self::Minute15 => "15m",
            Self::Hour1 => "1h",
            Self::Hour4 => "4h",
            Self::Day1 => "1d",
        }
    }

    /// The length.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute1 => 60,
            Self::Minute5 => 300,
            Self::Minute15 => 900,
            Self::Hour1 => 3_600,
            Self::Hour4 => 14_400,
            Self::Day1 => 86_400,
        })
    }

    /// The length in nanoseconds.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        // At most 86,400e9, far inside i64.
        self.duration().as_secs() as i64 * 1_000_000_000
    }

    /// The opening time of the candle that `time` falls into.
    #[must_use]
    pub const fn open_of(self, time: Timestamp) -> Timestamp {
        let nanos = time.nanos();
        Timestamp::from_nanos(nanos.saturating_sub(nanos.rem_euclid(self.nanos())))
    }

    /// The end (exclusive) of the candle that opens at `open`.
    #[must_use]
    pub fn end_of(self, open: Timestamp) -> Timestamp {
        open + self.duration()
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Interval {
    type Err = UnknownInterval;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|interval| interval.name() == text)
            .ok_or_else(|| UnknownInterval(text.chars().take(20).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_aligned_to_utc() {
        let time = Timestamp::parse_rfc3339("2024-08-08T23:54:15.342Z").unwrap();
        let open = |interval: Interval| interval.open_of(time).to_string();
        assert_eq!(open(Interval::Minute1), "2024-08-08T23:54:00Z");
        assert_eq!(open(Interval::Minute15), "2024-08-08T23:45:00Z");
        assert_eq!(open(Interval::Hour4), "2024-08-08T20:00:00Z");
        assert_eq!(open(Interval::Day1), "2024-08-08T00:00:00Z");
        let before_epoch = Timestamp::from_nanos(-1);
        assert_eq!(
            Interval::Minute1.open_of(before_epoch).nanos(),
            -60_000_000_000
        );
    }

    #[test]
    fn names_round_trip_and_each_interval_divides_the_next() {
        for interval in Interval::ALL {
            assert_eq!(interval.name().parse(), Ok(interval));
        }
        for pair in Interval::ALL.windows(2) {
            assert_eq!(pair[1].nanos() % pair[0].nanos(), 0);
        }
        assert!("1M".parse::<Interval>().is_err());
    }
}
