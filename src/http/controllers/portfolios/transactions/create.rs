//! `POST /api/v1/portfolios/{id}/transactions`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::{StoredTransactionView, TransactionBody, read};
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::PortfolioState;

/// Adds a transaction.
#[utoipa::path(
    post, path = "/api/v1/portfolios/{id}/transactions", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    request_body = TransactionBody,
    responses(
        (status = 201, description = "The transaction", body = StoredTransactionView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: there is a transaction with this id, or there are 500,000 already")
    )
)]
pub(in crate::http) async fn create_transaction(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<TransactionBody>,
) -> Result<(StatusCode, NoStore<StoredTransactionView>), Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let added = state
        .portfolios
        .add_transactions(principal.user.0, portfolio, read(vec![body])?)
        .await?;
    let added = added.into_iter().next();
    let added = added.ok_or(Problem::new(Kind::Internal))?;
    Ok((StatusCode::CREATED, NoStore(added.into())))
}
