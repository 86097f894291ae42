//! Figures of a portfolio.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fed::{self, check_id};
use super::{Kind, read_fields};
use crate::number;
use crate::plan::Plan;
use crate::rule::{Operator, RuleError};

/// A threshold on a figure of a portfolio. The number is fed in as `portfolio:FIGURE:PORTFOLIO`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Portfolio {
    /// The portfolio, by its id.
    pub portfolio: String,
    /// The figure.
    pub figure: PortfolioFigure,
    /// The comparison.
    pub operator: Operator,
    /// The threshold: in the portfolio's currency, or in percent.
    #[serde(with = "number::text")]
    pub threshold: Decimal,
}

/// A figure of a portfolio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortfolioFigure {
    /// The value, in the portfolio's currency.
    Value,
    /// The return since the day began, without deposits and withdrawals, in percent.
    DayChange,
    /// By how many percent the return index is below its highest: 0 or more.
    Drawdown,
}

impl fmt::Display for PortfolioFigure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "value",
            Self::DayChange => "day_change",
            Self::Drawdown => "drawdown",
        })
    }
}

impl Kind for Portfolio {
    const IS_FED: bool = true;

    fn read(fields: Value) -> Result<Self, RuleError> {
        let read: Self = read_fields(fields)?;
        check_id("portfolio", &read.portfolio)?;
        if read.figure == PortfolioFigure::Drawdown
            && !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&read.threshold)
        {
            let message = format!("{} is no drawdown: use 0 to 100 percent", read.threshold);
            return Err(RuleError::new("threshold", message));
        }
        Ok(read)
    }

    fn plan(&self) -> Plan {
        let name = format!("portfolio:{}:{}", self.figure, self.portfolio);
        fed::number(name, self.operator, self.threshold)
    }
}
