//! `GET` and `POST /api/v1/auth/csrf`

use axum::extract::State;

use crate::accounts::Client;
use crate::http::controllers::auth::views::BrowserSessionView;
use crate::http::extract::params::Params;
use crate::http::middleware::browser::ByCookie;
use crate::http::middleware::identity::SignedIn;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// A CSRF token for the browser session: for pages that were loaded again.
///
/// Earlier tokens stay valid.
#[utoipa::path(
    get, path = "/api/v1/auth/csrf", tag = "accounts",
    responses(
        (status = 200, description = "The token", body = BrowserSessionView)
    )
)]
pub(in crate::http) async fn show_csrf_token(
    State(state): State<AccountState>,
    _: SignedIn,
    ByCookie(access): ByCookie,
    params: Params,
) -> Result<NoStore<BrowserSessionView>, Problem> {
    params.finish()?;
    let csrf_token = state.accounts.csrf_token(&access);
    Ok(NoStore(BrowserSessionView::new(csrf_token, &access)))
}

/// Replaces all CSRF tokens of the session with a new one.
#[utoipa::path(
    post, path = "/api/v1/auth/csrf", tag = "accounts",
    responses(
        (status = 200, description = "The token", body = BrowserSessionView)
    )
)]
pub(in crate::http) async fn renew_csrf_token(
    State(state): State<AccountState>,
    _: SignedIn,
    ByCookie(access): ByCookie,
    client: Client,
    params: Params,
) -> Result<NoStore<BrowserSessionView>, Problem> {
    params.finish()?;
    let csrf_token = state.accounts.renew_csrf(&access, &client).await?;
    Ok(NoStore(BrowserSessionView::new(csrf_token, &access)))
}
