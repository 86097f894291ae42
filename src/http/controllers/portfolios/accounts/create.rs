//! `POST /api/v1/portfolios/{id}/accounts`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::{AccountNameBody, AccountView};
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// Adds an account. Transactions that name one that does not exist add it, too.
#[utoipa::path(
    post, path = "/api/v1/portfolios/{id}/accounts", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    request_body = AccountNameBody,
    responses(
        (status = 201, description = "The account", body = AccountView),
        (status = 404, description = "`not-found`: the portfolio does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: there is an account with this name, or there are 1,000 already")
    )
)]
pub(in crate::http) async fn create_portfolio_account(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<AccountNameBody>,
) -> Result<(StatusCode, NoStore<AccountView>), Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let made = state
        .portfolios
        .add_account(principal.user.0, portfolio, &body.name)
        .await?;
    Ok((StatusCode::CREATED, NoStore(made.into())))
}
