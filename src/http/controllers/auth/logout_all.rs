//! `POST /api/v1/auth/logout-all`

use axum::extract::State;
use axum::http::StatusCode;

use crate::accounts::Client;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Ends all of your sessions immediately.
#[utoipa::path(
    post, path = "/api/v1/auth/logout-all", tag = "accounts",
    responses(
        (status = 204, description = "Done")
    )
)]
pub(in crate::http) async fn log_out_everywhere(
    State(state): State<AccountState>,
    principal: Principal,
    client: Client,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    state
        .accounts
        .logout_everywhere(principal.user, &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
