//! The layer that counts requests and puts what is left into the answers' headers.

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::client_address::ClientAddress;
use crate::http::limits::{Caller, Class};
use crate::http::policy::{self, RateLimit};
use crate::http::respond::problem::Problem;
use crate::http::state::AccountState;

/// Counts the request, or refuses it with 429.
pub(in crate::http) async fn limit(
    State(state): State<AccountState>,
    client: ClientAddress,
    request: Request,
    next: Next,
) -> Response {
    let limit = policy::of(request.extensions()).rate_limit;
    let counted = class_of(&request, limit, client);
    let counted = counted.filter(|_| request.method() != Method::OPTIONS);
    let Some((class, who)) = counted else {
        return next.run(request).await;
    };
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
fn class_of(request: &Request, limit: RateLimit, client: ClientAddress) -> Option<(Class, String)> {
    let caller = request.extensions().get::<Caller>();
    let who = caller.map_or_else(|| client.limit_key(), |caller| caller.subject.to_string());
    Some(match limit {
        RateLimit::Unlimited => return None,
        RateLimit::Authentication => (Class::Authentication, client.limit_key()),
        RateLimit::ByAddress => (Class::User, client.limit_key()),
        RateLimit::Strict => {
            let route = request.extensions().get::<MatchedPath>();
            let route = route.map_or("", MatchedPath::as_str);
            (Class::Strict, format!("{route}:{who}"))
        }
        RateLimit::Standard if caller.is_some() => (Class::User, who),
        RateLimit::Standard => (Class::Anonymous, who),
    })
}
