//! `POST /api/v1/auth/resend-verification`

use axum::extract::State;
use axum::http::StatusCode;

use crate::accounts::Client;
use crate::http::client_address::ClientAddress;
use crate::http::extract::params::Params;
use crate::http::middleware::identity::SignedIn;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Sends the verification email again.
#[utoipa::path(
    post, path = "/api/v1/auth/resend-verification", tag = "accounts",
    responses(
        (status = 202, description = "The email is on its way"),
        (status = 409, description = "`conflict`: the email address is verified already")
    )
)]
pub(in crate::http) async fn resend_verification(
    State(state): State<AccountState>,
    signed_in: SignedIn,
    address: ClientAddress,
    client: Client,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let account = signed_in.user.0.to_string();
    state.limits.attempt_on(&account, address).await?;
    state
        .accounts
        .resend_verification(signed_in.user, &client)
        .await?;
    Ok(StatusCode::ACCEPTED)
}
