//! `GET /api/v1/portfolios/{id}/history`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::views::id;
use super::range::{DayRange, currency};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::Money;
use crate::portfolios::report::HistoryView;
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
}

impl From<HistoryView> for DayView {
    fn from(day: HistoryView) -> Self {
        Self {
            date: day.date,
            value: day.value,
            flow: day.flow,
            index: day.index,
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
        ("currency" = Option<String>, Query, description = "The currency or token to show amounts in, at its closing prices, instead of the portfolio's own: `EUR`, `bitcoin`")
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
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let user = principal.user.0;
    let currency = state
        .figures
        .display_currency(user, portfolio, currency.as_deref())
        .await?;
    let shown_in = currency.clone();
    let asked = move |computed: &crate::portfolios::Computed| {
        let to = range.to.map(|day| day.to_string());
        let mut days = computed.history_in(&shown_in, range.from)?;
        // Years have four digits: the order of the texts is that of the days.
        days.retain(|day| to.as_ref().is_none_or(|to| day.date <= *to));
        Ok(days)
    };
    let (_, days) = state.figures.ask(user, portfolio, asked).await?;
    let days = days.map_err(PortfolioError::NoReport)?;
    Ok(NoStore(PortfolioHistoryView {
        currency,
        data: days.into_iter().map(Into::into).collect(),
    }))
}
