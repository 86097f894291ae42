//! Times as candle files write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::bar::Interval;

/// How a file writes its times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Numbers of seconds since the Unix epoch.
    Seconds,
    /// Numbers of milliseconds.
    Milliseconds,
    /// Numbers of microseconds.
    Microseconds,
    /// Numbers of nanoseconds.
    Nanoseconds,
    /// Dates and times in letters.
    Text,
}

impl TimeUnit {
    const NUMBERS: [Self; 4] = [
        Self::Seconds,
        Self::Milliseconds,
        Self::Microseconds,
        Self::Nanoseconds,
    ];

    /// Units in a millisecond; below one for seconds.
    const fn per_milli(self) -> f64 {
        match self {
            Self::Seconds => 1e-3,
            Self::Milliseconds | Self::Text => 1.0,
            Self::Microseconds => 1e3,
            Self::Nanoseconds => 1e6,
        }
    }

    /// The one unit of a file's times: that in which neighbours are an interval apart, or else the one
    /// that puts them between the years 1973 and 5138.
    pub(super) fn of(stamps: &[Stamp], interval: Interval) -> Self {
        let mut numbers: Vec<f64> = stamps
            .iter()
            .filter_map(|stamp| match stamp {
                Stamp::Number(number) => Some(*number),
                Stamp::Millis(_) => None,
            })
            .collect();
        if numbers.len() * 2 <= stamps.len() {
            return Self::Text;
        }
        numbers.sort_unstable_by(f64::total_cmp);
        numbers.dedup();
        let mut apart: Vec<f64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
        apart.sort_unstable_by(f64::total_cmp);
        let median = apart.get(apart.len() / 2).copied().unwrap_or_default();
        let step = interval.millis() as f64;
        let fits = |unit: &Self| (median / unit.per_milli() / step - 1.0).abs() < 0.05;
        Self::NUMBERS.into_iter().find(fits).unwrap_or_else(|| {
            let size = numbers.last().copied().unwrap_or_default().abs();
            match size {
                _ if size < 1e11 => Self::Seconds,
                _ if size < 1e14 => Self::Milliseconds,
                _ if size < 1e17 => Self::Microseconds,
                _ => Self::Nanoseconds,
            }
        })
    }
}

/// One time, as far as it is known before the file's unit is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stamp {
    /// In an unknown unit.
    Number(f64),
    /// Milliseconds since the Unix epoch.
    Millis(i64),
}

impl Stamp {
    /// A number, RFC 3339, the same with a space, without zone or seconds (UTC), or a date.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<f64>() {
            return number.is_finite().then_some(Self::Number(number));
        }
        let text = text.strip_suffix("UTC").map_or(text, str::trim_end);
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Self::Millis(time.timestamp_millis()));
        }
        for format in [
            "%Y-%m-%d %H:%M:%S%.f%#z",
            "%Y-%m-%d %H:%M:%S%.f %#z",
            "%Y-%m-%dT%H:%M:%S%.f%#z",
        ] {
            if let Ok(time) = DateTime::parse_from_str(text, format) {
                return Some(Self::Millis(time.timestamp_millis()));
            }
        }
        for format in [
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%d %H:%M",
            "%Y-%m-%dT%H:%M",
        ] {
            if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
                return Some(Self::Millis(time.and_utc().timestamp_millis()));
            }
        }
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        Some(Self::Millis(
            date.and_time(chrono::NaiveTime::MIN)
                .and_utc()
                .timestamp_millis(),
        ))
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn millis(self, unit: TimeUnit) -> i64 {
        match self {
            Self::Millis(millis) => millis,
            Self::Number(number) => (number / unit.per_milli()).round() as i64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_time_is_understood() {
        let expected = Stamp::Millis(1_640_991_660_000);
        for text in [
            "2021-12-31T23:01:00Z",
            "2021-12-31T23:01:00.000Z",
            "2021-12-31 23:01:00+00:00",
            "2022-01-01 00:01:00+0100",
            "2022-01-01T00:01:00+01:00",
            "2021-12-31 23:01:00.000000",
            "2021-12-31 23:01:00",
            "2021-12-31T23:01",
            "2021-12-31 23:01:00 UTC",
        ] {
            assert_eq!(Stamp::parse(text), Some(expected), "{text}");
        }
        assert_eq!(Stamp::parse("1970-01-02"), Some(Stamp::Millis(86_400_000)));
        for text in ["31/12/2021", "yesterday", "", "nan"] {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_unit_of_numbers_is_that_of_the_interval() {
        for (unit, factor) in [
            (TimeUnit::Seconds, 1.0),
            (TimeUnit::Milliseconds, 1e3),
            (TimeUnit::Microseconds, 1e6),
            (TimeUnit::Nanoseconds, 1e9),
        ] {
            for start in [0.0, 1_500_000_000.0] {
                let stamps: Vec<Stamp> = (0..9)
                    .map(|day| Stamp::Number((start + 86_400.0 * f64::from(day)) * factor))
                    .collect();
                assert_eq!(TimeUnit::of(&stamps, Interval::D1), unit);
                assert_eq!(stamps[1].millis(unit), (start as i64 + 86_400) * 1_000);
            }
        }
        // Of another interval than announced: the size decides, and the series will be refused.
        let stamps = [Stamp::Number(1.5e12), Stamp::Number(1.5e12 + 60_000.0)];
        assert_eq!(TimeUnit::of(&stamps, Interval::D1), TimeUnit::Milliseconds);
    }
}
