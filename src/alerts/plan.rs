//! Plans: what a condition comes to for the evaluator, thresholds on signals. Every kind of rule makes one.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::evaluator::Side;
use crate::input::{Instrument, arc_text};
use crate::rule::Operator;

/// A condition as thresholds on signals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// One threshold.
    Threshold(Threshold),
    /// True while all groups are; of two levels at most.
    All(Vec<Plan>),
    /// True while any group is; of two levels at most.
    Any(Vec<Plan>),
    /// Fires on every gap of the instrument that lasts so many seconds at least.
    Gap(Instrument, u32),
    /// Fires when the instrument has had no trade for so many seconds.
    Silence(Instrument, u32),
}

/// A threshold on a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    /// The signal.
    pub source: Source,
    /// Comparison with the threshold.
    pub comparison: Comparison,
    /// With what: a price, percent, a factor, seconds.
    pub value: Decimal,
}

/// Comparison of a signal with a threshold: by an operator, or more strictly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Touching counts.
    Touching(Operator),
    /// More than the threshold.
    MoreThan,
    /// Less than the threshold.
    LessThan,
}

/// A signal: one number with an instant. Rules with the same source share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The price of the last trade.
    Price(Instrument),
    /// By how many percent the price is above what it was so many seconds ago.
    Change(Instrument, u32),
    /// By how many percent the price is above an average of closes.
    Average(Instrument, Average),
    /// The volume of the open candle over the median of those before it.
    Volume(Instrument, Lookback),
    /// The volatility of the last closes over that of more of them.
    Volatility(Instrument, Lookback, u32),
    /// The lowest of the last closes.
    LowestClose(Instrument, Lookback),
    /// The highest of the last closes.
    HighestClose(Instrument, Lookback),
    /// By how many percent the price is above the highest of so many seconds before it.
    High(Instrument, u32),
    /// By how many percent the price is above the lowest of so many seconds before it.
    Low(Instrument, u32),
    /// By how many percent the price of the first is above that of the second, while neither is older than
    /// so many seconds.
    Spread(Instrument, Instrument, u32),
    /// A number that is fed in by name.
    Outside(#[serde(with = "arc_text")] Arc<str>),
    /// By how many percent the price is above the highest, or the lowest, since the rules of a group were armed.
    Trailing(Instrument, Side, u32),
}

/// Candles of an interval, and how many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lookback {
    /// The length of a candle in seconds.
    pub interval: u32,
    /// Number of candles.
    pub count: u32,
}

/// A moving average of closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Average {
    /// Of which candles, and how many of them.
    pub lookback: Lookback,
    /// Weighted exponentially, by 2 / (count + 1).
    pub exponential: bool,
}

impl Source {
    /// Its values are ratios, in steps of a few places, rather than decimals.
    pub(crate) const fn is_ratio(&self) -> bool {
        !matches!(
            self,
            Self::Price(_) | Self::LowestClose(..) | Self::HighestClose(..) | Self::Outside(_)
        )
    }

    /// The seconds of the window it is computed from.
    pub(crate) const fn window(&self) -> Option<u32> {
        match self {
            Self::Change(_, seconds) | Self::High(_, seconds) | Self::Low(_, seconds) => {
                Some(*seconds)
            }
            _ => None,
        }
    }

    /// The candles it is computed from.
    pub(crate) const fn candles(&self) -> Option<Lookback> {
        match self {
            Self::Average(_, average) => Some(average.lookback),
            Self::Volume(_, lookback)
            | Self::LowestClose(_, lookback)
            | Self::HighestClose(_, lookback) => Some(*lookback),
            Self::Volatility(_, lookback, usual) => {
                let count = *usual + 1;
                let interval = lookback.interval;
                Some(Lookback { interval, count })
            }
            _ => None,
        }
    }

    /// It changes when a candle closes, and never else.
    pub(crate) const fn is_of_closes(&self) -> bool {
        matches!(
            self,
            Self::LowestClose(..) | Self::HighestClose(..) | Self::Volatility(..)
        )
    }

    /// It is against the highest or lowest of its window.
    pub(crate) const fn is_of_extremes(&self) -> bool {
        matches!(self, Self::High(..) | Self::Low(..))
    }

    /// The instruments whose trades move it.
    pub(crate) fn instruments(&self, found: &mut Vec<Instrument>) {
        let mut add = |instrument: &Instrument| {
            if !found.contains(instrument) {
                found.push(instrument.clone());
            }
        };
        if let Some(home) = self.home() {
            add(home);
        }
        if let Self::Spread(_, against, _) = self {
            add(against);
        }
    }
}

impl Plan {
    /// Adds the instruments it is about.
    pub(crate) fn instruments(&self, found: &mut Vec<Instrument>) {
        match self {
            Self::Threshold(threshold) => threshold.source.instruments(found),
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.instruments(found);
                }
            }
            Self::Gap(instrument, _) | Self::Silence(instrument, _) => {
                if !found.contains(instrument) {
                    found.push(instrument.clone());
                }
            }
        }
    }
}

impl Source {
    /// The instrument whose market keeps it; none for what is fed in by name.
    pub(crate) const fn home(&self) -> Option<&Instrument> {
        match self {
            Self::Price(instrument)
            | Self::Change(instrument, _)
            | Self::Average(instrument, _)
            | Self::Volume(instrument, _)
            | Self::Volatility(instrument, ..)
            | Self::LowestClose(instrument, _)
            | Self::HighestClose(instrument, _)
            | Self::High(instrument, _)
            | Self::Low(instrument, _)
            | Self::Spread(instrument, ..)
            | Self::Trailing(instrument, ..) => Some(instrument),
            Self::Outside(_) => None,
        }
    }
}

impl Plan {
    /// The signals it watches.
    pub(crate) fn sources(&self) -> Vec<&Source> {
        match self {
            Self::Threshold(threshold) => vec![&threshold.source],
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::sources).collect(),
            Self::Gap(..) | Self::Silence(..) => Vec::new(),
        }
    }
}

/// Length of the history that a plan looks back at, in seconds: 0 if trades from now on are enough.
pub(crate) fn seconds_of_history(plan: &Plan) -> u32 {
    let of = |source: &Source| {
        let window = source.window().unwrap_or(0);
        // A cell more for a window, and a candle more than are looked at.
        let window = window + window / 240;
        let candles = source.candles().map_or(0, |lookback| {
            (lookback.count + 1).saturating_mul(lookback.interval)
        });
        window.max(candles)
    };
    plan.sources().into_iter().map(of).max().unwrap_or(0)
}
