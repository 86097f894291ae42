//! `GET /api/v1/portfolios/{id}/accounts`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::AccountView;
use crate::http::controllers::portfolios::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::PortfolioState;

/// The accounts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PortfolioAccounts)]
pub(in crate::http) struct AccountsView {
    /// Sorted by name; at most 1,000.
    data: Vec<AccountView>,
}

/// Lists the accounts of a portfolio.
#[utoipa::path(
    get, path = "/api/v1/portfolios/{id}/accounts", tag = "portfolios",
    params(("id" = Uuid, Path, description = "The portfolio")),
    responses(
        (status = 200, description = "The accounts", body = AccountsView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn list_portfolio_accounts(
    State(state): State<PortfolioState>,
    principal: Principal,
    Path(portfolio): Path<String>,
    params: Params,
) -> Result<NoStore<AccountsView>, Problem> {
    params.finish()?;
    let portfolio = id(&portfolio, "portfolio")?;
    let accounts = state
        .portfolios
        .accounts(principal.user.0, portfolio)
        .await?;
    let data = accounts.into_iter().map(Into::into).collect();
    Ok(NoStore(AccountsView { data }))
}
