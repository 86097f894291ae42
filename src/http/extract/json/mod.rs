//! The one way for a JSON body into a handler: [`JsonBody`]. It bounds what a body may be and names
//! every wrong field, so that handlers see typed, checked values only.

mod line;
mod strict;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use garde::Validate;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use line::Line;

use crate::http::respond::problem::{FieldError, Kind, Problem};

/// The most problems of one body that are reported.
const TOLD: usize = 32;

/// A JSON body as a `T`: of at most `http.body_limit_bytes`, nested at most 32 deep, without control
/// characters (but newlines and tabs), repeated keys, `__proto__`, `constructor` or `prototype`,
/// without fields that `T` does not have, and as `T`'s `garde` rules want it. Anything else is
/// answered with `/problems/invalid-request`, whose `errors` name each field by its path
/// (`address.lines[2]`).
#[derive(Debug, Clone, Copy)]
pub struct JsonBody<T>(pub T);

/// Reads a field that is there, though it may be null: for `deserialize_with`, with `default`.
pub(in crate::http) fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Kind::UnsupportedMediaType)
                .with_detail("send JSON, with content-type: application/json"));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                let limited = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
                match limited || is_too_large(&rejection) {
                    true => Problem::new(Kind::PayloadTooLarge),
                    false => wrong("body", "ended early"),
                }
            })?;
        read(&bytes).map(Self)
    }
}

/// True when reading a body ended at the limit of a layer, which is not axum's own.
fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|error| error.is::<LengthLimitError>())
}

fn is_json(headers: &HeaderMap) -> bool {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    media.trim().eq_ignore_ascii_case("application/json")
}

fn wrong(field: &str, detail: impl Into<String>) -> Problem {
    Problem::invalid(vec![FieldError {
        field: field.to_owned(),
        detail: detail.into(),
    }])
}

/// Reads and checks a body.
fn read<T: DeserializeOwned + Validate<Context = ()>>(bytes: &[u8]) -> Result<T, Problem> {
    let value = strict::read(bytes).map_err(invalid)?;
    // serde takes a list of values for a struct too.
    if !value.is_object() {
        return Err(wrong("body", "send a JSON object"));
    }
    let value: T = typed(value).map_err(invalid)?;
    value.validate().map_err(|report| {
        let errors = report.iter().map(|(path, error)| FieldError {
            field: named(&path.to_string()),
            detail: error.to_string(),
        });
        invalid(errors.collect())
    })?;
    Ok(value)
}

fn invalid(mut errors: Vec<FieldError>) -> Problem {
    errors.truncate(TOLD);
    Problem::invalid(errors)
}

/// The whole body where there is no narrower name.
fn named(path: &str) -> String {
    match path {
        "" | "." => "body".to_owned(),
        path => path.chars().take(120).collect(),
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Vec<FieldError>> {
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let deserializer = serde_path_to_error::Deserializer::new(value, &mut track);
    let read = serde_ignored::deserialize(deserializer, |path| {
        unknown.push(FieldError {
            field: named(&path.to_string()),
            detail: "there is no such field".to_owned(),
        });
    });
    match read {
        Ok(value) if unknown.is_empty() => Ok(value),
        Ok(_) => Err(unknown),
        Err(error) => {
            let (field, detail) = explain(&track.path().to_string(), &error.to_string());
            unknown.push(FieldError { field, detail });
            Err(unknown)
        }
    }
}

/// serde names what is missing or too much in its words only.
fn explain(path: &str, words: &str) -> (String, String) {
    let within = |field: &str| match path {
        "." | "" => field.to_owned(),
        path => format!("{path}.{field}"),
    };
    let quoted = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    if words.starts_with("missing field") {
        return (named(&within(&quoted(words))), "is missing".to_owned());
    }
    if words.starts_with("unknown field") {
        let allowed = words.split_once(", expected ").map_or("", |(_, rest)| rest);
        let field = quoted(words);
        // The path may end in the field already.
        let field = if path.ends_with(&field) {
            path.to_owned()
        } else {
            within(&field)
        };
        return (
            named(&field),
            format!("there is no such field: expected {allowed}"),
        );
    }
    // Never the value itself, which may be a secret.
    if words.starts_with("invalid ")
        && let Some((what, expected)) = words.rsplit_once(", expected ")
    {
        let what = what.split(':').next().unwrap_or_default();
        return (named(path), format!("{what}: expected {expected}"));
    }
    (named(path), words.chars().take(300).collect())
}

#[cfg(test)]
mod tests;
