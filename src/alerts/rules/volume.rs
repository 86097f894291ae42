//! A candle's volume against what is usual.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::span::CandleLength;
use super::{Kind, check_count, check_factor, check_instrument, read_fields, threshold};
use crate::input::Instrument;
use crate::number;
use crate::plan::{Lookback, Plan, Source};
use crate::rule::{Operator, RuleError};

/// A volume, before the candle has closed, of so many times the median of the candles before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// The length of the candles.
    pub interval: CandleLength,
    /// Number of candles before it, 2 to 500.
    #[serde(default = "usual_length")]
    pub length: u32,
    /// The factor.
    #[serde(with = "number::text")]
    pub times: Decimal,
}

const fn usual_length() -> u32 {
    24
}

impl Kind for Volume {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        check_count("length", read.length, 2..=500)?;
        check_factor("times", read.times)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let lookback = Lookback {
            interval: self.interval.seconds(),
            count: self.length,
        };
        let instrument = Instrument::new(&self.venue, &self.symbol);
        threshold(
            Source::Volume(instrument, lookback),
            Operator::Above,
            self.times,
        )
    }
}
