//! `POST /api/v1/auth/password-reset` and `POST /api/v1/auth/password-reset/confirm`

use axum::extract::State;
use axum::http::StatusCode;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::Secret;
use crate::accounts::Client;
use crate::http::client_address::ClientAddress;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The account whose password was forgotten.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PasswordReset)]
pub(in crate::http) struct RequestBody {
    /// The account's email address.
    #[schema(example = "ada@example.org")]
    email: String,
}

/// Requests an email with a code to set a new password; the code can be used once within an hour.
///
/// The answer is the same, and takes as long, whether or not the account exists.
#[utoipa::path(
    post, path = "/api/v1/auth/password-reset", tag = "accounts",
    request_body = RequestBody,
    responses(
        (status = 202, description = "If the account exists, an email is on its way")
    )
)]
pub(in crate::http) async fn request_password_reset(
    State(state): State<AccountState>,
    client: Client,
    address: ClientAddress,
    params: Params,
    JsonBody(body): JsonBody<RequestBody>,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    state.limits.attempt_on(&body.email, address).await?;
    state.accounts.ask_for_reset(&body.email, &client).await?;
    Ok(StatusCode::ACCEPTED)
}

/// The code from the email, and the new password.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PasswordResetConfirmation)]
pub(in crate::http) struct ConfirmBody {
    /// The code from the email.
    #[schema(example = "kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")]
    token: String,
    /// The new password: 8 to 128 characters, and not one of the most common passwords.
    #[schema(value_type = String, example = "a quiet river at dawn", min_length = 8, max_length = 128)]
    password: Secret,
    /// A second-factor code, if the account has a second factor.
    #[schema(example = "492039")]
    totp_code: Option<String>,
}

/// Sets a new password with the code from the email. All sessions end.
#[utoipa::path(
    post, path = "/api/v1/auth/password-reset/confirm", tag = "accounts",
    request_body = ConfirmBody,
    responses(
        (status = 204, description = "The password is set"),
        (status = 401, description = "`second-factor-required`, `wrong-code`"),
        (status = 404, description = "`invalid-link`"),
        (status = 429, description = "`too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn confirm_password_reset(
    State(state): State<AccountState>,
    client: Client,
    params: Params,
    JsonBody(body): JsonBody<ConfirmBody>,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let code = body.totp_code.as_deref();
    state
        .accounts
        .reset_password(&body.token, body.password.0, code, &client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
