//! The limit of a body's size, by the policy of its route.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::Limited;

use crate::http::policy;
use crate::http::respond::problem::{Kind, Problem};
use crate::http::settings::HttpSettings;

/// Refuses a body that says that it is too large; reading any other ends at the limit.
pub(in crate::http) async fn bound(
    State(http): State<Arc<HttpSettings>>,
    request: Request,
    next: Next,
) -> Response {
    let most = policy::of(request.extensions()).body_limit(&http);
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > most) {
        return Problem::new(Kind::PayloadTooLarge).into_response();
    }
    let bounded = request.map(|body| Body::new(Limited::new(body, most)));
    next.run(bounded).await
}
