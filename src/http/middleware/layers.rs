//! The layers around every request: its id, tracing and metrics, limits, and the rule that every error
//! leaves as problem details.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, timeout};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::decompression::RequestDecompressionLayer;
use tracing::Instrument as _;

use crate::http::limits::{RATE_LIMIT, RATE_POLICY, RATE_REMAINING, RATE_RESET};
use crate::http::middleware::access;
use crate::http::middleware::api_key_policy;
use crate::http::middleware::body_limit;
use crate::http::middleware::browser;
use crate::http::middleware::client_address;
use crate::http::middleware::control_characters;
use crate::http::middleware::etag;
use crate::http::middleware::idempotency;
use crate::http::middleware::identity;
use crate::http::middleware::limits;
use crate::http::middleware::security_headers;
use crate::http::policy::{self, Policies};
use crate::http::respond::problem::{Kind, MEDIA_TYPE, Problem};
use crate::http::state::SharedState;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the layers around the routes; the last added sees a request first.
pub(in crate::http) fn around(
    routes: Router<SharedState>,
    policies: Policies,
    state: &SharedState,
) -> Router<SharedState> {
    let limit = Duration::from_millis(state.http.request_timeout_ms);
    routes
        // The one limit on bodies is ours, below.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(
            Arc::clone(&state.http),
            body_limit::bound,
        ))
        .layer(from_fn_with_state(state.clone(), access::require))
        .layer(from_fn_with_state(state.clone(), idempotency::once))
        .layer(from_fn(etag::tag))
        // What a compressed body grows to is limited as a plain one, and so is what is sent.
        .layer(RequestDecompressionLayer::new())
        // Signatures are over the body as it is sent.
        .layer(from_fn_with_state(state.clone(), api_key_policy::admit))
        .layer(from_fn_with_state(
            Arc::clone(&state.http),
            body_limit::bound,
        ))
        .layer(from_fn(move |request, next| within(limit, request, next)))
        .layer(from_fn_with_state(state.clone(), limits::limit))
        .layer(from_fn_with_state(state.clone(), browser::settle))
        // Before limits, which go by user for who is signed in.
        .layer(from_fn_with_state(state.clone(), identity::identify))
        .layer(from_fn(control_characters::require))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(as_problems))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(from_fn_with_state(state.clone(), security_headers::add))
        .layer(cors(&state.http.cors_origins))
        .layer(from_fn(observed))
        .layer(from_fn_with_state(Arc::new(policies), policy::attach))
        .layer(from_fn_with_state(state.clone(), client_address::find))
}

fn cors(origins: &[String]) -> CorsLayer {
    let allowed = match origins {
        [star] if star == "*" => AllowOrigin::any(),
        // Origins were checked with the configuration; what is no header value matches nobody.
        list => AllowOrigin::list(list.iter().filter_map(|o| HeaderValue::from_str(o).ok())),
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            idempotency::KEY,
            REQUEST_ID,
        ])
        .max_age(Duration::from_secs(600))
        .expose_headers([
            REQUEST_ID,
            header::ETAG,
            header::RETRY_AFTER,
            RATE_LIMIT,
            RATE_POLICY,
            RATE_REMAINING,
            RATE_RESET,
            idempotency::REPLAYED,
        ])
}

/// Gives the request its id, a tracing span, and its place in the metrics.
async fn observed(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let method = method_label(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    // An email's code, or a link's secret, may stand in it, which is nobody's to read.
    let holds_secret = ["/api/v1/auth/", "/api/v1/shared-portfolios/"];
    let path = match holds_secret.iter().any(|prefix| route.starts_with(prefix)) {
        true => route.as_str(),
        false => request.uri().path(),
    };
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        method,
        path
    );
    let begun = Instant::now();
    let in_flight = metrics::gauge!("coinsphere_http_requests_in_flight");
    in_flight.increment(1.0);
    let leave = Leave(in_flight);
    let mut response = next.run(request).instrument(span.clone()).await;
    drop(leave);
    let elapsed = begun.elapsed();
    let status = response.status();
    span.in_scope(|| match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            tracing::info!(status = status.as_u16(), "refused");
        }
        _ => tracing::debug!(status = status.as_u16(), ?elapsed, "answered"),
    });
    let labels = [("method", method.to_owned()), ("route", route)];
    metrics::histogram!("coinsphere_http_request_duration_seconds", &labels)
        .record(elapsed.as_secs_f64());
    let [method, route] = labels;
    let labels = [method, route, ("status", status.as_str().to_owned())];
    metrics::counter!("coinsphere_http_requests_total", &labels).increment(1);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Counts a request out even when its client went away and its future was dropped.
struct Leave(metrics::Gauge);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// The client's own id if it is a harmless one, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let harmless = |id: &&HeaderValue| {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
        (1..=64).contains(&id.len()) && id.as_bytes().iter().all(plain)
    };
    let given = request.headers().get(REQUEST_ID).filter(harmless).cloned();
    given.unwrap_or_else(|| {
        let id = uuid::Uuid::new_v4().to_string();
        // Hexadecimal digits and hyphens are a header value.
        HeaderValue::try_from(id).expect("a UUID is a header value")
    })
}

/// Methods are the client's words: only known ones become labels.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

async fn within(limit: Duration, request: Request, next: Next) -> Response {
    timeout(limit, next.run(request)).await.unwrap_or_else(|_| {
        Problem::new(Kind::Timeout)
            .with_detail(format!("no answer within {} ms", limit.as_millis()))
            .into_response()
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer hands over what was panicked with"
)]
fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let words = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied());
    tracing::error!(
        panic = words.unwrap_or("without words"),
        "a handler panicked"
    );
    Problem::new(Kind::Internal).into_response()
}

/// Errors that the framework answers on its own (405, 413, a path that cannot be decoded, a missing
/// upgrade) leave as problem details too, with the headers that belong to them.
async fn as_problems(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let is_problem = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|media| media == MEDIA_TYPE);
    // `/health` answers 503 with its own report.
    let is_report = response.extensions().get::<OwnBody>().is_some();
    if is_problem || is_report || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut problem = Problem::of_status(status).into_response();
    *problem.status_mut() = status;
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

/// Marks an error answer whose body is meant as it is.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct OwnBody;
