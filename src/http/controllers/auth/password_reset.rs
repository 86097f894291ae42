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

/// Whose password is forgotten.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PasswordReset)]
pub(in crate::http) struct RequestBody {
    /// The account's address for mail.
    #[schema(example = "ada@example.org")]
    email: String,
}

/// Asks for an email with a code that allows to set a new password, once, within an hour.
///
/// The answer is the same, and takes as long, whether there is such an account or not.
#[utoipa::path(
    post, path = "/api/v1/auth/password-reset", tag = "accounts",
    request_body = RequestBody,
    responses(
        (status = 202, description = "If there is such an account, an email is on its way")
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

/// The code and the new password.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PasswordResetConfirmation)]
pub(in crate::http) struct ConfirmBody {
    /// The code of the email.
    #[schema(example = "kP1Vq3mJr0yQ2cXhB8nW5sT7uZ4dF6gL9aE1iO3vM0w")]
    token: String,
    /// The password there will be: 8 to 128 characters, none of the most common ones.
    #[schema(value_type = String, example = "a quiet river at dawn", min_length = 8, max_length = 128)]
    password: Secret,
    /// A code of the second factor, where there is one.
    #[schema(example = "492039")]
    totp_code: Option<String>,
}

/// Sets a new password with the code of an email. All sessions end.
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
