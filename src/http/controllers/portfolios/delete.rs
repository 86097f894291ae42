//! `DELETE /api/v1/portfolios/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::id;
use crate::accounts::Client;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// Deletes a portfolio and everything in it.
#[utoipa::path(
    delete, path = "/api/v1/portfolios/{id}", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn delete_portfolio(
    State(state): State<PortfolioState>,
    principal: Principal,
    client: Client,
    Path(portfolio): Path<String>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    state
        .portfolios
        .delete(principal.user.0, portfolio, client.address.as_deref())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
