//! `GET /api/v1/portfolios`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::PortfolioBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// The portfolios.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Portfolios)]
pub(in crate::http) struct PortfoliosBody {
    /// Oldest first; at most 100.
    data: Vec<PortfolioBody>,
}

/// Lists your portfolios.
#[utoipa::path(
    get, path = "/api/v1/portfolios", tag = "portfolios",
    responses(
        (status = 200, description = "The portfolios", body = PortfoliosBody)
    )
)]
pub(in crate::http) async fn list_portfolios(
    State(state): State<PortfolioState>,
    principal: Principal,
    params: Params,
) -> Result<NoStore<PortfoliosBody>, Problem> {
    params.finish()?;
    let portfolios = state.portfolios.list(principal.user.0).await?;
    let data = portfolios.into_iter().map(Into::into).collect();
    Ok(NoStore(PortfoliosBody { data }))
}
