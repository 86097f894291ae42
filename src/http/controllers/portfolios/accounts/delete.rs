//! `DELETE /api/v1/portfolios/{id}/accounts/{account}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::http::controllers::portfolios::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// Deletes an account without transactions.
#[utoipa::path(
    delete, path = "/api/v1/portfolios/{id}/accounts/{account}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("account" = Uuid, Path, description = "The account")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not-found`: there is no such account, or the portfolio belongs to another user"),
        (status = 409, description = "`conflict`: transactions name it")
    )
)]
pub(in crate::http) async fn delete_portfolio_account(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path((portfolio, account)): Path<(String, String)>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let (portfolio, account) = (id(&portfolio, "portfolio")?, id(&account, "account")?);
    state
        .portfolios
        .delete_account(principal.user.0, portfolio, account)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
