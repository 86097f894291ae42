//! `GET /api/v1/stream`: the upgrade to a WebSocket.

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::session::{Admitted, Session};
use crate::http::extract::params::Params;
use crate::http::middleware::browser::{self, Asker, ByCookie};
use crate::http::middleware::identity::{MarketAccess, SUBPROTOCOL, StreamOwner};
use crate::http::respond::problem::{Kind, Problem};
use crate::http::state::{AccountState, StreamState};

/// Factor of the session's message limit beyond which the socket itself refuses a frame.
const HARD_LIMIT: usize = 4;

/// Live trades, candles, forecasts, values of your portfolios and events of your alerts over WebSocket.
/// `docs/stream.md` specifies the messages.
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "stream",
    responses(
        (status = 101, description = "The connection is upgraded to a WebSocket"),
        (status = 403, description = "`forbidden-origin`: the request came from a page of another site; see `http.cors_origins`"),
        (status = 426, description = "`upgrade-required`: not a WebSocket handshake"),
        (status = 503, description = "`too-many-clients`")
    )
)]
pub(in crate::http) async fn connect_stream(
    State(state): State<StreamState>,
    State(accounts): State<AccountState>,
    (market, owner): (MarketAccess, Option<StreamOwner>),
    by_cookie: Result<ByCookie, Problem>,
    headers: HeaderMap,
    params: Params,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    params.finish()?;
    let upgrade = upgrade.map_err(|rejection| {
        Problem::new(Kind::UpgradeRequired).with_detail(format!(
            "{}; connect with a WebSocket client",
            rejection.body_text()
        ))
    })?;
    // Browsers send our cookie with a stream that a page of another port of this host opens.
    let own = by_cookie.is_err() || browser::asker(&accounts, &headers) == Asker::OwnPage;
    if !own || !origin_allowed(&headers, &accounts.http.cors_origins) {
        return Err(Problem::new(Kind::ForbiddenOrigin)
            .with_detail("pages of this origin may not open a stream; see http.cors_origins"));
    }
    let client = state.hub.connect().ok_or_else(|| {
        Problem::new(Kind::TooManyClients)
            .with_detail("there are as many stream clients as there may be, or the server stops")
    })?;
    let max_message = state.stream.max_message_bytes as usize;
    let pass = state.streams.enter();
    let (settings, clock) = (state.stream.clone(), state.clock.clone());
    let (accounts, portfolios, alerts) = (accounts.accounts, state.portfolios, state.alerts);
    let upgraded = upgrade
        .max_message_size(max_message.saturating_mul(HARD_LIMIT))
        .max_frame_size(max_message.saturating_mul(HARD_LIMIT))
        .protocols([SUBPROTOCOL])
        .on_upgrade(async move |socket| {
            let admitted = Admitted {
                market,
                owner,
                accounts,
                portfolios,
                alerts,
            };
            Session::new(socket, client, settings, clock, admitted)
                .run()
                .await;
            drop(pass);
        });
    Ok(upgraded.into_response())
}

/// Browsers send any site's pages to us and apply no same-origin rule to WebSockets, so it is
/// applied here. Programs send no origin.
fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let own = origin.split_once("://").map(|(_, host)| host);
    (own.is_some() && own == host) || allowed.iter().any(|one| one == "*" || one == origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_our_own_or_of_configured_origins() {
        let headers = |origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "127.0.0.1:3001".parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            headers
        };
        let configured = ["https://example.org".to_owned()];
        for (origin, expected) in [
            (None, true),
            (Some("http://127.0.0.1:3001"), true),
            (Some("https://example.org"), true),
            (Some("https://evil.example"), false),
            (Some("http://127.0.0.1:9999"), false),
            (Some("null"), false),
        ] {
            assert_eq!(
                origin_allowed(&headers(origin), &configured),
                expected,
                "{origin:?}"
            );
        }
        assert!(origin_allowed(&headers(Some("null")), &["*".to_owned()]));
    }
}
