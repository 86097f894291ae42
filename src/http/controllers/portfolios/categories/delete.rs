//! `DELETE /api/v1/portfolios/{id}/categories/{asset}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::http::controllers::portfolios::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// Takes an asset out of its category: it is counted by its kind again.
#[utoipa::path(
    delete, path = "/api/v1/portfolios/{id}/categories/{asset}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("asset" = String, Path, description = "The asset, as it is listed or by another of its names", example = "ethereum")
    ),
    responses(
        (status = 204, description = "It has no category"),
        (status = 404, description = "`not-found`: the portfolio does not exist or belongs to another user, or the asset had no category")
    )
)]
pub(in crate::http) async fn delete_category(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path((portfolio, asset)): Path<(String, String)>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let user = principal.user.0;
    state
        .portfolios
        .uncategorize(user, portfolio, &asset)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
