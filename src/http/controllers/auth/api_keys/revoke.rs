//! `DELETE /api/v1/auth/api-keys/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::id;
use crate::accounts::Client;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Revokes an API key immediately.
#[utoipa::path(
    delete, path = "/api/v1/auth/api-keys/{id}", tag = "accounts",
    params(("id" = uuid::Uuid, Path, description = "The key")),
    responses(
        (status = 204, description = "The session has ended"),
        (status = 404, description = "`not-found`")
    )
)]
pub(in crate::http) async fn revoke_api_key(
    State(state): State<AccountState>,
    principal: Principal,
    client: Client,
    Path(key): Path<String>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let key = id(&key)?;
    state
        .accounts
        .revoke_api_key(principal.holder(), key, &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
