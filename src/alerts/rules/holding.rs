//! Figures of one asset in a portfolio.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fed::{self, check_id};
use super::{Kind, check_symbol, read_fields};
use crate::number;
use crate::plan::Plan;
use crate::rule::{Operator, RuleError};

/// A threshold on a figure of a holding. The number is fed in as `holding:FIGURE:PORTFOLIO:ASSET`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holding {
    /// The portfolio, by its id.
    pub portfolio: String,
    /// The asset, e.g. `BTC`.
    pub asset: String,
    /// The figure.
    pub figure: HoldingFigure,
    /// The comparison.
    pub operator: Operator,
    /// The threshold in percent.
    #[serde(with = "number::text")]
    pub percent: Decimal,
}

/// A figure of a holding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldingFigure {
    /// Its share of the portfolio's value, in percent.
    Weight,
    /// By how many percent the price is above the average cost of what is held.
    SinceCost,
}

impl fmt::Display for HoldingFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Weight => "weight",
            Self::SinceCost => "since_cost",
        })
    }
}

impl Kind for Holding {
    const IS_FED: bool = true;

    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_id("portfolio", &read.portfolio)?;
        check_symbol("asset", &read.asset)?;
        let least = match read.figure {
            HoldingFigure::Weight => Decimal::ZERO,
            HoldingFigure::SinceCost => -Decimal::ONE_HUNDRED,
        };
        if read.percent < least {
            let message = format!(
                "{} is less than it can be: use {least} or more",
                read.percent
            );
            return Err(RuleError::new("percent", message));
        }
        if read.figure == HoldingFigure::Weight && read.percent > Decimal::ONE_HUNDRED {
            let message = format!("{} is more than everything: use at most 100", read.percent);
            return Err(RuleError::new("percent", message));
        }
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let name = format!("holding:{}:{}:{}", self.figure, self.portfolio, self.asset);
        fed::number(name, self.operator, self.percent)
    }
}
