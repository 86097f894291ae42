//! `GET /api/v1/portfolios/{id}/risk`

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::views::id;
use super::comparison::CorrelationView;
use super::range::{DayRange, currency};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::Computed;
use crate::portfolios::analysis::correlation;
use crate::portfolios::performance::DayValue;
use crate::portfolios::report::{days_between, performance_between};
use crate::user_portfolios::PortfolioError;

/// Risk, on daily time-weighted returns. A figure that has no meaning is null, and its `…_reason` says why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioRisk)]
pub(in crate::http) struct RiskView {
    /// The currency that returns are measured in.
    #[schema(example = "USD")]
    currency: String,
    /// The first day that was asked for; null for the first transaction's.
    #[schema(example = "2026-01-01")]
    from: Option<String>,
    /// The last day that was asked for; null for the newest.
    #[schema(example = "2026-03-01")]
    to: Option<String>,
    /// The standard deviation of daily returns, by √365.
    #[schema(example = "0.52")]
    volatility: Option<String>,
    /// Why it is null.
    #[schema(example = "fewer than two daily returns")]
    volatility_reason: Option<String>,
    /// The Sharpe ratio with a risk-free rate of 0, by √365.
    #[schema(example = "1.1")]
    sharpe: Option<String>,
    /// Why it is null.
    #[schema(example = "the daily returns do not vary")]
    sharpe_reason: Option<String>,
    /// The Sortino ratio with a risk-free rate of 0, by √365.
    #[schema(example = "1.6")]
    sortino: Option<String>,
    /// Why it is null.
    #[schema(example = "no day had a loss")]
    sortino_reason: Option<String>,
    /// The deepest fall of the time-weighted index below its highest point.
    #[schema(example = "-0.31")]
    max_drawdown: Option<String>,
    /// Why it is null.
    #[schema(example = "no capital was invested")]
    max_drawdown_reason: Option<String>,
    /// The historical loss of one day that 95 % of the days stay within, as a ratio.
    #[schema(example = "0.041")]
    value_at_risk_95: Option<String>,
    /// Why it is null.
    #[schema(example = "fewer than two daily returns")]
    value_at_risk_95_reason: Option<String>,
    /// The mean loss of the days beyond it.
    #[schema(example = "0.062")]
    expected_shortfall_95: Option<String>,
    /// Why it is null.
    #[schema(example = "fewer than two daily returns")]
    expected_shortfall_95_reason: Option<String>,
    /// The concentration of what is held now: the sum of squared shares, 1 for a single holding.
    #[schema(example = "0.56")]
    hhi: Option<String>,
    /// Number of daily returns.
    #[schema(example = 59)]
    returns: usize,
    /// Fewer than 30 of them: the figures say little.
    #[schema(example = false)]
    few_returns: bool,
    /// Correlation of the assets that are held now, by their prices in the portfolio's own currency.
    correlation: CorrelationView,
}

/// The risk of a portfolio, over all its time or a range of days.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/risk", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("from" = Option<String>, Query, description = "The first day"),
        ("to" = Option<String>, Query, description = "The last day"),
        ("currency" = Option<String>, Query, description = "The currency or token to measure returns in, at its closing prices, instead of the portfolio's own: `EUR`, `bitcoin`")
    ),
    responses(
        (status = 200, description = "The risk", body = RiskView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: it cannot be computed; the detail names the transaction")
    )
)]
pub(in crate::http) async fn show_risk(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    mut params: Params,
) -> Result<NoStore<RiskView>, Problem> {
    let range = DayRange::take(&mut params);
    let currency = currency(&mut params);
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let user = principal.user.0;
    let currency = state
        .figures
        .display_currency(user, portfolio, currency.as_deref())
        .await?;
    let shown_in = currency.clone();
    let asked = move |computed: &Computed| {
        let (summary, all) = (computed.summary(), computed.days_in(&shown_in)?);
        let days = days_between(&all, range.from, range.to);
        let held: Vec<&str> = summary
            .remaining
            .iter()
            .map(|holding| holding.asset.as_str())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let of = |day: Option<&DayValue>| day.map_or(NaiveDate::MIN, |day| day.day.date());
        let (first, last) = (of(days.first()), of(days.last()));
        Ok((
            performance_between(&all, range.from, range.to),
            summary.allocation.hhi.clone(),
            correlation(computed.prices(), &held, first, last),
        ))
    };
    let (_, found) = state.figures.ask(user, portfolio, asked).await?;
    let (view, hhi, correlation) = found.map_err(PortfolioError::NoReport)?;
    Ok(NoStore(RiskView {
        currency,
        from: range.from.map(|day| day.to_string()),
        to: range.to.map(|day| day.to_string()),
        volatility: view.volatility,
        volatility_reason: view.volatility_reason,
        sharpe: view.sharpe,
        sharpe_reason: view.sharpe_reason,
        sortino: view.sortino,
        sortino_reason: view.sortino_reason,
        max_drawdown: view.max_drawdown,
        max_drawdown_reason: view.max_drawdown_reason,
        value_at_risk_95: view.value_at_risk_95,
        value_at_risk_95_reason: view.value_at_risk_95_reason,
        expected_shortfall_95: view.expected_shortfall_95,
        expected_shortfall_95_reason: view.expected_shortfall_95_reason,
        hhi,
        returns: view.returns,
        few_returns: view.few_returns,
        correlation: correlation.into(),
    }))
}
