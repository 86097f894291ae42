//! `GET /api/v1/portfolios/{id}`

use axum::extract::{Path, State};

use serde::Serialize;
use utoipa::ToSchema;

use super::figures::summary::FiguresView;
use super::views::{PortfolioView, id};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;
use crate::user_portfolios::PortfolioError;

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
    params(("id" = Uuid, Path, description = "The portfolio")),
    responses(
        (status = 200, description = "The portfolio", body = SummaryView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn show_portfolio(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
) -> Result<NoStore<SummaryView>, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let found = state
        .portfolios
        .portfolio(principal.user.0, portfolio)
        .await?;
    let (figures, figures_reason) = match state.figures.of(&found).await {
        Ok(snapshot) => {
            let value = state.figures.value(&snapshot);
            (Some(FiguresView::new(&snapshot, value)), None)
        }
        Err(error @ PortfolioError::NotComputable(_)) => (None, Some(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    Ok(NoStore(SummaryView {
        portfolio: found.into(),
        figures,
        figures_reason,
    }))
}
