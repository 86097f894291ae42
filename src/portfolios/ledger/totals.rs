//! Sums that no cost-basis method changes, by day: money that came and went, income, fees, holdings.

use crate::ledger::{AssetId, Day};
use crate::money::Money;

/// An amount of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// The transaction's number in the file.
    pub transaction: u32,
    /// The day.
    pub day: Day,
    /// The amount.
    pub amount: Money,
}

/// A change of what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The day.
    pub day: Day,
    /// Of which asset.
    pub asset: AssetId,
    /// By how much, in units of 10⁻¹⁸.
    pub quantity: i128,
}

/// Sums by day; each list is in order of time.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// The first day with a transaction.
    pub first_day: Option<Day>,
    /// The last day with one.
    pub last_day: Option<Day>,
    /// What came from outside at its cost, less what was spent. What leaves without a gain leaves with
    /// the cost of its lots, which only the method knows.
    pub contributed: Vec<Dated>,
    /// Flows across the portfolio's border at market value, for performance.
    pub flows: Vec<Dated>,
    /// Days with a flow whose value is not known.
    pub unvalued_flows: Vec<Day>,
    /// Income at its value.
    pub income: Vec<Dated>,
    /// Every fee at its value.
    pub fees: Vec<Dated>,
    /// Fees that are nobody's cost: of transfers, deposits, withdrawals, and by themselves.
    pub other_fees: Vec<Dated>,
    /// What was given in swaps at its value less what was received at its own, where they differ.
    pub swap_differences: Vec<Dated>,
    /// Deposits of money that the file does not have and that its purchases imply.
    pub implied: Vec<Dated>,
    /// Changes of holdings; never below zero.
    pub changes: Vec<Change>,
    /// Money of the base currency at the end.
    pub cash: i128,
}
