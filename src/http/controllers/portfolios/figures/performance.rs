//! `GET /api/v1/portfolios/{id}/performance`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::views::id;
use super::comparison::{BenchmarkView, ContributionView, no_whole, weights};
use super::range::{DayRange, currency};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::Computed;
use crate::portfolios::analysis::{Benchmark, Contribution, benchmark_in, contribution_in};
use crate::portfolios::report::{PerformanceView, days_between, performance_between};
use crate::user_portfolios::PortfolioError;

/// The performance over a range of days, in ratios: 0.21 is 21 %. A figure that has no meaning is null, and
/// its `…_reason` says why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioPerformance)]
pub(in crate::http) struct PortfolioPerformanceView {
    /// The currency that returns are measured in.
    #[schema(example = "USD")]
    currency: String,
    /// The first day that was asked for; null for the first transaction's.
    #[schema(example = "2026-01-01")]
    from: Option<String>,
    /// The last day that was asked for; null for the newest.
    #[schema(example = "2026-03-01")]
    to: Option<String>,
    /// The time-weighted return: daily returns, linked.
    #[schema(example = "0.214")]
    twr: Option<String>,
    /// Why it is null.
    #[schema(example = "no capital was invested")]
    twr_reason: Option<String>,
    /// The money-weighted return a year, which explains the flows.
    #[schema(example = "0.187")]
    xirr: Option<String>,
    /// Why it is null.
    #[schema(example = "all flows are on one day: a rate needs time")]
    xirr_reason: Option<String>,
    /// Every rate that explains the flows.
    #[schema(example = json!(["0.187"]))]
    xirr_roots: Vec<String>,
    /// The money-weighted return of the whole range instead of a year.
    #[schema(example = "0.03")]
    xirr_over_span: Option<String>,
    /// The Modified Dietz return.
    #[schema(example = "0.201")]
    modified_dietz: Option<String>,
    /// Why it is null.
    #[schema(example = "no capital was invested")]
    modified_dietz_reason: Option<String>,
    /// The gain over what was invested on average.
    #[schema(example = "0.198")]
    simple_return: Option<String>,
    /// Why it is null.
    #[schema(example = "no capital was invested")]
    simple_return_reason: Option<String>,
    /// The deepest fall of the time-weighted index below its highest point.
    #[schema(example = "-0.31")]
    max_drawdown: Option<String>,
    /// Why it is null.
    #[schema(example = "no capital was invested")]
    max_drawdown_reason: Option<String>,
    /// Days that have a return.
    #[schema(example = 59)]
    returns: usize,
    /// Days without capital, which have none.
    #[schema(example = 0)]
    days_left_out: usize,
    /// Days without a price, which have none either.
    #[schema(example = 0)]
    days_unpriced: usize,
    /// Contributions to the time-weighted return.
    contribution: ContributionView,
    /// The same money in what it is compared with; null if nothing was asked for.
    benchmark: Option<BenchmarkView>,
}

impl PortfolioPerformanceView {
    fn new(
        currency: String,
        range: DayRange,
        view: PerformanceView,
        contribution: Contribution,
        benchmark: Option<Benchmark>,
    ) -> Self {
        Self {
            currency,
            from: range.from.map(|day| day.to_string()),
            to: range.to.map(|day| day.to_string()),
            twr: view.twr,
            twr_reason: view.twr_reason,
            xirr: view.xirr,
            xirr_reason: view.xirr_reason,
            xirr_roots: view.xirr_roots,
            xirr_over_span: view.xirr_over_span,
            modified_dietz: view.modified_dietz,
            modified_dietz_reason: view.modified_dietz_reason,
            simple_return: view.simple_return,
            simple_return_reason: view.simple_return_reason,
            max_drawdown: view.max_drawdown,
            max_drawdown_reason: view.max_drawdown_reason,
            returns: view.returns,
            days_left_out: view.days_left_out,
            days_unpriced: view.days_unpriced,
            contribution: contribution.into(),
            benchmark: benchmark.map(Into::into),
        }
    }
}

/// Reports a portfolio's performance, over all its time or a range of days.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/performance", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("from" = Option<String>, Query, description = "The first day; what was held before it is the first flow"),
        ("to" = Option<String>, Query, description = "The last day"),
        ("currency" = Option<String>, Query, description = "The currency or token to measure returns in, at its closing prices, instead of the portfolio's own: `EUR`, `bitcoin`"),
        ("benchmark" = Option<String>, Query, description = "An asset to compare with, or several with weights that add up to 1: `bitcoin:0.6,ethereum:0.4`")
    ),
    responses(
        (status = 200, description = "The performance", body = PortfolioPerformanceView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: it cannot be computed; the detail names the transaction")
    )
)]
pub(in crate::http) async fn show_performance(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    mut params: Params,
) -> Result<NoStore<PortfolioPerformanceView>, Problem> {
    let range = DayRange::take(&mut params);
    let currency = currency(&mut params);
    let wanted = params.take("benchmark", weights);
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let user = principal.user.0;
    let currency = state
        .figures
        .display_currency(user, portfolio, currency.as_deref())
        .await?;
    let wanted = match wanted {
        Some(wanted) => Some(state.figures.known_assets(user, portfolio, wanted).await?),
        None => None,
    };
    let shown_in = currency.clone();
    let asked = move |computed: &Computed| {
        let (ledger, all) = (computed.ledger(), computed.days_in(&shown_in)?);
        let days = days_between(&all, range.from, range.to);
        let compared =
            wanted.map(|weights| benchmark_in(&ledger, &days, &weights, false, &shown_in));
        let view = performance_between(&all, range.from, range.to);
        let parts = contribution_in(&ledger, &days, &shown_in);
        Ok((view, parts, compared.transpose()))
    };
    let (_, found) = state.figures.ask(user, portfolio, asked).await?;
    let (view, parts, compared) = found.map_err(PortfolioError::NoReport)?;
    let compared = compared.map_err(|error| no_whole("benchmark", &error))?;
    Ok(NoStore(PortfolioPerformanceView::new(
        currency, range, view, parts, compared,
    )))
}
