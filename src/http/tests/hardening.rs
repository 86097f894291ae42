//! Tests of the headers, tags, sizes and idempotency keys that surround every answer and guard
//! every request.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::Method;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use garde::Validate;
use serde::Deserialize;
use tokio::sync::Notify;

use super::*;
use crate::http::middleware::layers;
use crate::http::policy::{Policies, Policy};
use crate::http::state::SharedState;

fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let app = App::new();
    for path in [
        "/health",
        "/api/v1/tokens",
        "/api/v1/nothing",
        "/docs/",
        "/openapi.json",
        "/",
    ] {
        let answer = app.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        let policy = answer.header("content-security-policy");
        assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}");
    }
    assert_eq!(app.get("/health").await.header("cache-control"), "no-store");
    let page = app.get("/docs/").await;
    assert!(
        page.header("content-security-policy")
            .contains("script-src 'self'")
    );
    assert!(
        !page.body.contains("<script>"),
        "no inline script: {}",
        page.body
    );
    assert!(
        !page.body.contains("<style"),
        "no inline style: {}",
        page.body
    );
    assert!(
        !page.body.contains(" style="),
        "no inline style: {}",
        page.body
    );

    let app = App::with(PushLimits::default(), |config| {
        config.http.tls_certificate = Some("c.pem".into());
    });
    let hsts = app
        .get("/health")
        .await
        .header("strict-transport-security")
        .to_owned();
    assert!(hsts.starts_with("max-age=63072000"), "{hsts}");
}

#[tokio::test]
async fn other_origins_get_what_they_are_configured_to() {
    let app = App::with(PushLimits::default(), |config| {
        config.http.cors_origins = vec!["https://example.org".to_owned()];
    });
    let preflight = |origin: &'static str| {
        request(
            Method::OPTIONS,
            "/api/v1/tokens",
            &[
                ("origin", origin),
                ("access-control-request-method", "POST"),
                (
                    "access-control-request-headers",
                    "authorization,content-type",
                ),
            ],
            "",
        )
    };
    let allowed = app.send(preflight("https://example.org")).await;
    assert_eq!(
        allowed.header("access-control-allow-origin"),
        "https://example.org"
    );
    assert!(
        allowed
            .header("access-control-allow-headers")
            .contains("authorization")
    );
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    for origin in [
        "https://evil.example",
        "https://example.org.evil.example",
        "null",
    ] {
        let refused = app.send(preflight(origin)).await;
        assert_eq!(
            refused.header("access-control-allow-origin"),
            "",
            "{origin}"
        );
    }
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let app = App::new();
    let first = app.get("/api/v1/tokens").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && tag.len() > 20, "{tag}");
    assert_eq!(first.header("cache-control"), "no-cache");
    let again = |tag: &str| request(Method::GET, "/api/v1/tokens", &[("if-none-match", tag)], "");
    for known in [tag.as_str(), "*", &format!("\"x\", {tag}"), &tag[2..]] {
        let answer = app.send(again(known)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str()),
            (304, ""),
            "{known}"
        );
        assert_eq!(answer.header("etag"), tag);
        assert_eq!(answer.header("content-type"), "");
    }
    let other = app.send(again("\"x\"")).await;
    assert_eq!(other.status, 200);
    let filtered = app.get("/api/v1/tokens?limit=1").await;
    assert_ne!(filtered.header("etag"), tag);
    let missing = app.get("/api/v1/tokens/nothing").await;
    assert_eq!(missing.header("etag"), "", "errors have none");
}

#[tokio::test]
async fn control_characters_in_the_path_are_refused() {
    let app = App::new();
    let problem = app
        .get("/api/v1/tokens/a%00b?cursor=%1b")
        .await
        .is_problem(400, "invalid-request");
    let fields: Vec<&str> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["path", "query"]);
}

#[derive(Debug, Deserialize, Validate)]
struct Thing {
    #[garde(length(min = 1, max = 2_000_000))]
    name: Line,
}

/// An application with one mutation, which counts how often it is done.
fn with_mutation(app: &App, done: &Arc<AtomicU32>, gate: &Arc<Notify>) -> Router {
    let (done, gate) = (Arc::clone(done), Arc::clone(gate));
    let create = async move |JsonBody(thing): JsonBody<Thing>| -> Response {
        let number = done.fetch_add(1, Ordering::SeqCst) + 1;
        match &*thing.name {
            "waits" => gate.notified().await,
            "fails" => return Problem::of_status(StatusCode::SERVICE_UNAVAILABLE).into_response(),
            "secret" => {
                let mut answer = format!("secret {number}").into_response();
                answer.extensions_mut().insert(DoNotReplay);
                return answer;
            }
            _ => {}
        }
        let location = [("location", format!("/things/{number}"))];
        (StatusCode::CREATED, location, format!("thing {number}")).into_response()
    };
    let routes = Router::new()
        .route("/api/v1/things", post(create.clone()))
        .route("/api/v1/auth/things", post(create));
    let mut policies = Policies::default();
    let things = Policy::anonymous();
    policies.insert(
        Method::POST,
        "/api/v1/things".to_owned(),
        things.idempotent(),
    );
    policies.insert(Method::POST, "/api/v1/auth/things".to_owned(), things);
    let state = SharedState::new(app.state.clone());
    layers::around(routes, policies, &state).with_state(state)
}

fn creation(user: &str, key: &str, path: &str, name: &str) -> Request<Body> {
    let body = serde_json::json!({ "name": name }).to_string();
    let headers = [
        ("idempotency-key", key),
        ("content-type", "application/json"),
    ];
    let mut request = request(Method::POST, path, &headers, &body);
    if !user.is_empty() {
        let subject = user.into();
        request.extensions_mut().insert(Caller { subject });
    }
    request
}

async fn read(response: Response) -> (u16, String, bool, String) {
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (
        parts.status.as_u16(),
        parts
            .headers
            .get("location")
            .map_or(String::new(), |v| v.to_str().unwrap().to_owned()),
        parts.headers.contains_key("idempotency-replayed"),
        String::from_utf8(body.to_vec()).unwrap(),
    )
}

#[tokio::test]
async fn a_mutation_sent_again_is_answered_and_not_done_again() {
    let app = App::new();
    let (done, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let routes = with_mutation(&app, &done, &gate);
    let send = async |request| read(routes.clone().oneshot(request).await.unwrap()).await;
    let path = "/api/v1/things";
    let created = (201, "/things/1".to_owned(), false, "thing 1".to_owned());
    assert_eq!(send(creation("a", "k1", path, "x")).await, created);
    let replayed = (201, "/things/1".to_owned(), true, "thing 1".to_owned());
    assert_eq!(send(creation("a", "k1", path, "x")).await, replayed);
    // Another body or another user is another matter.
    let (status, _, _, body) = send(creation("a", "k1", path, "y")).await;
    assert_eq!(status, 422);
    assert!(body.contains("/problems/idempotency-key-reused"), "{body}");
    assert_eq!(send(creation("b", "k1", path, "x")).await.3, "thing 2");
    // A wrong request is answered alike, too.
    assert_eq!(send(creation("a", "k2", path, "")).await.0, 400);
    let again = send(creation("a", "k2", path, "")).await;
    assert!(again.0 == 400 && again.2, "{again:?}");
    // What failed on our side may be tried again, and so may what must not be kept.
    for (name, status) in [("fails", 503), ("secret", 200)] {
        let before = done.load(Ordering::SeqCst);
        for _ in 0..2 {
            let answer = send(creation("a", name, path, name)).await;
            assert!(answer.0 == status && !answer.2, "{answer:?}");
        }
        assert_eq!(done.load(Ordering::SeqCst), before + 2, "{name}");
    }
    // Without a user, and where tokens are given, keys are not kept.
    for (user, path) in [("", path), ("a", "/api/v1/auth/things")] {
        let before = done.load(Ordering::SeqCst);
        send(creation(user, "k9", path, "x")).await;
        send(creation(user, "k9", path, "x")).await;
        assert_eq!(done.load(Ordering::SeqCst), before + 2, "{user:?} {path}");
    }
    let (status, _, _, body) = send(creation("a", "not a key", path, "x")).await;
    assert!(status == 400 && body.contains("idempotency-key"), "{body}");
}

#[tokio::test]
async fn of_two_at_once_one_is_done_even_if_its_client_leaves() {
    let app = App::new();
    let (done, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let routes = with_mutation(&app, &done, &gate);
    let waits = || creation("a", "k1", "/api/v1/things", "waits");
    let first = tokio::spawn(routes.clone().oneshot(waits()));
    while done.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let second = read(routes.clone().oneshot(waits()).await.unwrap()).await;
    assert!(
        second.0 == 409 && second.3.contains("idempotency-in-progress"),
        "{second:?}"
    );
    first.abort();
    gate.notify_one();
    let answer = loop {
        let answer = read(routes.clone().oneshot(waits()).await.unwrap()).await;
        if answer.0 != 409 {
            break answer;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        answer,
        (201, "/things/1".to_owned(), true, "thing 1".to_owned())
    );
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_bodies_are_read_up_to_the_limit() {
    let app = App::new();
    let (done, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
    let routes = with_mutation(&app, &done, &gate);
    let send = async |encoding: &str, body: Vec<u8>| {
        let request = Request::post("/api/v1/things")
            .header("content-type", "application/json")
            .header("content-encoding", encoding)
            .body(Body::from(body))
            .unwrap();
        read(routes.clone().oneshot(request).await.unwrap()).await
    };
    assert_eq!(send("gzip", gzipped(br#"{"name":"x"}"#)).await.0, 201);
    // A kilobyte that becomes a hundred megabytes.
    let bomb = gzipped(&vec![b' '; 100 << 20]);
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let (status, _, _, body) = send("gzip", bomb).await;
    assert_eq!(status, 413, "{body}");
    assert_eq!(send("gzip", b"not gzip".to_vec()).await.0, 400);
    let (status, _, _, body) = send("br", b"x".to_vec()).await;
    assert!(
        status == 415 && body.contains("/problems/unsupported-media-type"),
        "{body}"
    );
}
