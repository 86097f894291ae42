//! Values that go into the evaluator and come out of it.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::input::Instrument;
use crate::number;
use crate::time::EventTime;

/// The number by which the caller knows a rule, e.g. the bytes of a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(pub [u8; 16]);

impl RuleId {
    /// From a number: smaller ones come first among the events of one trade.
    #[must_use]
    pub const fn of(number: u128) -> Self {
        Self(number.to_be_bytes())
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

/// A bound on what one evaluator keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rules.
    pub rules: usize,
    /// Different signals of one instrument.
    pub signals_per_instrument: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rules: 2_000_000,
            signals_per_instrument: 256,
        }
    }
}

/// A rule that cannot be armed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArmError {
    /// There are as many as are kept.
    #[error("{0} rules are armed, as many as are kept: remove some first")]
    TooManyRules(usize),
    /// The instrument has as many different signals as are kept.
    #[error(
        "{0} has rules on {1} different windows, averages and intervals, as many as are kept: use one that another rule uses"
    )]
    TooManySignals(String, usize),
}

/// Where a rule is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Its signal has no value yet; the first one is the value at arming.
    Waiting,
    /// It fires when its condition becomes true.
    Armed,
    /// Its condition is true, and must stay so for a while.
    Pending,
    /// It has fired, and fires again once it is re-armed.
    Resting,
    /// It has fired for good.
    Fired,
    /// Its time is over.
    Expired,
}

/// Which way a signal went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// To the threshold or above it.
    Up,
    /// To the threshold or below it.
    Down,
}

/// State of a rule that must be stored for it to go on after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleState {
    /// Where it is in its life.
    pub phase: Phase,
    /// When it fired last, or, while it is pending, since when its condition is true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<EventTime>,
    /// Which way its condition became true, while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// Cause that made its condition true, while it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// Cause of a firing: with the rule and its revision, the key of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Cause {
    /// A trade.
    Trade {
        /// Of which instrument.
        instrument: Instrument,
        /// The venue's number.
        trade_id: u64,
        /// When it happened.
        time: EventTime,
        /// Its price.
        #[serde(with = "number::text")]
        price: Decimal,
    },
    /// A candle that closed.
    Candle {
        /// Of which instrument.
        instrument: Instrument,
        /// Its length, in seconds.
        seconds: u32,
        /// When it began.
        open_time: EventTime,
        /// Its close.
        #[serde(with = "number::text")]
        close: Decimal,
    },
    /// A stretch in which trades are or may be missing.
    Gap {
        /// Of which instrument.
        instrument: Instrument,
        /// Its beginning.
        from: EventTime,
        /// Its end.
        to: EventTime,
    },
    /// A time without trades.
    Silence {
        /// Of which instrument.
        instrument: Instrument,
        /// The last trade before it.
        since: EventTime,
        /// When it had lasted long enough.
        time: EventTime,
    },
    /// A number that was fed in.
    Outside {
        /// Its name.
        name: String,
        /// When it was what it was.
        time: EventTime,
        /// Its value.
        #[serde(with = "number::text")]
        value: Decimal,
    },
}

impl Cause {
    /// When it happened.
    #[must_use]
    pub const fn time(&self) -> EventTime {
        match self {
            Self::Trade { time, .. } | Self::Silence { time, .. } | Self::Outside { time, .. } => {
                *time
            }
            Self::Candle {
                seconds, open_time, ..
            } => open_time.plus_seconds(*seconds),
            Self::Gap { to, .. } => *to,
        }
    }
}

/// The cause as a key: the same however often the log is read.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trade {
                instrument,
                trade_id,
                time,
                ..
            } => write!(f, "trade {instrument} {trade_id} {}", time.0),
            Self::Candle {
                instrument,
                seconds,
                open_time,
                ..
            } => write!(f, "candle {instrument} {seconds} {}", open_time.0),
            Self::Gap {
                instrument, from, ..
            } => write!(f, "gap {instrument} {}", from.0),
            Self::Silence {
                instrument, since, ..
            } => write!(f, "silence {instrument} {}", since.0),
            Self::Outside { name, time, .. } => write!(f, "outside {name} {}", time.0),
        }
    }
}

/// One event of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// The rule.
    pub rule: RuleId,
    /// Its revision.
    pub revision: u32,
    /// When it fired, in event time: the cause's time, or the end of the hold.
    pub at: EventTime,
    /// Cause of the firing.
    pub cause: Cause,
    /// The value of its signal: a price, percent, a factor. None for a composite.
    pub value: Option<Decimal>,
}

/// Outcome of an input. The same one can be given to many calls: they add to it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The events: in the order of the inputs; of one input, in the order of the rules' ids.
    pub firings: Vec<Firing>,
    /// The rules whose stored state has changed, perhaps several times each: see
    /// [`Evaluator::state`](super::Evaluator::state).
    pub changed: Vec<RuleId>,
}

impl Outcome {
    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.firings.clear();
        self.changed.clear();
    }
}
