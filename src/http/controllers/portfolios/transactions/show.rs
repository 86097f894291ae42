//! `GET /api/v1/portfolios/{id}/transactions/{number}`

use axum::extract::{Path, State};

use super::views::{StoredTransactionView, number};
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// A transaction.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/transactions/{number}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("number" = i64, Path, description = "The transaction's number", example = 17)
    ),
    responses(
        (status = 200, description = "The transaction", body = StoredTransactionView),
        (status = 404, description = "`not-found`: there is no such transaction, or the portfolio belongs to another user")
    )
)]
pub(in crate::http) async fn show_transaction(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path((portfolio, which)): Path<(String, String)>,
    params: Params,
) -> Result<NoStore<StoredTransactionView>, Problem> {
    params.finish()?;
    let (portfolio, which) = (id(&portfolio, "portfolio")?, number(&which)?);
    let found = state
        .portfolios
        .transaction(principal.user.0, portfolio, which)
        .await?;
    Ok(NoStore(found.into()))
}
