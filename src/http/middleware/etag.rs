//! Entity tags: a client that has the answer already gets a 304 instead (RFC 9110,
//! section 8.8). The tag is a digest of the answer, so it costs making the answer, but not sending it.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use crate::http::limits::Caller;
use crate::http::respond::problem::{Kind, Problem};

/// Larger answers get no tag.
const MOST: u64 = 8 << 20;

/// Tags JSON answers to GET, and answers 304 to those who have them.
pub(in crate::http) async fn tag(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_read = path.starts_with("/api/v1/") || path == "/openapi.json";
    if request.method() != Method::GET || !is_read {
        return next.run(request).await;
    }
    let known = request.headers().get_all(header::IF_NONE_MATCH);
    let known: Vec<HeaderValue> = known.iter().cloned().collect();
    let private = request.extensions().get::<Caller>().is_some();
    let response = next.run(request).await;
    if !is_taggable(&response) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // It is whole in memory already: this only takes it out.
    let Ok(bytes) = to_bytes(body, MOST as usize).await else {
        return Problem::new(Kind::Internal).into_response();
    };
    let tag = tag_of(&bytes);
    add_headers(&mut parts.headers, &tag, private);
    if known.iter().any(|line| names(line, &tag)) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn is_taggable(response: &Response) -> bool {
    let headers = response.headers();
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|media| media.as_bytes().starts_with(b"application/json"));
    let fits = response
        .body()
        .size_hint()
        .exact()
        .is_some_and(|bytes| bytes <= MOST);
    let may_be_kept = !headers
        .get(header::CACHE_CONTROL)
        .is_some_and(|control| control.as_bytes().starts_with(b"no-store"));
    response.status() == StatusCode::OK
        && is_json
        && fits
        && may_be_kept
        && !headers.contains_key(header::ETAG)
}

/// Weak: compression changes the bytes and not the meaning.
fn tag_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest[..16].iter().map(|b| format!("{b:02x}")).collect();
    format!("W/\"{hex}\"")
}

fn add_headers(headers: &mut HeaderMap, tag: &str, private: bool) {
    // A quoted hexadecimal text is a header value.
    headers.insert(
        header::ETAG,
        HeaderValue::try_from(tag).expect("hexadecimal digits are a header value"),
    );
    // May be kept, and is to be asked about each time.
    let control = if private {
        "private, no-cache"
    } else {
        "no-cache"
    };
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static(control));
}

/// Returns whether `If-None-Match` names the tag, by weak comparison.
fn names(line: &HeaderValue, tag: &str) -> bool {
    let strong = tag.trim_start_matches("W/");
    line.to_str().is_ok_and(|line| {
        line.split(',')
            .map(str::trim)
            .any(|one| one == "*" || one.trim_start_matches("W/") == strong)
    })
}
