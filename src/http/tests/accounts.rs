//! Tests of the account routes before they ask the database, and without one. The user's whole life is in
//! `tests/accounts/`, with a database.

use std::sync::LazyLock;

use axum::http::header;
use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::store::Store;
use serde_json::json;

use super::*;
use crate::accounts::{AccountDeps, Accounts, Logged};
use crate::secrets::Randomness;
use coinsphere_pipelines::store::StoreSource;

pub(super) struct Nowhere;

impl StoreSource for Nowhere {
    fn store(&self) -> Option<Store> {
        None
    }
}

/// Accounts whose database is never reached.
pub(super) fn nowhere() -> Arc<Accounts> {
    static ACCOUNTS: LazyLock<Arc<Accounts>> = LazyLock::new(|| {
        let place = tempfile::tempdir().unwrap();
        let config = Config::with_data_dir(place.path().to_owned());
        let parts = AccountDeps {
            settings: config.accounts,
            mail: config.mail,
            public_url: "http://here".to_owned(),
            source: Arc::new(Nowhere),
            clock: SystemClock::shared(),
            randomness: Randomness::of_system().unwrap(),
            events: Arc::new(Logged),
            user_data: Vec::new(),
        };
        Arc::new(Accounts::open(parts, place.path()).unwrap())
    });
    ACCOUNTS.clone()
}

fn post(path: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[tokio::test]
async fn a_body_that_is_not_what_was_asked_for_is_explained() {
    for (body, field, wanted) in [
        (r#"{"email": "a@b.org"}"#, "password", "is missing"),
        (
            r#"{"email": "a@b.org", "password": "x", "admin": true}"#,
            "admin",
            "no such field",
        ),
        (
            r#"{"email": "a@b.org", "email": "c@b.org", "password": "x"}"#,
            "email",
            "more than once",
        ),
        (r#"{"email": 7, "password": "x"}"#, "email", "invalid type"),
        (r#"{"email": "#, "body", "not acceptable JSON"),
        ("", "body", "is empty"),
        ("[]", "body", ""),
    ] {
        // Each from its own server: five attempts in a quarter of an hour are all one has.
        let answer = App::new().send(post("/api/v1/auth/login", body)).await;
        let problem = answer.is_problem(400, "invalid-request");
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(wanted), "{body}: {detail}");
    }
    let plain = Request::post("/api/v1/auth/login")
        .body(Body::from("{}"))
        .unwrap();
    App::new()
        .send(plain)
        .await
        .is_problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let app = App::new();
    let body = json!({"email": "nobody", "password": "short", "display_name": "x".repeat(81)});
    let answer = app
        .send(post("/api/v1/auth/register", &body.to_string()))
        .await;
    let problem = answer.is_problem(400, "invalid-request");
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["email", "display_name", "password"]);
}

#[tokio::test]
async fn market_data_that_is_not_public_asks_for_a_token() {
    let mut app = App::new();
    app.state.public_market_data = false;
    for path in [
        "/api/v1/tokens",
        "/api/v1/tokens/bitcoin",
        "/api/v1/tokens/bitcoin/history",
        "/api/v1/instruments",
        "/api/v1/instruments/kraken/BTC-USD/candles",
        "/api/v1/stream",
    ] {
        let answer = app.get(path).await;
        answer.is_problem(401, "not-signed-in");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{path}");
        let with_junk = Request::get(path)
            .header(header::AUTHORIZATION, "Bearer junk")
            .body(Body::empty())
            .unwrap();
        let answer = app.send(with_junk).await;
        answer.is_problem(401, "invalid-token");
        assert_eq!(
            answer.header("www-authenticate"),
            "Bearer error=\"invalid_token\""
        );
    }
    for path in [
        "/health/live",
        "/metrics",
        "/openapi.json",
        "/.well-known/jwks.json",
    ] {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn without_the_database_nobody_gets_in() {
    let app = App::new();
    let body = r#"{"email": "a@b.org", "password": "one of mine"}"#;
    for path in ["/api/v1/auth/login", "/api/v1/auth/register"] {
        app.send(post(path, body))
            .await
            .is_problem(503, "unavailable");
    }
}

#[tokio::test]
async fn the_public_keys_hold_nothing_private() {
    let answer = App::new().get("/.well-known/jwks.json").await;
    let keys = answer.json();
    let key = keys["keys"][0].as_object().unwrap();
    let names: Vec<_> = key.keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "e", "key_ops", "kid", "kty", "n", "use"]);
    assert_eq!(key["alg"], "RS256");
}
