//! The distance of the price from its highest or lowest since the rule was armed.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Kind, check_instrument, check_percent, read_fields, threshold};
use crate::evaluator::Side;
use crate::input::Instrument;
use crate::number;
use crate::plan::{Plan, Source};
use crate::rule::{Operator, RuleError};

/// A fall from the highest price since the rule was armed, or a rise from the lowest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailing {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// Which way it goes.
    pub operator: Turn,
    /// By how much, in percent of the highest or lowest; above 0.
    #[serde(with = "number::text")]
    pub percent: Decimal,
}

/// Which way a price turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// Down from the highest.
    FallsBy,
    /// Up from the lowest.
    RisesBy,
}

impl Kind for Trailing {
    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        check_percent("percent", read.percent)?;
        if read.percent <= Decimal::ZERO {
            let message = format!(
                "{} is not above 0: the operator says which way",
                read.percent
            );
            return Err(RuleError::new("percent", message));
        }
        if read.operator == Turn::FallsBy && read.percent >= Decimal::ONE_HUNDRED {
            let message = format!(
                "{} is more than a price can fall: use less than 100",
                read.percent
            );
            return Err(RuleError::new("percent", message));
        }
        Ok(read)
    }

    fn plan(&self) -> Plan {
        // The evaluator gives it the group of those that were armed at the same price.
        let instrument = Instrument::new(&self.venue, &self.symbol);
        let source = |side| Source::Trailing(instrument, side, 0);
        match self.operator {
            Turn::FallsBy => threshold(source(Side::Down), Operator::Below, -self.percent),
            Turn::RisesBy => threshold(source(Side::Up), Operator::Above, self.percent),
        }
    }
}
