//! `PUT /api/v1/portfolios/{id}/transactions/{number}`

use axum::extract::{Path, State};

use super::views::{StoredTransactionView, TransactionBody, number, read};
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::PortfolioState;

/// Replaces a transaction. Its id and number stay, and a file that it was imported from is still known.
#[utoipa::path(
    put, path = "/api/v1/portfolios/{id}/transactions/{number}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("number" = i64, Path, description = "The transaction's number", example = 17)
    ),
    request_body = TransactionBody,
    responses(
        (status = 200, description = "The transaction", body = StoredTransactionView),
        (status = 404, description = "`not-found`: there is no such transaction, or the portfolio belongs to another user")
    )
)]
pub(in crate::http) async fn replace_transaction(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path((portfolio, which)): Path<(String, String)>,
    params: Params,
    JsonBody(body): JsonBody<TransactionBody>,
) -> Result<NoStore<StoredTransactionView>, Problem> {
    params.finish()?;
    let (portfolio, which) = (id(&portfolio, "portfolio")?, number(&which)?);
    let transaction = read(vec![body])?.into_iter().next();
    let transaction = transaction.ok_or(Problem::new(Kind::Internal))?;
    let replaced = state
        .portfolios
        .replace_transaction(principal.user.0, portfolio, which, transaction)
        .await?;
    Ok(NoStore(replaced.into()))
}
