//! `GET /api/v1/portfolios/{id}`

use axum::extract::{Path, State};

use super::views::{PortfolioBody, id};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// A portfolio of yours.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    responses(
        (status = 200, description = "The portfolio", body = PortfolioBody),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn show_portfolio(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
) -> Result<NoStore<PortfolioBody>, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let found = state
        .portfolios
        .portfolio(principal.user.0, portfolio)
        .await?;
    Ok(NoStore(found.into()))
}
