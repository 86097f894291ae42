//! `POST /api/v1/auth/oidc/second-factor`

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::Client;
use crate::http::controllers::auth::views::BrowserSessionView;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::browser::{self, Cookie, Cookies};
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// A second-factor code.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = SecondFactor)]
pub(in crate::http) struct CodeBody {
    /// A second-factor code or a recovery code.
    #[schema(example = "492039")]
    totp_code: String,
}

/// Completes a sign-in through the identity provider with a second-factor code.
///
/// The browser sends the cookie of the sign-in, which is valid for five minutes.
#[utoipa::path(
    post, path = "/api/v1/auth/oidc/second-factor", tag = "accounts",
    request_body = CodeBody,
    responses(
        (status = 200, description = "The session's CSRF token; its cookie is set", body = BrowserSessionView),
        (status = 401, description = "`sign-in-refused`: no sign-in is waiting for a code; `wrong-code`"),
        (status = 403, description = "`forbidden-origin`: the request came from a page of another site; `account-disabled`"),
        (status = 429, description = "`too-many-requests`, `too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn complete_oidc_login(
    State(state): State<AccountState>,
    client: Client,
    cookies: Cookies,
    headers: HeaderMap,
    params: Params,
    JsonBody(body): JsonBody<CodeBody>,
) -> Result<Response, Problem> {
    params.finish()?;
    browser::refuse_other_pages(&state, &headers)?;
    let cookie = cookies.read(Cookie::SecondFactor, &headers);
    let begun = state
        .accounts
        .finish_second_factor(cookie, &body.totp_code, &client)
        .await?;
    browser::replace(&state, cookies, &headers, &client).await?;
    let mut response = NoStore(BrowserSessionView::from(&begun)).into_response();
    browser::tell(&cookies, &begun, &mut response);
    let removal = cookies.removal(Cookie::SecondFactor);
    response.headers_mut().append(header::SET_COOKIE, removal);
    Ok(response)
}
