//! Headers that tell browsers what answers may do: OWASP's recommendations for APIs, and a content
//! security policy under which the documentation page works without inline code.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::state::AccountState;

/// Answers of the API are no documents: nothing in them may be loaded, run or framed.
const API_POLICY: &str = "default-src 'none'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The documentation page: its own scripts and styles, requests to this server, and the images that
/// its style sheet contains.
const DOCS_POLICY: &str = "default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-ancestors 'none'; \
     base-uri 'none'; form-action 'none'";

/// Two years, as the browsers' preload lists want it.
const HSTS: &str = "max-age=63072000; includeSubDomains";

const ALWAYS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Adds the headers that an answer does not have.
pub(in crate::http) async fn add(
    State(state): State<AccountState>,
    request: Request,
    next: Next,
) -> Response {
    let is_docs = request.uri().path().starts_with("/docs");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        add_one(headers, name, value);
    }
    let (policy, cache) = if is_docs {
        (DOCS_POLICY, "no-cache")
    } else {
        (API_POLICY, "no-store")
    };
    add_one(headers, header::CONTENT_SECURITY_POLICY, policy);
    add_one(headers, header::CACHE_CONTROL, cache);
    // Or by a proxy that speaks HTTPS for us.
    if state.http.tls_certificate.is_some() || state.accounts.is_reached_by_https() {
        add_one(headers, header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    response
}

fn add_one(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers
        .entry(name)
        .or_insert(HeaderValue::from_static(value));
}
