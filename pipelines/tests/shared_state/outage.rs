//! Redis dies, comes back, or was never there.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coinsphere_pipelines::shared_state::{Heard, OnRedis, RedisConfig, SharedState, Window};
use tokio::time::{Instant, sleep, timeout};

use crate::redis_config;
use crate::redis_server::{PASSWORD, RedisServer};

type Case = fn() -> Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) const CASES: &[(&str, Case)] = &[
    ("killed_and_restarted", || Box::pin(killed_and_restarted())),
    ("away_from_the_start", || Box::pin(away_from_the_start())),
    ("a_wrong_password_is_an_outage", || {
        Box::pin(a_wrong_password_is_an_outage())
    }),
];

const LONG: Duration = Duration::from_secs(60);
const WINDOW: Window = Window {
    limit: 1,
    length: LONG,
};

/// Shared state whose connection is watched.
fn running(config: &RedisConfig) -> Arc<OnRedis> {
    let state = Arc::new(OnRedis::new(config).unwrap());
    let watched = Arc::clone(&state);
    coinsphere_pipelines::task::spawn_bounded(async move { watched.run(|_| ()).await });
    state
}

async fn is_back(state: &OnRedis) {
    timeout(Duration::from_secs(20), async {
        // What is waited for happens in another process.
        while !state.is_up() || state.get("a").await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("Redis is back");
}

async fn killed_and_restarted() {
    let server = RedisServer::start();
    let url = server.url();
    let state = running(&redis_config(&url, Some(PASSWORD), "t"));
    let mut news = state.subscribe("news").await.unwrap();
    state
        .publish("news", Bytes::from_static(b"1"))
        .await
        .unwrap();
    assert_eq!(
        news.next().await,
        Some(Heard::Message(Bytes::from_static(b"1")))
    );
    state
        .put("a", Bytes::from_static(b"x"), LONG)
        .await
        .unwrap();
    assert!(state.pass("w", WINDOW).await.unwrap().allowed);

    let port = server.crash();
    let begun = Instant::now();
    let error = state.get("a").await.unwrap_err();
    assert!(error.is_retriable(), "{error}");
    assert!(
        error.to_string().contains(&format!("127.0.0.1:{port}")),
        "{error}"
    );
    assert!(!error.to_string().contains(PASSWORD), "{error}");
    for _ in 0..100 {
        assert!(state.pass("w", WINDOW).await.unwrap_err().is_retriable());
        assert!(state.publish("news", Bytes::new()).await.is_err());
    }
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert!(!state.is_up());

    let _server = RedisServer::at(port);
    is_back(&state).await;
    assert_eq!(
        state.get("a").await.unwrap(),
        None,
        "what may be lost is lost"
    );
    assert!(state.pass("w", WINDOW).await.unwrap().allowed);
    let hole = timeout(Duration::from_secs(20), news.next()).await.unwrap();
    assert_eq!(hole, Some(Heard::Hole));
    state
        .publish("news", Bytes::from_static(b"2"))
        .await
        .unwrap();
    assert_eq!(
        news.next().await,
        Some(Heard::Message(Bytes::from_static(b"2")))
    );
}

async fn away_from_the_start() {
    let port = RedisServer::start().crash();
    let url = format!("redis://127.0.0.1:{port}");
    let state = running(&redis_config(&url, Some(PASSWORD), "t"));
    let mut news = state.subscribe("news").await.unwrap();
    assert!(state.get("a").await.unwrap_err().is_retriable());
    let _server = RedisServer::at(port);
    is_back(&state).await;
    let hole = timeout(Duration::from_secs(20), news.next()).await.unwrap();
    assert_eq!(
        hole,
        Some(Heard::Hole),
        "who subscribed before it was there learns of the hole"
    );
    state
        .publish("news", Bytes::from_static(b"2"))
        .await
        .unwrap();
    assert_eq!(
        news.next().await,
        Some(Heard::Message(Bytes::from_static(b"2")))
    );
}

async fn a_wrong_password_is_an_outage() {
    let server = RedisServer::start();
    let state = OnRedis::new(&redis_config(&server.url(), Some("wrong"), "t")).unwrap();
    let error = state.get("a").await.unwrap_err();
    assert!(error.is_retriable(), "{error}");
    assert!(!error.to_string().contains("wrong\""), "{error}");
    let error = OnRedis::new(&redis_config("http://nowhere", None, "t")).unwrap_err();
    assert!(!error.is_retriable(), "{error}");
}
