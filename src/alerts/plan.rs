//! Plans: what a condition comes to for the evaluator, thresholds on signals. Every kind of rule makes one.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::input::Instrument;
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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// The price of the last trade.
    Price(Instrument),
    /// A number that is fed in by name.
    Outside(Arc<str>),
}

impl Source {
    /// Its values are ratios, in steps of a few places, rather than decimals.
    pub(crate) const fn is_ratio(&self) -> bool {
        match self {
            Self::Price(_) | Self::Outside(_) => false,
        }
    }

    /// The instruments whose trades move it.
    pub(crate) fn instruments(&self, found: &mut Vec<Instrument>) {
        let mut add = |instrument: &Instrument| {
            if !found.contains(instrument) {
                found.push(instrument.clone());
            }
        };
        match self {
            Self::Price(instrument) => add(instrument),
            Self::Outside(_) => {}
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
            Self::Gap(instrument, _) => {
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
            Self::Price(instrument) => Some(instrument),
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
            Self::Gap(..) => Vec::new(),
        }
    }
}
