//! The figures in the answer of `GET /api/v1/portfolios/{id}`.

use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::tax_views::ReportFlagView;
use crate::portfolios::Money;
use crate::portfolios::report::{Summary, ratio};
use crate::user_portfolios::{Snapshot, Valuation};

/// The most flags that are listed.
const MOST_FLAGS: usize = 100;

/// Figures of a portfolio. A figure that has no meaning is null, and its `…_reason` says why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioFigures)]
pub(in crate::http) struct FiguresView {
    /// The currency of the amounts, and that returns are measured in.
    #[schema(example = "USD")]
    currency: String,
    /// The version of the portfolio that they are of.
    #[schema(example = 42)]
    version: i64,
    /// When they were computed.
    #[schema(value_type = String, format = DateTime)]
    computed_at: Timestamp,
    /// When the holdings were valued, at the newest prices.
    #[schema(value_type = String, format = DateTime)]
    valued_at: Timestamp,
    /// Value of everything that is held.
    #[schema(value_type = Option<String>, example = "61820.01")]
    value: Option<Money>,
    /// Why it is null.
    value_reason: Option<String>,
    /// The gain of what is held: its value less its cost.
    #[schema(value_type = Option<String>, example = "1820.01")]
    unrealized: Option<Money>,
    /// The gain since the end of yesterday, without what flowed in or out.
    #[schema(value_type = Option<String>, example = "-120.5")]
    day_change: Option<Money>,
    /// It as a ratio of what there was: 0.01 is 1 %.
    #[schema(example = "-0.001945395")]
    day_change_ratio: Option<String>,
    /// Why one of the two is null.
    #[schema(example = "no capital was invested")]
    day_change_reason: Option<&'static str>,
    /// The gains of everything that was disposed of.
    #[schema(value_type = Option<String>, example = "4310.2")]
    realized: Option<Money>,
    /// The value of what was received as income, when it was.
    #[schema(value_type = Option<String>, example = "12.75")]
    income: Option<Money>,
    /// All fees.
    #[schema(value_type = Option<String>, example = "48.1")]
    fees: Option<Money>,
    /// The fees that are nobody's cost, such as those of transfers.
    #[schema(value_type = Option<String>, example = "3.2")]
    transfer_fees: Option<Money>,
    /// Contributions from outside at their cost, less what left.
    #[schema(value_type = Option<String>, example = "55700")]
    net_invested: Option<Money>,
    /// Deposits that purchases imply.
    #[schema(value_type = Option<String>, example = "0")]
    implied_deposits: Option<Money>,
    /// Amounts given in swaps less amounts received, where both are stated and differ.
    #[schema(value_type = Option<String>, example = "0")]
    swap_differences: Option<Money>,
    /// Amount that flags leave open: zero if nothing is missing.
    #[schema(value_type = Option<String>, example = "0")]
    unexplained: Option<Money>,
    /// The time-weighted return of the whole time, as a ratio.
    #[schema(example = "0.214")]
    twr: Option<String>,
    /// Why it is null.
    #[schema(example = "no capital was invested")]
    twr_reason: Option<String>,
    /// The money-weighted return a year, as a ratio.
    #[schema(example = "0.187")]
    xirr: Option<String>,
    /// Why it is null.
    #[schema(example = "all flows are on one day: a rate needs time")]
    xirr_reason: Option<String>,
    /// The deepest fall of the time-weighted index below its highest point, as a negative ratio.
    #[schema(example = "-0.31")]
    max_drawdown: Option<String>,
    /// Why it is null.
    #[schema(example = "no capital was invested")]
    max_drawdown_reason: Option<String>,
    /// Number of flags about missing data.
    #[schema(example = 0)]
    flags: usize,
    /// The first 100 of them: which transaction to mend, how, and the figures that are not whole before.
    flagged: Vec<ReportFlagView>,
    /// In another currency than the portfolio's own: the gain of holding money while rates changed, which its
    /// other figures do not show.
    #[schema(value_type = Option<String>, example = "12.5")]
    exchange_difference: Option<Money>,
    /// How amounts were converted; null in the portfolio's own currency.
    conversion: Option<String>,
    /// Why a sum is null: the first day that has no rate.
    conversion_reason: Option<String>,
}

impl FiguresView {
    /// Figures of a snapshot, with those of `summary`: its own, or the same in another currency, as `value` is.
    pub(in crate::http) fn new(snapshot: &Snapshot, summary: &Summary, value: Valuation) -> Self {
        let performance = &summary.performance;
        Self {
            currency: summary.currency.clone(),
            version: snapshot.version,
            computed_at: snapshot.computed_at,
            valued_at: value.at,
            value: value.value,
            value_reason: value.value_reason,
            unrealized: value.unrealized,
            day_change: value.day_change,
            day_change_ratio: value.day_change_ratio.map(ratio),
            day_change_reason: value.day_change_reason,
            realized: summary.realized,
            income: summary.income,
            fees: summary.fees,
            transfer_fees: summary.transfer_fees,
            net_invested: summary.net_invested,
            implied_deposits: summary.implied_deposits,
            swap_differences: summary.swap_differences,
            unexplained: summary.unexplained,
            twr: performance.twr.clone(),
            twr_reason: performance.twr_reason.clone(),
            xirr: performance.xirr.clone(),
            xirr_reason: performance.xirr_reason.clone(),
            max_drawdown: performance.max_drawdown.clone(),
            max_drawdown_reason: performance.max_drawdown_reason.clone(),
            flags: snapshot.flags.len(),
            flagged: snapshot
                .flags
                .iter()
                .take(MOST_FLAGS)
                .cloned()
                .map(Into::into)
                .collect(),
            exchange_difference: summary.exchange_difference,
            conversion: summary.conversion.clone(),
            conversion_reason: summary.conversion_reason.clone(),
        }
    }
}
