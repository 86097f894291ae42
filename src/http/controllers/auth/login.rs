//! `POST /api/v1/auth/login`

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{Secret, TokenPairView};
use crate::accounts::{Client, Login};
use crate::http::client_address::ClientAddress;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Credentials.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = Login)]
pub(in crate::http) struct LoginBody {
    /// The email address.
    #[schema(example = "ada@example.org")]
    email: String,
    /// The password.
    #[schema(value_type = String, example = "correct horse battery staple")]
    password: Secret,
    /// A second-factor code or a recovery code, if the account has a second factor.
    #[schema(example = "492039")]
    totp_code: Option<String>,
}

impl LoginBody {
    /// The account that is tried.
    pub(super) fn email(&self) -> &str {
        &self.email
    }
}

impl From<LoginBody> for Login {
    fn from(body: LoginBody) -> Self {
        Self {
            email: body.email,
            password: body.password.0,
            totp_code: body.totp_code,
        }
    }
}

/// Signs in with a password.
///
/// An unknown email address and a wrong password get the same answer after the same time.
#[utoipa::path(
    post, path = "/api/v1/auth/login", tag = "accounts",
    request_body = LoginBody,
    responses(
        (status = 200, description = "A pair of tokens", body = TokenPairView),
        (status = 401, description = "`wrong-credentials`, `second-factor-required`, `wrong-code`"),
        (status = 403, description = "`account-disabled`; `password-expired`: the temporary password was valid for a day"),
        (status = 429, description = "`too-many-requests`, `too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn log_in(
    State(state): State<AccountState>,
    client: Client,
    address: ClientAddress,
    params: Params,
    JsonBody(body): JsonBody<LoginBody>,
) -> Result<NoStore<TokenPairView>, Problem> {
    params.finish()?;
    state.limits.attempt_on(&body.email, address).await?;
    let tokens = state.accounts.login(body.into(), &client).await?;
    Ok(NoStore(tokens.into()))
}
