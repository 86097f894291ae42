//! One closed candle as the models see it, and the interval it stands for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A closed candle in floats. Prices are in the quote currency, volume in the base asset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Start of the candle's interval, in milliseconds since the Unix epoch, UTC.
    pub open_time: i64,
    /// Price of the first trade.
    pub open: f64,
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
    /// Price of the last trade.
    pub close: f64,
    /// Traded amount of the base asset.
    pub volume: f64,
}

/// Fault of a candle that is impossible.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BarError {
    /// A value is NaN or infinite.
    #[error("{field} is not a finite number")]
    NotFinite {
        /// Which value.
        field: &'static str,
    },
    /// A price is zero or negative: its logarithm does not exist.
    #[error("{field} is {value}: a price must be above zero")]
    NotPositive {
        /// Which price.
        field: &'static str,
        /// The value found.
        value: f64,
    },
    /// The traded amount is negative.
    #[error("volume is {0}: it must not be negative")]
    NegativeVolume(f64),
    /// The range does not contain the opening and closing prices.
    #[error("the range {low} to {high} does not contain open {open} and close {close}")]
    OutOfRange {
        /// The lowest price.
        low: f64,
        /// The highest price.
        high: f64,
        /// The opening price.
        open: f64,
        /// The closing price.
        close: f64,
    },
}

impl Bar {
    /// Checks that a market could have produced it.
    ///
    /// # Errors
    /// Says what is impossible.
    pub fn check(&self) -> Result<(), BarError> {
        for (field, value) in [
            ("open", self.open),
            ("high", self.high),
            ("low", self.low),
            ("close", self.close),
        ] {
            if !value.is_finite() {
                return Err(BarError::NotFinite { field });
            }
            if value <= 0.0 {
                return Err(BarError::NotPositive { field, value });
            }
        }
        if !self.volume.is_finite() {
            return Err(BarError::NotFinite { field: "volume" });
        }
        if self.volume < 0.0 {
            return Err(BarError::NegativeVolume(self.volume));
        }
        let contains = |price: f64| self.low <= price && price <= self.high;
        if !contains(self.open) || !contains(self.close) {
            return Err(BarError::OutOfRange {
                low: self.low,
                high: self.high,
                open: self.open,
                close: self.close,
            });
        }
        Ok(())
    }
}

/// The length of a candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Interval {
    /// One minute.
    M1,
    /// Five minutes.
    M5,
    /// A quarter of an hour.
    M15,
    /// One hour.
    H1,
    /// Four hours.
    H4,
    /// One day.
    D1,
}

impl Interval {
    /// Every interval, shortest first.
    pub const ALL: [Self; 6] = [Self::M1, Self::M5, Self::M15, Self::H1, Self::H4, Self::D1];

    /// Its name: `1m`, `5m`, `15m`, `1h`, `4h`, `1d`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::H1 => "1h",
            Self::H4 => "4h",
            Self::D1 => "1d",
        }
    }

    /// Its length in milliseconds.
    #[must_use]
    pub const fn millis(self) -> i64 {
        const MINUTE: i64 = 60_000;
        match self {
            Self::M1 => MINUTE,
            Self::M5 => 5 * MINUTE,
            Self::M15 => 15 * MINUTE,
            Self::H1 => 60 * MINUTE,
            Self::H4 => 240 * MINUTE,
            Self::D1 => 1_440 * MINUTE,
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no interval has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no interval is called {0:?}: use one of 1m, 5m, 15m, 1h, 4h, 1d")]
pub struct UnknownInterval(String);

impl FromStr for Interval {
    type Err = UnknownInterval;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|interval| interval.name() == name)
            .ok_or_else(|| UnknownInterval(name.to_owned()))
    }
}

impl TryFrom<String> for Interval {
    type Error = UnknownInterval;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Interval> for String {
    fn from(interval: Interval) -> Self {
        interval.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar() -> Bar {
        Bar {
            open_time: 0,
            open: 10.0,
            high: 12.0,
            low: 9.0,
            close: 11.0,
            volume: 0.0,
        }
    }

    #[test]
    fn a_possible_bar_passes_and_each_impossible_one_is_named() {
        assert_eq!(bar().check(), Ok(()));
        let wrong = |change: fn(&mut Bar)| {
            let mut bar = bar();
            change(&mut bar);
            bar.check().expect_err("must be refused").to_string()
        };
        assert!(wrong(|b| b.close = f64::NAN).contains("close is not a finite"));
        assert!(wrong(|b| b.low = 0.0).contains("low is 0"));
        assert!(wrong(|b| b.volume = -1.0).contains("volume is -1"));
        assert!(wrong(|b| b.volume = f64::INFINITY).contains("volume is not"));
        assert!(wrong(|b| b.high = 10.5).contains("does not contain"));
    }

    #[test]
    fn intervals_are_read_by_the_names_they_print() {
        for interval in Interval::ALL {
            assert_eq!(interval.to_string().parse(), Ok(interval));
        }
        assert!("2d".parse::<Interval>().is_err());
    }
}
