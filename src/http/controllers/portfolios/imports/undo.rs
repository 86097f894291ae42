//! `DELETE /api/v1/portfolios/{id}/imports/{import}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::http::controllers::portfolios::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// Undoes an import: removes all transactions that it added, changed ones too, and accounts that nothing else
/// names.
#[utoipa::path(
    delete, path = "/api/v1/portfolios/{id}/imports/{import}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("import" = Uuid, Path, description = "The import")
    ),
    responses(
        (status = 204, description = "It is undone"),
        (status = 404, description = "`not-found`: there is no such import, or the portfolio belongs to another user")
    )
)]
pub(in crate::http) async fn undo_portfolio_import(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path((portfolio, import)): Path<(String, String)>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let (portfolio, import) = (id(&portfolio, "portfolio")?, id(&import, "import")?);
    state
        .portfolios
        .undo_import(principal.user.0, portfolio, import)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
