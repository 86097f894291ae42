//! Candles that close above or below a price, one or several in a row: the close counts, not the wick.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::price::positive;
use super::span::CandleLength;
use super::{Kind, check_count, check_instrument, read_fields, threshold};
use crate::input::Instrument;
use crate::number;
use crate::plan::{Lookback, Plan, Source};
use crate::rule::{Operator, RuleError};

/// Closes at or beyond a threshold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candle {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// The length of the candles.
    pub interval: CandleLength,
    /// On which side they close.
    pub operator: ClosesAt,
    /// The price; above 0.
    #[serde(with = "number::text")]
    pub threshold: Decimal,
    /// Number of candles in a row, 1 to 100.
    #[serde(default = "one")]
    pub count: u32,
}

/// On which side of a price a candle closes. Touching counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClosesAt {
    /// At it or above.
    ClosesAbove,
    /// At it or below.
    ClosesBelow,
}

const fn one() -> u32 {
    1
}

impl Kind for Candle {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        positive("threshold", read.threshold)?;
        check_count("count", read.count, 1..=100)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let lookback = Lookback {
            interval: self.interval.seconds(),
            count: self.count,
        };
        let instrument = Instrument::new(&self.venue, &self.symbol);
        // All closes are above what the lowest of them is above.
        match self.operator {
            ClosesAt::ClosesAbove => {
                let source = Source::LowestClose(instrument, lookback);
                threshold(source, Operator::Above, self.threshold)
            }
            ClosesAt::ClosesBelow => {
                let source = Source::HighestClose(instrument, lookback);
                threshold(source, Operator::Below, self.threshold)
            }
        }
    }
}
