//! Moves of the price within a window.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::span::WindowLength;
use super::{Kind, check_instrument, check_percent, read_fields, threshold};
use crate::input::Instrument;
use crate::number;
use crate::plan::{Plan, Source};
use crate::rule::{Operator, RuleError};

/// A move of the price by a percentage within a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// The window, 1m to 30d.
    pub window: WindowLength,
    /// Which way it moves.
    pub operator: Move,
    /// By how much, in percent; above 0.
    #[serde(with = "number::text")]
    pub percent: Decimal,
}

/// Which way a price moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// Up.
    RisesBy,
    /// Down.
    FallsBy,
    /// Either.
    MovesBy,
}

impl Kind for Change {
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
        if read.operator == Move::FallsBy && read.percent >= Decimal::ONE_HUNDRED {
            let message = format!(
                "{} is more than a price can fall: use less than 100",
                read.percent
            );
            return Err(RuleError::new("percent", message));
        }
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let source = || {
            let instrument = Instrument::new(&self.venue, &self.symbol);
            Source::Change(instrument, self.window.seconds())
        };
        let rises = || threshold(source(), Operator::Above, self.percent);
        let falls = || threshold(source(), Operator::Below, -self.percent);
        match self.operator {
            Move::RisesBy => rises(),
            Move::FallsBy => falls(),
            Move::MovesBy => Plan::Any(vec![rises(), falls()]),
        }
    }
}
