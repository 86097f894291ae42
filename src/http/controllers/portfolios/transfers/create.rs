//! `POST /api/v1/portfolios/{id}/transfers`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::controllers::portfolios::transactions::views::StoredTransactionView;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// The two sides of a transfer.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = TransferSides)]
pub(in crate::http) struct TransferBody {
    /// The withdrawal's id.
    #[schema(example = "w-1", max_length = 256)]
    withdrawal: String,
    /// The deposit's id.
    #[schema(example = "d-1", max_length = 256)]
    deposit: String,
}

/// Books a transfer in place of a withdrawal and a deposit, so that cost and date of its lots stay. It has the
/// withdrawal's id and number; the deposit is removed.
#[utoipa::path(
    post, path = "/api/v1/portfolios/{id}/transfers", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    request_body = TransferBody,
    responses(
        (status = 201, description = "The transfer", body = StoredTransactionView),
        (status = 404, description = "`not-found`: there is no such transaction, or the portfolio belongs to another user"),
        (status = 409, description = "`conflict`: the two cannot be one transfer")
    )
)]
pub(in crate::http) async fn create_transfer(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<TransferBody>,
) -> Result<(StatusCode, NoStore<StoredTransactionView>), Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let booked = state
        .portfolios
        .book_transfer(principal.user.0, portfolio, &body.withdrawal, &body.deposit)
        .await?;
    Ok((StatusCode::CREATED, NoStore(booked.into())))
}
