//! `GET /api/v1/portfolios/{id}/history`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::views::id;
use super::comparison::{BenchmarkHistoryView, no_whole, weights};
use super::range::{DayRange, currency};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::analysis::benchmark_in;
use crate::portfolios::report::{HistoryView, days_between};
use crate::portfolios::{Computed, Money};
use crate::user_portfolios::PortfolioError;

/// The value of each day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioHistory)]
pub(in crate::http) struct PortfolioHistoryView {
    /// The currency of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// Ascending, every day of the range.
    data: Vec<DayView>,
    /// The same money in what it is compared with; null if nothing was asked for.
    benchmark: Option<BenchmarkHistoryView>,
}

/// The end of a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioDay)]
pub(in crate::http) struct DayView {
    /// The day, in the portfolio's time zone.
    #[schema(example = "2026-03-01")]
    date: String,
    /// Value at closing prices; null if something had no price.
    #[schema(value_type = Option<String>, example = "61820.01")]
    value: Option<Money>,
    /// Deposits less withdrawals of the day, at market value; null if one has none.
    #[schema(value_type = Option<String>, example = "0")]
    flow: Option<Money>,
    /// The time-weighted index; 1 before the first day.
    #[schema(example = "1.214")]
    index: String,
    /// Why value or flow is null in another currency: the day has no rate. Only there if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl From<HistoryView> for DayView {
    fn from(day: HistoryView) -> Self {
        Self {
            date: day.date,
            value: day.value,
            flow: day.flow,
            index: day.index,
            reason: day.reason,
        }
    }
}

/// Lists a portfolio's value at the end of each day.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/history", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("from" = Option<String>, Query, description = "The first day; by default that of the first transaction"),
        ("to" = Option<String>, Query, description = "The last day; by default the newest"),
        ("currency" = Option<String>, Query, description = "The currency or token to show amounts in, at its closing prices, instead of the portfolio's own: `EUR`, `bitcoin`"),
        ("benchmark" = Option<String>, Query, description = "An asset to compare with, or several with weights that add up to 1: `bitcoin:0.6,ethereum:0.4`")
    ),
    responses(
        (status = 200, description = "The days", body = PortfolioHistoryView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: it cannot be computed; the detail names the transaction")
    )
)]
pub(in crate::http) async fn show_portfolio_history(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    mut params: Params,
) -> Result<NoStore<PortfolioHistoryView>, Problem> {
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
        let to = range.to.map(|day| day.to_string());
        let mut days = computed.history_in(&shown_in, range.from)?;
        // Years have four digits: the order of the texts is that of the days.
        days.retain(|day| to.as_ref().is_none_or(|to| day.date <= *to));
        let Some(weights) = wanted else {
            return Ok((days, None));
        };
        let all = computed.days_in(&shown_in)?;
        let of_range = days_between(&all, range.from, range.to);
        let ledger = computed.ledger();
        let compared = benchmark_in(&ledger, &of_range, &weights, true, &shown_in);
        Ok((days, Some(compared)))
    };
    let (_, found) = state.figures.ask(user, portfolio, asked).await?;
    let (days, compared) = found.map_err(PortfolioError::NoReport)?;
    let compared = compared.transpose();
    let compared = compared.map_err(|error| no_whole("benchmark", &error))?;
    Ok(NoStore(PortfolioHistoryView {
        currency,
        data: days.into_iter().map(Into::into).collect(),
        benchmark: compared.map(Into::into),
    }))
}
