//! Answers that nobody on the way may keep: what is somebody's own (RFC 6749, section 5.1; RFC 9111,
//! section 5.2.2.5).

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A body as JSON, with `cache-control: no-store`.
#[derive(Debug)]
pub(in crate::http) struct NoStore<T>(pub(in crate::http) T);

impl<T: Serialize> IntoResponse for NoStore<T> {
    fn into_response(self) -> Response {
        ([(header::CACHE_CONTROL, "no-store")], Json(self.0)).into_response()
    }
}
