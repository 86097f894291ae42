//! The dashboard's page and files. Everything that it shows comes from the public API; here is only
//! how its files are served: kept by browsers, compressed when they were built, under a policy of their own.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use coinsphere_dashboard::Asset;

use crate::http::respond::problem::Problem;

/// Scripts, styles, requests and images of this server alone, and images that scripts have drawn. The one policy
/// that a script may make lets in the service worker's address and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; object-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'self'; \
     require-trusted-types-for 'script'; trusted-types worker";

/// Below these, nothing is a page of the dashboard.
const NO_PAGES: [&str; 7] = [
    "/api",
    "/docs",
    "/openapi.json",
    "/health",
    "/metrics",
    "/.well-known",
    "/assets",
];

/// Returns whether a request that no route answers is a browser's for a page: a client-side route, which
/// the dashboard draws itself.
pub(in crate::http) fn asks_for_page(request: &Request) -> bool {
    let path = request.uri().path();
    let within = |prefix: &&str| {
        let rest = path.strip_prefix(*prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    matches!(*request.method(), Method::GET | Method::HEAD)
        && !NO_PAGES.iter().any(within)
        && takes_html(request.headers())
}

/// Returns whether whoever asks takes HTML: browsers that open a link do, programs do not.
fn takes_html(asked: &HeaderMap) -> bool {
    let accepted = asked.get_all(header::ACCEPT);
    accepted.iter().any(|line| {
        let line = line.to_str().unwrap_or_default();
        line.split([',', ';'])
            .any(|one| one.trim().eq_ignore_ascii_case("text/html"))
    })
}

/// Sends a browser that opens a link of an email to the dashboard's page for it, `page` and the link's code; none
/// for programs, or if this build has no dashboard.
pub(in crate::http) fn page_of_link(page: &str, code: &str, asked: &HeaderMap) -> Option<Response> {
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !coinsphere_dashboard::is_built() || !takes_html(asked) || !code.bytes().all(is_code) {
        return None;
    }
    let headers = [
        (header::LOCATION, format!("{page}{code}")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::VARY, "accept".to_owned()),
    ];
    Some((StatusCode::SEE_OTHER, headers).into_response())
}

/// A file of the dashboard, or its page.
pub(in crate::http) async fn file(request: Request) -> Response {
    let found = match request.uri().path() {
        "/" => Some(coinsphere_dashboard::page()),
        path => path.strip_prefix('/').and_then(coinsphere_dashboard::find),
    };
    match found {
        Some(file) => answer(file, request.headers()),
        None => Problem::of_status(StatusCode::NOT_FOUND).into_response(),
    }
}

/// Answers what nothing else does: a client-side route for a browser, a problem for everybody else.
pub(in crate::http) async fn fallback(request: Request) -> Response {
    if asks_for_page(&request) {
        return answer(coinsphere_dashboard::page(), request.headers());
    }
    Problem::of_status(StatusCode::NOT_FOUND).into_response()
}

fn answer(file: &'static Asset, asked: &HeaderMap) -> Response {
    let cache = match file.is_immutable() {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (header::CONTENT_TYPE, file.media_type()),
        (header::CACHE_CONTROL, cache),
        (header::ETAG, file.tag()),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, PAGE_POLICY),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let text = |name| {
        asked
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let is_known = text(header::IF_NONE_MATCH).is_some_and(|tags| {
        tags.split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag == file.tag())
    });
    if is_known {
        headers.remove(header::CONTENT_TYPE);
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let sent = file.variant(text(header::ACCEPT_ENCODING).unwrap_or_default());
    if let Some(encoding) = sent.encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    (headers, Body::from(sent.bytes)).into_response()
}
