//! The volatility of closes against what is usual.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::span::CandleLength;
use super::{Kind, check_count, check_factor, check_instrument, read_fields, threshold};
use crate::input::Instrument;
use crate::number;
use crate::plan::{Lookback, Plan, Source};
use crate::rule::{Operator, RuleError};

/// A volatility of the last closes of so many times that of more of them; it changes at closes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volatility {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// The length of the candles.
    pub interval: CandleLength,
    /// Number of moves from close to close that are now, 2 to 250.
    pub length: u32,
    /// Number of moves that are usual: more than `length`, at most 500.
    pub usual: u32,
    /// The factor.
    #[serde(with = "number::text")]
    pub times: Decimal,
}

impl Kind for Volatility {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        check_count("length", read.length, 2..=250)?;
        check_count("usual", read.usual, read.length + 1..=500)?;
        check_factor("times", read.times)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let lookback = Lookback {
            interval: self.interval.seconds(),
            count: self.length,
        };
        let instrument = Instrument::new(&self.venue, &self.symbol);
        let source = Source::Volatility(instrument, lookback, self.usual);
        threshold(source, Operator::Above, self.times)
    }
}
