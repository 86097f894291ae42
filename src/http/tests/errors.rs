//! Errors of every kind: problem details, each wrong parameter named, internals never shown.

use std::sync::atomic::Ordering;

use axum::http::Method;
use serde_json::json;

use super::*;
use crate::http::respond::problem::Kind;

const CANDLES: &str = "/api/v1/instruments/binance/BTCUSDT/candles";

fn fields(body: &Value) -> Vec<&str> {
    let errors = body["errors"].as_array().unwrap().iter();
    errors
        .map(|error| error["field"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn every_wrong_parameter_is_named_with_what_is_allowed() {
    let app = App::new();
    let query = "?interval=2m&from=yesterday&limit=5001&fill=zero&sort=asc&range=2d&format=xml";
    let answer = app.get(&format!("{CANDLES}{query}")).await;
    answer.is(
        400,
        json!({
            "type": "/problems/invalid-request",
            "title": "The request is not valid",
            "status": 400,
            "errors": [
                {"field": "interval", "detail": "cannot be \"2m\": use one of 1m, 5m, 15m, 1h, 4h, 1d"},
                {"field": "from", "detail": "cannot be \"yesterday\": use a time as RFC 3339, e.g. 2024-08-08T23:54:00Z"},
                {"field": "range", "detail": "cannot be \"2d\": use one of 24h, 7d, 30d, 90d, 1y"},
                {"field": "limit", "detail": "cannot be \"5001\": use a whole number from 1 to 5000"},
                {"field": "fill", "detail": "cannot be \"zero\": use previous, or leave it out"},
                {"field": "format", "detail": "cannot be \"xml\": use json or csv"},
                {"field": "sort", "detail": "unknown parameter: allowed are interval, from, to, range, limit, cursor, fill, format"},
            ]
        }),
    );
    answer.is_problem(400, "invalid-request");
}

#[tokio::test]
async fn parameters_that_do_not_go_together_are_refused() {
    let app = App::new();
    for (query, field) in [
        ("range=24h&from=2024-08-08T00:00:00Z", "range"),
        ("from=2024-08-08T00:00:00Z&to=2024-08-08T00:00:00Z", "to"),
        ("limit=1&limit=2", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=f1", "cursor"),
        ("from=2024-08-08T00:00:00Z&cursor=t1", "cursor"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit", "limit"),
        ("%FF=1", "\u{fffd}"),
    ] {
        let answer = app.get(&format!("{CANDLES}?{query}")).await;
        let body = answer.is_problem(400, "invalid-request");
        assert_eq!(fields(&body), [field], "{query}: {body}");
    }
    let body = app
        .get("/api/v1/tokens/bitcoin?x=1")
        .await
        .is_problem(400, "invalid-request");
    assert_eq!(
        body["errors"][0]["detail"],
        "unknown parameter: there are none here"
    );
    let body = app
        .get("/api/v1/instruments?venue=bitmex&token=B%20T")
        .await;
    assert_eq!(fields(&body.json()), ["venue", "token"]);
}

#[tokio::test]
async fn unknown_places_are_problems() {
    let app = App::new();
    app.get("/api/v1/nothing")
        .await
        .is_problem(404, "not-found");
    let body = app.get("/api/v1/instruments/bitmex/XBT/candles").await;
    let body = body.is_problem(404, "unknown-venue");
    assert!(
        body["detail"]
            .as_str()
            .unwrap()
            .contains("binance, coinbase, kraken")
    );
    let unknown = app.get("/api/v1/instruments/binance/NOPE/candles").await;
    unknown.is_problem(404, "unknown-instrument");
    let unknown = app.get("/api/v1/instruments/binance/%00/candles").await;
    unknown.is_problem(400, "invalid-request");
    let unknown = app.get("/api/v1/instruments/binance/%FF/candles").await;
    unknown.is_problem(400, "invalid-request");
    let none = app.get("/api/v1/tokens/lonely/history").await;
    none.is_problem(404, "unknown-instrument");
    let none = app
        .get("/api/v1/tokens/ethereum/history?venue=kraken")
        .await;
    none.is_problem(404, "unknown-instrument");
}

#[tokio::test]
async fn a_wrong_method_says_which_are_right() {
    let app = App::new();
    let request = Request::builder()
        .method(Method::DELETE)
        .uri("/api/v1/tokens");
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    answer.is_problem(405, "method-not-allowed");
    assert_eq!(answer.header("allow"), "GET,HEAD,POST");
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let app = App::with(PushLimits::default(), |config| {
        config.http.body_limit_bytes = 1_024;
    });
    let request = Request::get("/health").header("content-length", "2000");
    let answer = app
        .send(request.body(Body::from(vec![b'x'; 2_000])).unwrap())
        .await;
    answer.is_problem(413, "payload-too-large");
}

#[tokio::test]
async fn a_database_that_is_away_is_503_and_one_that_fails_500_without_its_words() {
    let app = App::new();
    app.market.away.store(true, Ordering::SeqCst);
    let answer = app.get(CANDLES).await;
    answer.is_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    assert!(!answer.body.contains("db.internal"), "{}", answer.body);

    app.market.away.store(false, Ordering::SeqCst);
    app.market.broken.store(true, Ordering::SeqCst);
    let answer = app.get(CANDLES).await;
    answer.is(
        500,
        json!({"type": "/problems/internal", "title": "The server failed to answer the request", "status": 500}),
    );
}

#[tokio::test]
async fn a_panic_is_500_without_its_words() {
    let app = App::new();
    app.market.panicking.store(true, Ordering::SeqCst);
    let answer = app.get("/api/v1/tokens").await;
    answer.is_problem(500, "internal");
    assert!(!answer.body.contains("secret"));
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_504() {
    let app = App::with(PushLimits::default(), |config| {
        config.http.request_timeout_ms = 20;
    });
    app.market.hanging.store(true, Ordering::SeqCst);
    let answer = app.get("/api/v1/tokens").await;
    let body = answer.is_problem(504, "timeout");
    assert_eq!(body["detail"], "no answer within 20 ms");
}

#[tokio::test]
async fn every_answer_carries_a_request_id() {
    let app = App::new();
    let made = app.get("/health").await;
    assert_eq!(made.header("x-request-id").len(), 36);
    assert_eq!(made.header("x-content-type-options"), "nosniff");
    for (given, kept) in [("abc-123", true), ("x y", false), (&*"a".repeat(65), false)] {
        let request = Request::get("/nowhere").header("x-request-id", given);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("x-request-id") == given, kept, "{given}");
    }
}

#[tokio::test]
async fn other_origins_may_read_only_when_configured() {
    let ask = async |origins: &[&str], origin: &str| {
        let app = App::with(PushLimits::default(), |config| {
            config.http.cors_origins = origins.iter().map(ToString::to_string).collect();
        });
        let request = Request::get("/health").header("origin", origin);
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        answer.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(ask(&[], "https://a.example").await, "");
    assert_eq!(
        ask(&["https://a.example"], "https://a.example").await,
        "https://a.example"
    );
    assert_eq!(ask(&["https://a.example"], "https://b.example").await, "");
    assert_eq!(ask(&["*"], "https://b.example").await, "*");
}

#[tokio::test]
async fn answers_are_compressed_for_those_who_ask() {
    let app = App::new();
    let request = Request::get("/openapi.json").header("accept-encoding", "gzip");
    let response = app
        .router()
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
}

#[test]
fn every_kind_of_problem_is_documented() {
    let page = include_str!("../../../docs/api.md");
    for kind in Kind::ALL {
        let row = format!("| `{}` | {} |", kind.uri(), kind.status().as_u16());
        assert!(page.contains(&row), "docs/api.md lacks {row}");
    }
}
