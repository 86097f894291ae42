//! The layer that counts requests and puts what is left into the answers' headers.

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{AUTHENTICATION, Caller, Class, REFRESH, STRICT, is_exempt};
use crate::http::middleware::client_address::ClientAddress;
use crate::http::respond::problem::Problem;
use crate::http::state::ApiState;

/// Counts the request, or refuses it with 429.
pub(in crate::http) async fn limit(
    State(state): State<ApiState>,
    client: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    if is_exempt(request.uri().path()) || request.method() == Method::OPTIONS {
        return next.run(request).await;
    }
    let (class, who) = class_of(&request, client);
    let Some(verdict) = state.limits.pass(class, &who).await else {
        return next.run(request).await;
    };
    if !verdict.allowed() {
        return Problem::from(verdict).into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in verdict.headers() {
        // A limit that refused within the handler has said its own.
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Which limit the request counts towards, and as whose.
fn class_of(request: &Request, client: ClientAddress) -> (Class, String) {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("", MatchedPath::as_str);
    let signed_in = request.extensions().get::<Caller>();
    if request.method() == Method::POST && AUTHENTICATION.contains(&route) {
        return (Class::Authentication, client.limit_key());
    }
    if request.method() == Method::POST && route == REFRESH {
        // Whose it is, only its handler can tell, and counts it as theirs; this bounds how often
        // that is looked up for one address.
        return (Class::User, client.limit_key());
    }
    let who = signed_in.map_or_else(|| client.limit_key(), |user| user.subject.to_string());
    // What answers GET answers HEAD.
    let method = match *request.method() {
        Method::HEAD => Method::GET,
        ref other => other.clone(),
    };
    let is_strict = |(strict, path): &(Method, &str)| *strict == method && *path == route;
    if STRICT.iter().any(is_strict) {
        return (Class::Strict, format!("{route}:{who}"));
    }
    let class = if signed_in.is_some() {
        Class::User
    } else {
        Class::Anonymous
    };
    (class, who)
}
