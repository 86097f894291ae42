//! Distance of the price from a moving average of closes.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::span::CandleLength;
use super::{Kind, check_count, check_instrument, check_percent, read_fields, threshold};
use crate::input::Instrument;
use crate::number;
use crate::plan::{self, Lookback, Plan, Source};
use crate::rule::{Operator, RuleError};

/// The distance of the price from the average of the closes before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Average {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// The length of the candles.
    pub interval: CandleLength,
    /// Number of closes, 2 to 500.
    pub length: u32,
    /// Their weights.
    #[serde(default)]
    pub weights: Weights,
    /// The comparison.
    pub operator: Operator,
    /// The threshold, in percent of the average: 0 is the average itself.
    #[serde(with = "number::text")]
    pub percent: Decimal,
}

/// The weights of an average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// All the same.
    #[default]
    Simple,
    /// The newest 2 / (length + 1), each older one less by the same factor.
    Exponential,
}

impl Kind for Average {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        check_count("length", read.length, 2..=500)?;
        check_percent("percent", read.percent)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let average = plan::Average {
            lookback: Lookback {
                interval: self.interval.seconds(),
                count: self.length,
            },
            exponential: self.weights == Weights::Exponential,
        };
        let instrument = Instrument::new(&self.venue, &self.symbol);
        threshold(
            Source::Average(instrument, average),
            self.operator,
            self.percent,
        )
    }
}
