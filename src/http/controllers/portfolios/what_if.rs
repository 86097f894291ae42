//! `POST /api/v1/portfolios/{id}/what-if`

use axum::extract::{Path, State};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::figures::tax_views::{RemainingView, ReportFlagView, TaxDisposalView};
use super::transactions::views::{TransactionBody, read_list};
use super::views::{Fields, id, method, scope};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::Money;
use crate::portfolios::report::{DisposalView, FlagView, Summary};
use crate::portfolios::what_if::{Changes, Difference, WhatIf};

/// The change to try out: transactions, another method, or both.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = WhatIfRequest)]
pub(in crate::http) struct WhatIfBody {
    /// Transactions to add, or to put in place of those with the same id; at most 1,000.
    #[serde(default)]
    #[garde(length(max = 1_000), dive)]
    #[schema(max_items = 1000)]
    transactions: Vec<TransactionBody>,
    /// The ids of transactions to leave out; at most 1,000.
    #[serde(default)]
    #[garde(length(max = 1_000))]
    #[schema(max_items = 1000, example = json!(["T4X-98"]))]
    remove: Vec<String>,
    /// Method that chooses the lots of a disposal: `fifo`, `lifo`, `hifo`, `average`, `uk` or `specific`; the
    /// portfolio's own if absent.
    #[schema(example = "hifo", pattern = "^(fifo|lifo|hifo|average|uk|specific)$")]
    method: Option<String>,
    /// Scope of lots: `portfolio` or `account`; the portfolio's own if absent.
    #[schema(example = "portfolio", pattern = "^(portfolio|account)$")]
    scope: Option<String>,
}

/// A portfolio without a change and with it. Nothing of it is stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WhatIf)]
pub(in crate::http) struct WhatIfView {
    /// The currency of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// The portfolio as it is.
    before: WhatIfFiguresView,
    /// The same with the change.
    after: WhatIfFiguresView,
    /// Those less these.
    difference: DifferenceView,
    /// The disposals that are new, or other than they were, in order of time; at most 1,000.
    new_disposals: Vec<TaxDisposalView>,
    /// Number of further ones.
    #[schema(example = 0)]
    new_disposals_left_out: usize,
    /// The disposals as they are that would be gone, or other, in order of time; at most 1,000.
    gone_disposals: Vec<TaxDisposalView>,
    /// Number of further ones.
    #[schema(example = 0)]
    gone_disposals_left_out: usize,
    /// New flags: data that the change lacks, and how to mend it.
    new_flags: Vec<ReportFlagView>,
    /// Flags that the change mends.
    gone_flags: Vec<ReportFlagView>,
}

/// Figures after a change less those before; null where one of the two is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WhatIfDifference)]
pub(in crate::http) struct DifferenceView {
    /// Of the value.
    #[schema(value_type = Option<String>, example = "-12.5")]
    value: Option<Money>,
    /// Of the gain of what is held.
    #[schema(value_type = Option<String>, example = "-1832.51")]
    unrealized: Option<Money>,
    /// Of the gains of what was disposed of.
    #[schema(value_type = String, example = "1820.01")]
    realized: Money,
    /// Of the income.
    #[schema(value_type = String, example = "0")]
    income: Money,
    /// Of the fees.
    #[schema(value_type = String, example = "12.5")]
    fees: Money,
    /// Of the fees that are nobody's cost.
    #[schema(value_type = String, example = "0")]
    transfer_fees: Money,
    /// Of what came from outside, less what left.
    #[schema(value_type = String, example = "0")]
    net_invested: Money,
}

impl From<Difference> for DifferenceView {
    fn from(difference: Difference) -> Self {
        Self {
            value: difference.value,
            unrealized: difference.unrealized,
            realized: difference.realized,
            income: difference.income,
            fees: difference.fees,
            transfer_fees: difference.transfer_fees,
            net_invested: difference.net_invested,
        }
    }
}

/// Figures at closing prices, with the newest for today. A figure that has no meaning is null, and its `…_reason`
/// says why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WhatIfFigures)]
pub(in crate::http) struct WhatIfFiguresView {
    /// Method that chose the lots.
    #[schema(example = "hifo")]
    method: &'static str,
    /// Where lots came from: `portfolio` or `account`.
    #[schema(example = "portfolio")]
    scope: &'static str,
    /// The day holdings are valued on.
    #[schema(example = "2026-03-01")]
    valued_on: Option<String>,
    /// Value of everything that is held.
    #[schema(value_type = Option<String>, example = "61820.01")]
    value: Option<Money>,
    /// Why it is null.
    value_reason: Option<String>,
    /// The gain of what is held: its value less its cost.
    #[schema(value_type = Option<String>, example = "1820.01")]
    unrealized: Option<Money>,
    /// Why it is null.
    unrealized_reason: Option<String>,
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
    /// The time-weighted return, as a ratio.
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
    /// Quantity and cost of what is held.
    holdings: Vec<RemainingView>,
}

impl From<Summary> for WhatIfFiguresView {
    fn from(summary: Summary) -> Self {
        let performance = summary.performance;
        Self {
            method: summary.method,
            scope: match summary.scope {
                "account" => "account",
                _ => "portfolio",
            },
            valued_on: summary.valued_on,
            value: summary.value,
            value_reason: summary.value_reason,
            unrealized: summary.unrealized,
            unrealized_reason: summary.unrealized_reason,
            realized: summary.realized,
            income: summary.income,
            fees: summary.fees,
            transfer_fees: summary.transfer_fees,
            net_invested: summary.net_invested,
            implied_deposits: summary.implied_deposits,
            twr: performance.twr,
            twr_reason: performance.twr_reason,
            xirr: performance.xirr,
            xirr_reason: performance.xirr_reason,
            max_drawdown: performance.max_drawdown,
            max_drawdown_reason: performance.max_drawdown_reason,
            holdings: summary.remaining.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<WhatIf> for WhatIfView {
    fn from(found: WhatIf) -> Self {
        let disposals = |list: Vec<DisposalView>| list.into_iter().map(Into::into).collect();
        let flags = |list: Vec<FlagView>| list.into_iter().map(Into::into).collect();
        Self {
            currency: found.before.currency.clone(),
            before: found.before.into(),
            after: found.after.into(),
            difference: found.difference.into(),
            new_disposals: disposals(found.new_disposals),
            new_disposals_left_out: found.new_disposals_left_out,
            gone_disposals: disposals(found.gone_disposals),
            gone_disposals_left_out: found.gone_disposals_left_out,
            new_flags: flags(found.new_flags),
            gone_flags: flags(found.gone_flags),
        }
    }
}

/// Says what a portfolio would come to with other transactions or by another method. Nothing is stored.
#[utoipa::path(
    post, path = "/api/v1/portfolios/{id}/what-if", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    request_body = WhatIfBody,
    responses(
        (status = 200, description = "The figures before and after, and the disposals that differ", body = WhatIfView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: it cannot be computed; the detail names the transaction")
    )
)]
pub(in crate::http) async fn try_out_transactions(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<WhatIfBody>,
) -> Result<NoStore<WhatIfView>, Problem> {
    params.finish()?;
    let mut fields = Fields::default();
    let at = |at: usize| format!("transactions[{at}].");
    let transactions = read_list(body.transactions, &mut fields, at);
    let by = fields.read("method", body.method.as_deref(), method);
    let from = fields.read("scope", body.scope.as_deref(), scope);
    fields.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let changes = Changes {
        put: transactions,
        remove: body.remove,
        prices: Vec::new(),
        method: by,
        scope: from,
    };
    let user = principal.user.0;
    let found = state.figures.what_if(user, portfolio, changes).await?;
    Ok(NoStore(found.into()))
}
