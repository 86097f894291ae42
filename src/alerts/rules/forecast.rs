//! Forecasts of a price.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fed;
use super::span::CandleLength;
use super::{Kind, check_instrument, read_fields};
use crate::number;
use crate::plan::Plan;
use crate::rule::{Operator, RuleError};

/// A threshold on a forecast. The number is fed in as `forecast:FIGURE:VENUE:INTERVAL:SYMBOL`, in percent of the
/// price there is, only while the model has skill; as `unproven_forecast:…` whether it has or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Forecast {
    /// The venue, by its lower-case name.
    pub venue: String,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// The length of the candle that is forecast.
    pub interval: CandleLength,
    /// The figure.
    pub figure: ForecastFigure,
    /// The comparison.
    pub operator: Operator,
    /// The threshold in percent of the price there is.
    #[serde(with = "number::text")]
    pub percent: Decimal,
    /// Counts forecasts of models without skill, too.
    #[serde(default)]
    pub without_skill: bool,
}

/// A figure of a forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForecastFigure {
    /// The expected return.
    ExpectedReturn,
    /// The lower bound of the interval.
    LowerBound,
    /// The upper bound of the interval.
    UpperBound,
}

impl fmt::Display for ForecastFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExpectedReturn => "expected_return",
            Self::LowerBound => "lower_bound",
            Self::UpperBound => "upper_bound",
        })
    }
}

impl Kind for Forecast {
    const IS_FED: bool = true;

    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_instrument(&read.venue, &read.symbol)?;
        if read.percent <= -Decimal::ONE_HUNDRED {
            let message = format!(
                "{} is more than a price can fall: use more than -100",
                read.percent
            );
            return Err(RuleError::new("percent", message));
        }
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let kind = if self.without_skill {
            "unproven_forecast"
        } else {
            "forecast"
        };
        let (figure, venue, symbol) = (self.figure, &self.venue, &self.symbol);
        let name = format!("{kind}:{figure}:{venue}:{}:{symbol}", self.interval);
        fed::number(name, self.operator, self.percent)
    }
}
