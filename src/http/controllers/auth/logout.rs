//! `POST /api/v1/auth/logout`

use axum::extract::State;
use axum::http::StatusCode;

use crate::accounts::Client;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::SignedIn;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Ends the session of the access token immediately.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", tag = "accounts",
    responses(
        (status = 204, description = "Done")
    )
)]
pub(in crate::http) async fn log_out(
    State(state): State<AccountState>,
    signed_in: SignedIn,
    client: Client,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    state.accounts.logout(signed_in.access(), &client).await?;
    Ok(StatusCode::NO_CONTENT)
}
