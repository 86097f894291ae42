//! The price of trades against a threshold in the quote asset.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, check_instrument, read_fields};
use crate::input::Instrument;
use crate::number;
use crate::plan::{Comparison, Plan, Source, Threshold};
use crate::rule::{Operator, RuleError};

/// A threshold on the price of an instrument's trades.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// Comparison of the price.
    pub operator: Operator,
    /// With what; above 0.
    #[serde(with = "number::text")]
    pub threshold: Decimal,
}

impl Kind for Price {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        positive("threshold", read.threshold)?;
        Ok(read)
    }

    fn plan(&self) -> Plan {
        Plan::Threshold(Threshold {
            source: Source::Price(Instrument::new(&self.venue, &self.symbol)),
            comparison: Comparison::Touching(self.operator),
            value: self.threshold,
        })
    }
}

/// Refuses what no price can be.
pub(super) fn positive(field: &str, value: Decimal) -> Result<(), RuleError> {
    if value <= Decimal::ZERO {
        let message = format!("{value} is not above 0, as every price is");
        return Err(RuleError::new(field, message));
    }
    Ok(())
}
