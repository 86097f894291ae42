//! `POST /api/v1/auth/browser/login`

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use crate::accounts::Client;
use crate::http::client_address::ClientAddress;
use crate::http::controllers::auth::login::LoginBody;
use crate::http::controllers::auth::views::BrowserSessionView;
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::browser::{self, Cookies};
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Starts a browser session: its cookie is valid for a day.
///
/// The cookie cannot be read by scripts (`HttpOnly`) and is not sent by other sites
/// (`SameSite=Strict`). Requests that change something also need the CSRF token from the answer, as
/// `X-CSRF-Token`.
#[utoipa::path(
    post, path = "/api/v1/auth/browser/login", tag = "accounts",
    request_body = LoginBody,
    responses(
        (status = 200, description = "The session's CSRF token; its cookie is set", body = BrowserSessionView),
        (status = 401, description = "`wrong-credentials`, `second-factor-required`, `wrong-code`"),
        (status = 403, description = "`forbidden-origin`: the request came from a page of another site; `account-disabled`, `password-expired`"),
        (status = 429, description = "`too-many-requests`, `too-many-attempts`: see `retry-after`")
    )
)]
pub(in crate::http) async fn log_in_browser(
    State(state): State<AccountState>,
    client: Client,
    address: ClientAddress,
    cookies: Cookies,
    headers: HeaderMap,
    params: Params,
    JsonBody(body): JsonBody<LoginBody>,
) -> Result<Response, Problem> {
    params.finish()?;
    // Or another site could sign its visitors in as somebody else.
    browser::refuse_other_pages(&state, &headers)?;
    state.limits.attempt_on(body.email(), address).await?;
    let begun = state
        .accounts
        .login_in_browser(body.into(), &client)
        .await?;
    browser::replace(&state, cookies, &headers, &client).await?;
    let mut response = NoStore(BrowserSessionView::from(&begun)).into_response();
    browser::tell(&cookies, &begun, &mut response);
    Ok(response)
}
