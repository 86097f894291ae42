//! Refuses paths and query strings with control characters in them, before anything reads them.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::respond::problem::{FieldError, Problem};

/// Answers 400 where the path or the query string contains an escaped control character.
pub(in crate::http) async fn require(request: Request, next: Next) -> Response {
    let uri = request.uri();
    let parts = [("path", uri.path()), ("query", uri.query().unwrap_or(""))];
    let errors: Vec<FieldError> = parts
        .into_iter()
        .filter(|(_, text)| holds_control(text))
        .map(|(field, _)| FieldError {
            field: field.to_owned(),
            detail: "must not contain control characters".to_owned(),
        })
        .collect();
    if errors.is_empty() {
        next.run(request).await
    } else {
        Problem::invalid(errors).into_response()
    }
}

/// `%00` to `%1f` and `%7f`; as they are, the protocol does not let them in.
fn holds_control(text: &str) -> bool {
    text.as_bytes().windows(3).any(|three| {
        three[0] == b'%'
            && match (three[1], three[2].to_ascii_lowercase()) {
                (b'0' | b'1', low) => low.is_ascii_hexdigit(),
                (b'7', low) => low == b'f',
                _ => false,
            }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_found() {
        for text in ["/a%00", "/%0a", "%0D", "/%1B[", "/%7f", "/%1F"] {
            assert!(holds_control(text), "{text}");
        }
        for text in [
            "/a",
            "/BTC%2FUSD",
            "/%20",
            "/%7e",
            "/100%",
            "/%0",
            "/%0g",
            "/%e2%80%8b",
        ] {
            assert!(!holds_control(text), "{text}");
        }
    }
}
