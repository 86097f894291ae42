//! The chain from a figure to what it is made of: disposals and holdings, their lots, the transactions
//! that made them, and the closing prices that were used. It adds nothing up by itself that the report does
//! not: the parts of a figure are the very numbers whose sum it is.

mod disposals;
mod holdings;
mod performance;
mod risk;
mod transactions;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::computed::Computed;
use crate::money::Money;

/// The most parts of a step that are listed.
pub const MOST_PARTS: usize = 100;

/// The most parts of one of those parts that are listed.
pub const MOST_INNER: usize = 10;

/// A figure that can be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Figure {
    /// Gains of disposals.
    Realized,
    /// Price of the holdings less their cost.
    Unrealized,
    /// Income on receipt.
    Income,
    /// Every fee.
    Fees,
    /// Fees that are nobody's cost.
    TransferFees,
    /// Price of the holdings.
    Value,
    /// Contributions from outside less what left.
    NetInvested,
    /// Deposits that purchases imply.
    ImpliedDeposits,
    /// Swaps whose sides have different values.
    SwapDifferences,
    /// Amount that flags leave open.
    Unexplained,
    /// The time-weighted return.
    Twr,
    /// The money-weighted return.
    Xirr,
    /// The money-weighted return of the whole time.
    XirrOverSpan,
    /// The gain over the capital, weighted by time.
    ModifiedDietz,
    /// The gain over the capital that was at work.
    SimpleReturn,
    /// The deepest fall.
    MaxDrawdown,
    /// The spread of daily returns.
    Volatility,
    /// The mean return by that spread.
    Sharpe,
    /// The mean return by the spread of losses.
    Sortino,
    /// The loss that one day in twenty exceeds.
    ValueAtRisk,
    /// The mean of the losses beyond that.
    ExpectedShortfall,
    /// The concentration of the holdings.
    Hhi,
    /// The price of what is held of an asset.
    ValueOf(String),
    /// Its price less its cost.
    UnrealizedOf(String),
    /// Its quantity.
    QuantityOf(String),
    /// The cost of what is held of an asset, in an account if one is named.
    Basis(String, Option<String>),
    /// A disposal by its number in the report, from 0.
    Disposal(usize),
    /// A transaction by its id.
    Transaction(String),
}

/// The figures that are one word.
const WORDS: [(&str, Figure); 22] = [
    ("realized", Figure::Realized),
    ("unrealized", Figure::Unrealized),
    ("income", Figure::Income),
    ("fees", Figure::Fees),
    ("transfer_fees", Figure::TransferFees),
    ("value", Figure::Value),
    ("net_invested", Figure::NetInvested),
    ("implied_deposits", Figure::ImpliedDeposits),
    ("swap_differences", Figure::SwapDifferences),
    ("unexplained", Figure::Unexplained),
    ("twr", Figure::Twr),
    ("xirr", Figure::Xirr),
    ("xirr_over_span", Figure::XirrOverSpan),
    ("modified_dietz", Figure::ModifiedDietz),
    ("simple_return", Figure::SimpleReturn),
    ("max_drawdown", Figure::MaxDrawdown),
    ("volatility", Figure::Volatility),
    ("sharpe", Figure::Sharpe),
    ("sortino", Figure::Sortino),
    ("value_at_risk_95", Figure::ValueAtRisk),
    ("expected_shortfall_95", Figure::ExpectedShortfall),
    ("hhi", Figure::Hhi),
];

/// Why a figure is not explained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// Not one that can be.
    #[error(
        "{0} cannot be explained: use one of {words}, value:ASSET, unrealized:ASSET, quantity:ASSET, basis:ASSET, basis:ASSET:ACCOUNT, disposal:NUMBER, transaction:ID",
        words = WORDS.map(|(word, _)| word).join(", ")
    )]
    Figure(String),
    /// It is not in the portfolio.
    #[error("there is no {0} in this portfolio")]
    NotThere(String),
}

impl FromStr for Figure {
    type Err = ExplainError;

    fn from_str(text: &str) -> Result<Self, ExplainError> {
        let unknown = || ExplainError::Figure(crate::decimal::quoted(text));
        if let Some((_, figure)) = WORDS.into_iter().find(|(word, _)| *word == text) {
            return Ok(figure);
        }
        let (word, rest) = text.split_once(':').ok_or_else(unknown)?;
        let name = || rest.to_owned();
        Ok(match word {
            _ if rest.is_empty() => return Err(unknown()),
            "value" => Self::ValueOf(name()),
            "unrealized" => Self::UnrealizedOf(name()),
            "quantity" => Self::QuantityOf(name()),
            "basis" => match rest.split_once(':') {
                Some((asset, account)) => Self::Basis(asset.to_owned(), Some(account.to_owned())),
                None => Self::Basis(name(), None),
            },
            "disposal" => Self::Disposal(rest.parse().map_err(|_| unknown())?),
            "transaction" => Self::Transaction(name()),
            _ => return Err(unknown()),
        })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValueOf(asset) => write!(formatter, "value:{asset}"),
            Self::UnrealizedOf(asset) => write!(formatter, "unrealized:{asset}"),
            Self::QuantityOf(asset) => write!(formatter, "quantity:{asset}"),
            Self::Basis(asset, None) => write!(formatter, "basis:{asset}"),
            Self::Basis(asset, Some(account)) => write!(formatter, "basis:{asset}:{account}"),
            Self::Disposal(number) => write!(formatter, "disposal:{number}"),
            Self::Transaction(id) => write!(formatter, "transaction:{id}"),
            word => {
                let found = WORDS.into_iter().find(|(_, figure)| figure == word);
                formatter.write_str(found.map_or("", |(word, _)| word))
            }
        }
    }
}

/// A figure or a part of one.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Step {
    /// Kind of step: `figure`, `disposal`, `holding`, `lot`, `transaction`, `price`, `period`, `day`, `flow` or
    /// `input`, a number that the rule names.
    pub kind: &'static str,
    /// Which one: the figure, a transaction's id, a disposal's number, an asset.
    pub name: String,
    /// Rule by which it follows from its parts.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub rule: &'static str,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Of which asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset: Option<String>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Quantity of the asset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<String>,
    /// Contribution to the step above it: money, a ratio, or of a price the price.
    pub amount: Option<String>,
    /// Why that is not known, or a word on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Parts, the largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Step>,
    /// Number of smaller parts that are not listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: usize,
    /// Sum of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out_amount: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Step {
    fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            ..Self::default()
        }
    }

    fn amount(mut self, amount: Option<Money>) -> Self {
        self.amount = amount.map(|amount| amount.to_string());
        self
    }
}

/// The largest of some parts, at most so many, made into steps; how many are left out; their sum.
struct Largest {
    parts: Vec<Step>,
    left_out: usize,
    left_out_amount: Option<String>,
}

/// Makes steps of the largest parts only. A part without an amount counts as the largest: it is what a user
/// must see.
fn largest<T: Copy>(
    all: impl Iterator<Item = (T, Option<Money>)>,
    most: usize,
    mut step: impl FnMut(T, Option<Money>) -> Step,
) -> Largest {
    let size = |amount: Option<Money>| match amount {
        None => (true, Money::ZERO),
        Some(amount) if amount.is_negative() => (false, -amount),
        Some(amount) => (false, amount),
    };
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|&(_, amount)| std::cmp::Reverse(size(amount)));
    let rest = all.split_off(all.len().min(most));
    let sum: Money = rest.iter().filter_map(|(_, amount)| *amount).sum();
    Largest {
        parts: all
            .into_iter()
            .map(|(part, amount)| step(part, amount))
            .collect(),
        left_out: rest.len(),
        left_out_amount: (!rest.is_empty()).then(|| sum.to_string()),
    }
}

impl Step {
    fn of(mut self, parts: Largest) -> Self {
        self.parts = parts.parts;
        self.left_out = parts.left_out;
        self.left_out_amount = parts.left_out_amount;
        self
    }
}

impl Computed {
    /// Explains a figure of the portfolio: at most `most` parts, and never more than [`MOST_PARTS`], each
    /// with at most [`MOST_INNER`] of its own.
    ///
    /// # Errors
    /// If the portfolio does not have what it names.
    pub fn explain(&self, figure: &Figure, most: usize) -> Result<Step, ExplainError> {
        let explain = Explain {
            computed: self,
            ledger: self.ledger(),
            most: most.min(MOST_PARTS),
            inner: most.min(MOST_INNER),
        };
        let not_there = || ExplainError::NotThere(figure.to_string());
        let summary = self.summary();
        let mut step = match figure {
            Figure::Realized => explain.realized(),
            Figure::Unrealized => explain.unrealized(None),
            Figure::Value => explain.value(),
            Figure::Income => explain.income(),
            Figure::Fees => explain.fees(),
            Figure::TransferFees => explain.transfer_fees(),
            Figure::NetInvested => explain.net_invested(),
            Figure::ImpliedDeposits => explain.implied_deposits(),
            Figure::SwapDifferences => explain.swap_differences(),
            Figure::Twr => explain.twr(),
            Figure::Xirr => explain.xirr(),
            Figure::MaxDrawdown => explain.max_drawdown(),
            Figure::Unexplained => explain.unexplained(),
            Figure::XirrOverSpan => explain.xirr_over_span(),
            Figure::ModifiedDietz => explain.modified_dietz(),
            Figure::SimpleReturn => explain.simple_return(),
            Figure::Volatility => explain.volatility(),
            Figure::Sharpe => explain.sharpe(),
            Figure::Sortino => explain.sortino(),
            Figure::ValueAtRisk => explain.value_at_risk(),
            Figure::ExpectedShortfall => explain.expected_shortfall(),
            Figure::Hhi => explain.hhi(),
            Figure::ValueOf(asset) => explain.value_of(asset).ok_or_else(not_there)?,
            Figure::UnrealizedOf(asset) => explain.unrealized_of(asset).ok_or_else(not_there)?,
            Figure::QuantityOf(asset) => explain.quantity_of(asset).ok_or_else(not_there)?,
            Figure::Basis(asset, account) => explain
                .basis(asset, account.as_deref())
                .ok_or_else(not_there)?,
            Figure::Disposal(number) => explain.disposal(*number).ok_or_else(not_there)?,
            Figure::Transaction(id) => explain.transaction_named(id).ok_or_else(not_there)?,
        };
        step.name = figure.to_string();
        let (amount, note) = match figure {
            Figure::Realized => (summary.realized, None),
            Figure::Unrealized => (summary.unrealized, summary.unrealized_reason.clone()),
            Figure::Value => (summary.value, summary.value_reason.clone()),
            Figure::Income => (summary.income, None),
            Figure::Fees => (summary.fees, None),
            Figure::TransferFees => (summary.transfer_fees, None),
            Figure::NetInvested => (summary.net_invested, None),
            Figure::ImpliedDeposits => (summary.implied_deposits, None),
            Figure::SwapDifferences => (summary.swap_differences, None),
            Figure::Unexplained => (summary.unexplained, step.note.take()),
            _ => return Ok(step),
        };
        step.note = note;
        Ok(step.amount(amount))
    }
}

/// Inputs of explanations.
struct Explain<'a> {
    computed: &'a Computed,
    ledger: crate::ledger::Ledger<'a>,
    /// The most parts of the figure.
    most: usize,
    /// The most parts of each of its parts.
    inner: usize,
}
