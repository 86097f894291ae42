//! `POST /api/v1/auth/password`

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{BrowserSessionBody, NewSessionBody, Secret};
use crate::accounts::{Client, Proof};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Acting;
use crate::http::middleware::browser::{self, ByCookie, Cookies};
use crate::http::respond::no_store::unkept;
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// Another password, and a proof of who asks.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = PasswordChange)]
pub(in crate::http) struct PasswordBody {
    /// The password there is.
    #[schema(value_type = String, example = "correct horse battery staple")]
    current_password: Secret,
    /// The password there will be: 8 to 128 characters, none of the most common ones.
    #[schema(value_type = String, example = "a quiet river at dawn", min_length = 8, max_length = 128)]
    new_password: Secret,
    /// A code of the second factor, where there is one.
    #[schema(example = "492039")]
    totp_code: Option<String>,
}

/// Changes the password. All sessions end; the answer begins a new one.
#[utoipa::path(
    post, path = "/api/v1/auth/password", tag = "accounts",
    security(("bearer" = [])),
    request_body = PasswordBody,
    responses(
        (status = 200, description = "A pair of tokens; to a browser its new cookie and CSRF token", body = NewSessionBody),
        (status = 400, description = "`invalid-request`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`not-signed-in`, `invalid-token`, `second-factor-required`, `wrong-code`, `signature-required`, `signature-invalid`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: the API key may not do this", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`payload-too-large`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`unsupported-media-type`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-attempts`: see `retry-after`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn change(
    State(state): State<ApiState>,
    acting: Acting,
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
    let (user, new) = (acting.user, body.new_password.0);
    if by_cookie.is_err() {
        let tokens = state
            .accounts
            .change_password(user, &proof, new, &client)
            .await?;
        return Ok(unkept(NewSessionBody::Tokens(tokens.into())).into_response());
    }
    let begun = state
        .accounts
        .change_password_in_browser(user, &proof, new, &client)
        .await?;
    let body = NewSessionBody::Browser(BrowserSessionBody::from(&begun));
    let mut response = unkept(body).into_response();
    browser::tell(&cookies, &begun, &mut response);
    Ok(response)
}
