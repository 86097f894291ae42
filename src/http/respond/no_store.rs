//! Answers that nobody on the way may keep: what is somebody's own (RFC 6749, section 5.1; RFC 9111,
//! section 5.2.2.5).

use axum::Json;
use axum::http::{HeaderName, header};

/// Such an answer.
pub(in crate::http) type Unkept<T> = ([(HeaderName, &'static str); 1], Json<T>);

/// Makes one of a body.
pub(in crate::http) fn unkept<T>(body: T) -> Unkept<T> {
    ([(header::CACHE_CONTROL, "no-store")], Json(body))
}
