//! `GET` and `POST /api/v1/auth/csrf`

use axum::extract::State;

use crate::accounts::Client;
use crate::http::controllers::auth::views::BrowserSessionBody;
use crate::http::extract::params::Params;
use crate::http::middleware::browser::ByCookie;
use crate::http::middleware::identity::SignedIn;
use crate::http::respond::no_store::{Unkept, unkept};
use crate::http::respond::problem::{Problem, ProblemBody};
use crate::http::state::ApiState;

/// A CSRF token for the browser's session: for pages that were loaded anew.
///
/// Tokens that were given before hold on.
#[utoipa::path(
    get, path = "/api/v1/auth/csrf", tag = "accounts",
    security(("cookie" = [])),
    responses(
        (status = 200, description = "The token", body = BrowserSessionBody),
        (status = 401, description = "`not-signed-in`, `invalid-token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: not with an API key", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: a bearer client needs none", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn show(
    State(state): State<ApiState>,
    _: SignedIn,
    ByCookie(access): ByCookie,
    params: Params,
) -> Result<Unkept<BrowserSessionBody>, Problem> {
    params.finish()?;
    let csrf_token = state.accounts.csrf_token(&access);
    Ok(unkept(BrowserSessionBody::new(csrf_token, &access)))
}

/// A new CSRF token in place of all that the session has: they are stale from now on.
#[utoipa::path(
    post, path = "/api/v1/auth/csrf", tag = "accounts",
    security(("cookie" = [], "csrf" = [])),
    responses(
        (status = 200, description = "The token", body = BrowserSessionBody),
        (status = 401, description = "`not-signed-in`, `invalid-token`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`csrf`, `forbidden-origin`; `forbidden`: not with an API key", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`forbidden`: a bearer client needs none", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`unavailable`", body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(in crate::http) async fn renew(
    State(state): State<ApiState>,
    _: SignedIn,
    ByCookie(access): ByCookie,
    client: Client,
    params: Params,
) -> Result<Unkept<BrowserSessionBody>, Problem> {
    params.finish()?;
    let csrf_token = state.accounts.renew_csrf(&access, &client).await?;
    Ok(unkept(BrowserSessionBody::new(csrf_token, &access)))
}
