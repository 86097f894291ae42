//! `GET /api/v1/portfolios`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::PortfolioView;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// The portfolios.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Portfolios)]
pub(in crate::http) struct PortfoliosView {
    /// Oldest first; at most 100.
    data: Vec<PortfolioView>,
}

/// Lists your portfolios.
#[utoipa::path(
    get, path = "/api/v1/portfolios", tag = "portfolios",
    responses(
        (status = 200, description = "The portfolios", body = PortfoliosView)
    )
)]
pub(in crate::http) async fn list_portfolios(
    State(state): State<PortfolioState>,
    principal: Principal,
    params: Params,
) -> Result<NoStore<PortfoliosView>, Problem> {
    params.finish()?;
    let portfolios = state.portfolios.list(principal.user.0).await?;
    let data = portfolios.into_iter().map(Into::into).collect();
    Ok(NoStore(PortfoliosView { data }))
}
