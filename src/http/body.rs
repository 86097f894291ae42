//! Reads JSON bodies: one object with the fields that are asked for and no others.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::problem::{FieldError, Kind, Problem};

/// A request's JSON body.
#[derive(Debug, Clone)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let media = request.headers().get(header::CONTENT_TYPE);
        let media = media.and_then(|media| media.to_str().ok());
        let media = media
            .and_then(|media| media.split(';').next())
            .map(str::trim);
        if !media.is_some_and(|media| media.eq_ignore_ascii_case("application/json")) {
            return Err(Problem::new(Kind::UnsupportedMediaType)
                .with_detail("send the body as application/json"));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| {
            if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
                Problem::new(Kind::PayloadTooLarge)
            } else {
                invalid("body", "it could not be read to its end".to_owned())
            }
        })?;
        let value = serde_json::from_slice(&bytes).map_err(|error| complaint(&error))?;
        Ok(Self(value))
    }
}

/// serde's words name the field, and never repeat a secret: of the value they show only the type.
fn complaint(error: &serde_json::Error) -> Problem {
    use serde_json::error::Category;
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    match error.classify() {
        Category::Data => {
            let field = text.split('`').nth(1).filter(|_| text.contains("field"));
            let known = text.starts_with("unknown field")
                || text.starts_with("missing field")
                || text.starts_with("duplicate field");
            match field.filter(|_| known) {
                Some(field) => {
                    let shown: String = field.chars().take(60).collect();
                    let detail = text.replace(&format!("`{field}`"), "");
                    let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
                    invalid(&shown, detail.replace(" ,", ","))
                }
                None if text.starts_with("invalid type") => invalid(
                    "body",
                    format!(
                        "a field has a value of the wrong type (line {}, column {})",
                        error.line(),
                        error.column()
                    ),
                ),
                None => invalid("body", "a field has a value that it cannot have".to_owned()),
            }
        }
        Category::Io | Category::Syntax | Category::Eof => invalid(
            "body",
            format!(
                "it is not valid JSON (line {}, column {})",
                error.line(),
                error.column()
            ),
        ),
    }
}

fn invalid(field: &str, detail: String) -> Problem {
    Problem::invalid(vec![FieldError {
        field: field.to_owned(),
        detail,
    }])
}
