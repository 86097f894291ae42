//! Webhooks, verified by the library of Standard Webhooks.

use chrono::Utc;
use serde_json::{Value, json};
use standardwebhooks::Webhook as Verifier;

use crate::server::{Server, answer};
use crate::{channel, client, deliver_at, long_message, message, no_lookup};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEXT: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

#[tokio::test]
async fn the_receiver_verifies_the_signature() {
    let server = Server::start(|received| {
        let verifier = Verifier::new(SECRET).unwrap();
        match verifier.verify(&received.body, &received.headers) {
            Ok(()) => answer(204, ""),
            Err(_) => answer(401, ""),
        }
    })
    .await;
    let client = client(&[server.allowed()], no_lookup());
    let settings = json!({"kind": "webhook", "url": server.url("/hook"), "secret": SECRET});
    deliver_at(Utc::now(), &channel(settings), &client, &message())
        .await
        .unwrap();

    let received = server.only();
    assert_eq!(
        received.header("webhook-id"),
        message().event_id.to_string()
    );
    let body = received.json();
    assert_eq!(body["type"], "alert.fired");
    assert_eq!(body["timestamp"], "2026-11-27T12:00:00.250Z");
    assert_eq!(body["data"]["id"], json!(message().event_id));
    assert_eq!(body["data"]["severity"], "urgent");
    assert_eq!(body["data"]["fields"][0]["value"], "60,001.50 USDT");

    // It would have noticed another secret.
    let settings = json!({"kind": "webhook", "url": server.url("/hook"), "secret": OTHER});
    let error = deliver_at(Utc::now(), &channel(settings), &client, &message()).await;
    assert!(error.unwrap_err().is_retriable());
}

#[tokio::test]
async fn both_secrets_sign_while_they_rotate() {
    let server = Server::start(|_| answer(200, "")).await;
    let client = client(&[server.allowed()], no_lookup());
    let settings = json!({
        "kind": "webhook", "url": server.url("/"), "secret": NEXT, "previous_secret": SECRET,
    });
    deliver_at(Utc::now(), &channel(settings), &client, &message())
        .await
        .unwrap();
    let received = server.only();
    assert_eq!(received.header("webhook-signature").split(' ').count(), 2);
    let verified = |secret: &str| {
        let verifier = Verifier::new(secret).unwrap();
        verifier.verify(&received.body, &received.headers).is_ok()
    };
    assert!(verified(SECRET) && verified(NEXT) && !verified(OTHER));
}

#[tokio::test]
async fn each_attempt_has_the_same_id_and_its_own_time() {
    let server = Server::start(|_| answer(500, "")).await;
    let client = client(&[server.allowed()], no_lookup());
    let settings = json!({"kind": "webhook", "url": server.url("/"), "secret": SECRET});
    let channel = channel(settings);
    for now in ["2026-11-27T12:00:01Z", "2026-11-27T12:05:01Z"] {
        let outcome = deliver_at(now.parse().unwrap(), &channel, &client, &message()).await;
        assert!(outcome.unwrap_err().is_retriable());
    }
    let [first, second] = &server.received()[..] else {
        panic!("two attempts");
    };
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.header("webhook-timestamp"), "1795780801");
    assert_eq!(second.header("webhook-timestamp"), "1795781101");
    assert_ne!(
        first.header("webhook-signature"),
        second.header("webhook-signature")
    );
    assert_eq!(first.body, second.body);
}

#[tokio::test]
async fn a_body_is_smaller_than_20_kb() {
    let server = Server::start(|_| answer(200, "")).await;
    let client = client(&[server.allowed()], no_lookup());
    let settings = json!({"kind": "webhook", "url": server.url("/"), "secret": SECRET});
    let channel = channel(settings);
    for character in ['x', '"', '\u{1}', '€', '😀'] {
        deliver_at(Utc::now(), &channel, &client, &long_message(character))
            .await
            .unwrap();
    }
    for received in server.received() {
        let length = received.body.len();
        assert!(length <= 20_000, "{length}");
        let body: Value = received.json();
        assert!(!body["data"]["title"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn statuses_say_whether_to_try_again() {
    for (status, retriable, disables) in [
        (200, None, false),
        (204, None, false),
        (302, Some(true), false),
        (400, Some(true), false),
        (404, Some(true), false),
        (410, Some(false), true),
        (429, Some(true), false),
        (500, Some(true), false),
        (504, Some(true), false),
    ] {
        let server = Server::start(move |_| answer(status, "")).await;
        let client = client(&[server.allowed()], no_lookup());
        let settings = json!({"kind": "webhook", "url": server.url("/"), "secret": SECRET});
        let outcome = deliver_at(Utc::now(), &channel(settings), &client, &message()).await;
        let error = outcome.err();
        assert_eq!(
            error.as_ref().map(|error| error.is_retriable()),
            retriable,
            "{status}"
        );
        let disabled = error.is_some_and(|error| error.disables_channel());
        assert_eq!(disabled, disables, "{status}");
    }
}
