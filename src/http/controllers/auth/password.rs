//! `POST /api/v1/auth/password`

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{BrowserSessionView, NewSessionView, Secret};
use crate::accounts::{Client, Proof};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::middleware::browser::{self, ByCookie, Cookies};
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// The new password, and proof of identity.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PasswordChange)]
pub(in crate::http) struct PasswordBody {
    /// The current password.
    #[schema(value_type = String, example = "correct horse battery staple")]
    current_password: Secret,
    /// The new password: 8 to 128 characters, and not one of the most common passwords.
    #[schema(value_type = String, example = "a quiet river at dawn", min_length = 8, max_length = 128)]
    new_password: Secret,
    /// A second-factor code, if the account has a second factor.
    #[schema(example = "492039")]
    totp_code: Option<String>,
}

/// Changes your password. All sessions end; the answer starts a new one.
#[utoipa::path(
    post, path = "/api/v1/auth/password", tag = "accounts",
    request_body = PasswordBody,
    responses(
        (status = 200, description = "A pair of tokens; for a browser, a new cookie and CSRF token", body = NewSessionView),
        (status = 401, description = "`not-signed-in`, `invalid-token`, `second-factor-required`, `wrong-code`, `signature-required`, `signature-invalid`"),
        (status = 429, description = "`too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn change_password(
    State(state): State<AccountState>,
    principal: Principal,
    by_cookie: Result<ByCookie, Problem>,
    client: Client,
    cookies: Cookies,
    params: Params,
    JsonBody(body): JsonBody<PasswordBody>,
) -> Result<Response, Problem> {
    params.finish()?;
    let proof = Proof {
        password: body.current_password.0,
        totp_code: body.totp_code,
    };
    let (user, new) = (principal.user, body.new_password.0);
    if by_cookie.is_err() {
        let tokens = state
            .accounts
            .change_password(user, &proof, new, &client)
            .await?;
        return Ok(NoStore(NewSessionView::Tokens(tokens.into())).into_response());
    }
    let begun = state
        .accounts
        .change_password_in_browser(user, &proof, new, &client)
        .await?;
    let body = NewSessionView::Browser(BrowserSessionView::from(&begun));
    let mut response = NoStore(body).into_response();
    browser::tell(&cookies, &begun, &mut response);
    Ok(response)
}
