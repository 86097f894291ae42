//! Message of a failed call of the client library, in the words of the server or the operating
//! system.

use std::error::Error as _;

/// The server's message, or the operating system's, without the library's own prefixes.
pub(super) fn explain(error: &tokio_postgres::Error) -> String {
    if let Some(server) = error.as_db_error() {
        let mut text = server.message().to_owned();
        for part in [server.detail(), server.hint()].into_iter().flatten() {
            text.push_str(" (");
            text.push_str(part);
            text.push(')');
        }
        return text;
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}
