//! `PATCH /api/v1/portfolios/{id}/accounts/{account}`

use axum::extract::{Path, State};

use super::views::{AccountNameBody, AccountView};
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// Renames an account, in its transactions too. Files that name it as before still belong to it.
#[utoipa::path(
    patch, path = "/api/v1/portfolios/{id}/accounts/{account}", tag = "portfolios",
    params(
        ("id" = Uuid, Path, description = "The portfolio"),
        ("account" = Uuid, Path, description = "The account")
    ),
    request_body = AccountNameBody,
    responses(
        (status = 200, description = "The account", body = AccountView),
        (status = 404, description = "`not-found`: there is no such account, or the portfolio belongs to another user"),
        (status = 409, description = "`conflict`: there is an account with this name")
    )
)]
pub(in crate::http) async fn rename_portfolio_account(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path((portfolio, account)): Path<(String, String)>,
    params: Params,
    JsonBody(body): JsonBody<AccountNameBody>,
) -> Result<NoStore<AccountView>, Problem> {
    params.finish()?;
    let (portfolio, account) = (id(&portfolio, "portfolio")?, id(&account, "account")?);
    let renamed = state
        .portfolios
        .rename_account(principal.user.0, portfolio, account, &body.name)
        .await?;
    Ok(NoStore(renamed.into()))
}
