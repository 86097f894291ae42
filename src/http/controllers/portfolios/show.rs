//! `GET /api/v1/portfolios/{id}`

use axum::extract::{Path, State};

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::figures::range::currency;
use super::figures::summary::FiguresView;
use super::views::{PortfolioView, id};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::portfolios::Computed;
use crate::user_portfolios::{Portfolio, PortfolioError};

/// A portfolio and what it comes to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioSummary)]
pub(in crate::http) struct SummaryView {
    #[serde(flatten)]
    portfolio: PortfolioView,
    /// Its figures; null if it cannot be computed.
    figures: Option<FiguresView>,
    /// Why they are null: it names the transaction.
    #[schema(example = "the portfolio cannot be computed: transaction \"t-9\": too many digits")]
    figures_reason: Option<String>,
}

/// A portfolio of yours, and what it comes to at the newest prices.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("currency" = Option<String>, Query, description = "The currency or token to show amounts in, at closing prices and what is held at the newest, instead of the portfolio's own: `EUR`, `bitcoin`")
    ),
    responses(
        (status = 200, description = "The portfolio", body = SummaryView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: there is no price of the currency to show amounts in")
    )
)]
pub(in crate::http) async fn show_portfolio(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    mut params: Params,
) -> Result<NoStore<SummaryView>, Problem> {
    let currency = currency(&mut params);
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let user = principal.user.0;
    let found = state.portfolios.portfolio(user, portfolio).await?;
    let figures = match currency {
        None => figures_of(&state, &found).await,
        Some(currency) => figures_in(&state, user, &found, &currency).await,
    };
    let (figures, figures_reason) = match figures {
        Ok(figures) => (Some(figures), None),
        Err(error @ PortfolioError::NotComputable(_)) => (None, Some(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    Ok(NoStore(SummaryView {
        portfolio: found.into(),
        figures,
        figures_reason,
    }))
}

async fn figures_of(
    state: &PortfolioState,
    portfolio: &Portfolio,
) -> Result<FiguresView, PortfolioError> {
    let snapshot = state.figures.of(portfolio).await?;
    let value = state.figures.value(&snapshot);
    Ok(FiguresView::new(&snapshot, &snapshot.summary, value))
}

async fn figures_in(
    state: &PortfolioState,
    user: Uuid,
    portfolio: &Portfolio,
    currency: &str,
) -> Result<FiguresView, PortfolioError> {
    let figures = &state.figures;
    let currency = figures
        .display_currency(user, portfolio.id, Some(currency))
        .await?;
    let asked = move |computed: &Computed| {
        let rate = computed.rate(&currency)?;
        Ok((rate, computed.report_in(&currency, false)?.summary))
    };
    let (snapshot, shown) = figures.ask(user, portfolio.id, asked).await?;
    let (rate, summary) = shown.map_err(PortfolioError::NoReport)?;
    let value = figures.value(&snapshot).converted(rate);
    Ok(FiguresView::new(&snapshot, &summary, value))
}
