//! Browsers' requests: the cookie that stands for a session, the CSRF token and the origin that show
//! whose page asks, and the cookies that an answer sets or removes. Requests with a bearer token never
//! come here.

mod cookies;
mod origin;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use utoipa::openapi::Components;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};

use cookies::NAMES;
pub(in crate::http) use cookies::{Cookie, Cookies};
pub(in crate::http) use origin::{Asker, asker, refuse_other_pages};

use crate::accounts::{
    Access, BrowserAccess, BrowserSession, Client, CookieVerdict, SessionId, UserId,
};
use crate::http::client_address;
use crate::http::middleware::identity::client;
use crate::http::policy;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::AccountState;

/// The header in which requests send a CSRF token, and answers a new one.
pub(in crate::http) const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// In the extensions of requests whose cookie stands for a session.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct ByCookie(pub(in crate::http) BrowserAccess);

impl<S: Send + Sync> FromRequestParts<S> for ByCookie {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Self>().copied();
        found.ok_or_else(|| {
            Problem::new(Kind::Forbidden).with_detail(
                "this is for browsers' sessions, with a cookie: bearer clients need no CSRF token",
            )
        })
    }
}

/// Returns whether the request brings a session's cookie, good or bad.
pub(in crate::http) fn has_cookie(state: &AccountState, headers: &HeaderMap) -> bool {
    Cookies::of(state, headers)
        .read(Cookie::Session, headers)
        .is_some()
}

/// Finds out whose session a request's cookie stands for. A request that would change something must
/// show that the user's own page sent it.
pub(in crate::http) async fn signed_in(
    state: &AccountState,
    request: &mut Request,
) -> Result<Option<(UserId, SessionId)>, Problem> {
    let cookies = Cookies::of(state, request.headers());
    let Some(cookie) = cookies.read(Cookie::Session, request.headers()) else {
        return Ok(None);
    };
    let access = match state.accounts.browser_access(cookie).await? {
        CookieVerdict::Holds(access) => access,
        verdict => {
            let problem =
                Problem::new(Kind::InvalidToken).with_detail("the cookie's session has ended");
            return Err(match verdict {
                CookieVerdict::Ended => {
                    problem.with_header(header::SET_COOKIE, cookies.removal(Cookie::Session))
                }
                _ => problem,
            });
        }
    };
    if !request.method().is_safe() {
        let client = client_of(request);
        if let Err(problem) = refuse_other_pages(state, request.headers()) {
            state.accounts.refused_page(&access, &client);
            return Err(problem);
        }
        let token = request.headers().get(CSRF_HEADER);
        let token = token.map(|token| token.to_str().unwrap_or_default());
        state.accounts.check_csrf(&access, token, &client)?;
    }
    request.extensions_mut().insert(ByCookie(access));
    let Access { user, session } = access.access;
    Ok(Some((user, session)))
}

fn client_of(request: &Request) -> Client {
    client(client_address::of(request.extensions()), request.headers())
}

/// Puts into an answer what became of the session meanwhile: the cookie goes when it has ended, and
/// changes when it was renewed.
pub(in crate::http) async fn settle(
    State(state): State<AccountState>,
    request: Request,
    next: Next,
) -> Response {
    let by = request.extensions().get::<ByCookie>().copied();
    let Some(ByCookie(access)) = by.filter(|_| !request.method().is_safe()) else {
        return next.run(request).await;
    };
    let cookies = Cookies::of(&state, request.headers());
    let renews = policy::of(request.extensions()).renews_cookie;
    let client = client_of(&request);
    let mut response = next.run(request).await;
    if !response.status().is_success() || response.headers().contains_key(header::SET_COOKIE) {
        return response;
    }
    if state.accounts.is_known_revoked(access.access.session) {
        let removal = cookies.removal(Cookie::Session);
        response.headers_mut().append(header::SET_COOKIE, removal);
    } else if renews {
        match state.accounts.renew_browser_session(&access, &client).await {
            Ok(renewed) => tell(&cookies, &renewed, &mut response),
            // It was done, and cannot be taken back: the session goes on as it was.
            Err(error) => tracing::warn!(%error, "a browser's session was not renewed"),
        }
    }
    response
}

/// Ends the session that the browser has, because another has begun in it.
pub(in crate::http) async fn replace(
    state: &AccountState,
    cookies: Cookies,
    headers: &HeaderMap,
    client: &Client,
) -> Result<(), Problem> {
    if let Some(former) = cookies.read(Cookie::Session, headers) {
        state.accounts.end_replaced(former, client).await?;
    }
    Ok(())
}

/// Puts a session's cookie and CSRF token into an answer.
pub(in crate::http) fn tell(cookies: &Cookies, session: &BrowserSession, response: &mut Response) {
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, cookies.session(session));
    // Base64 is a header value.
    if let Ok(token) = HeaderValue::try_from(&session.csrf_token) {
        headers.insert(CSRF_HEADER, token);
    }
}

/// Tells the OpenAPI document how browsers prove whose requests theirs are.
pub(in crate::http) fn describe(components: &mut Components) {
    let cookie = ApiKeyValue::with_description(
        NAMES[0],
        "A browser session from `/api/v1/auth/browser/login`; the cookie is called `coinsphere-session` over plain HTTP on the same machine.",
    );
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let csrf = ApiKeyValue::with_description(
        "X-CSRF-Token",
        "Required with the cookie for requests that change something; from the answer to the login, or from `/api/v1/auth/csrf`.",
    );
    components.add_security_scheme("csrf", SecurityScheme::ApiKey(ApiKey::Header(csrf)));
}
