//! `DELETE /api/v1/portfolios/{id}/transactions/{number}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::number;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// Deletes a transaction.
#[utoipa::path(
    delete, path = "/api/v1/portfolios/{id}/transactions/{number}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("number" = i64, Path, description = "The transaction's number", example = 17)
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not-found`: there is no such transaction, or the portfolio belongs to another user")
    )
)]
pub(in crate::http) async fn delete_transaction(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path((portfolio, which)): Path<(String, String)>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let (portfolio, which) = (id(&portfolio, "portfolio")?, number(&which)?);
    state
        .portfolios
        .delete_transaction(principal.user.0, portfolio, which)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
