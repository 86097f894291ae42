//! Rate-limit answers on demand, in each venue's own shape.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use super::json_text;
use crate::hub::{Counters, Hub};
use crate::market::Venue;

/// State that the middleware needs.
#[derive(Debug, Clone)]
pub(crate) struct Limited {
    pub(crate) hub: Arc<Hub>,
    pub(crate) venue: Venue,
    /// Coinbase's two APIs word it differently.
    pub(crate) advanced: bool,
}

/// Answers a request with the rate-limit error when a fault says so.
pub(crate) async fn rate_limit(
    State(limited): State<Limited>,
    request: Request,
    next: Next,
) -> Response {
    let Limited {
        hub,
        venue,
        advanced,
    } = limited;
    Counters::add(&hub.counters.rest_requests, 1);
    let Some((status, retry_after)) = hub.faults.rate_limited(venue) else {
        return next.run(request).await;
    };
    Counters::add(&hub.counters.rate_limited, 1);
    let until = hub.venue_now(venue) / 1_000 + retry_after as i64 * 1_000;
    let (status, body) = match venue {
        Venue::Binance if status == 418 => (
            418,
            format!(
                r#"{{"code":-1003,"msg":"Way too much request weight used; IP banned until {until}. Please use the websocket for live updates to avoid bans."}}"#
            ),
        ),
        Venue::Binance => (
            429,
            r#"{"code":-1003,"msg":"Too much request weight used; current limit is 6000 request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."}"#.to_owned(),
        ),
        Venue::Coinbase if advanced => (
            429,
            r#"{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}"#.to_owned(),
        ),
        Venue::Coinbase => (429, r#"{"message":"Public rate limit exceeded"}"#.to_owned()),
        // Kraken says it with status 200.
        Venue::Kraken => (200, r#"{"error":["EAPI:Rate limit exceeded"]}"#.to_owned()),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    let mut response = json_text(status, body);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
    response
}
