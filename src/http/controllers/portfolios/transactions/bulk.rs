//! `POST /api/v1/portfolios/{id}/transactions/bulk`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::views::{TransactionBody, read};
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// The transactions to add.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TransactionsRequest)]
pub(in crate::http) struct TransactionsBody {
    /// 1 to 1,000. Those of one instant happened in this order.
    #[garde(length(min = 1, max = 1_000), dive)]
    #[schema(min_items = 1, max_items = 1000)]
    transactions: Vec<TransactionBody>,
}

/// The result of adding transactions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TransactionsAdded)]
pub(in crate::http) struct AddedView {
    /// Their number.
    #[schema(example = 2)]
    added: usize,
    /// The number of the first; the others follow in order.
    #[schema(example = 17)]
    first_number: Option<i64>,
}

/// Adds several transactions, all or none.
#[utoipa::path(
    post, path = "/api/v1/portfolios/{id}/transactions/bulk", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    request_body = TransactionsBody,
    responses(
        (status = 201, description = "They are added", body = AddedView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: there is a transaction with one of the ids, or there would be more than 500,000")
    )
)]
pub(in crate::http) async fn create_transactions(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<TransactionsBody>,
) -> Result<(StatusCode, NoStore<AddedView>), Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let added = state
        .portfolios
        .add_transactions(principal.user.0, portfolio, read(body.transactions)?)
        .await?;
    let answer = AddedView {
        added: added.len(),
        first_number: added.first().map(|stored| stored.number),
    };
    Ok((StatusCode::CREATED, NoStore(answer)))
}
