//! Two processes on one database and one Redis: live updates reach clients of the one that builds no
//! candles, limits count over both, and both go on while Redis is away.

use std::net::SocketAddr;
use std::time::Duration;

use crate::redis_server::{PASSWORD, RedisServer};
use crate::support::postgres::Postgres;
use crate::support::program::{Program, metric, ready};
use crate::support::venues::Venues;
use crate::support::{Place, eventually, http, ignored};
use coinsphere_simulator::Config;
use futures_util::{SinkExt, StreamExt};
use libtest_mimic::Trial;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

const SOON: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn subscribe(api: SocketAddr) -> Socket {
    let url = format!("ws://{api}/api/v1/stream");
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let topics = ["trades:binance:BTCUSDT", "candles:binance:BTCUSDT:1m"];
    let request = serde_json::json!({"type": "subscribe", "topics": topics});
    socket
        .send(Message::text(request.to_string()))
        .await
        .unwrap();
    socket
}

/// Reads until a message of each type has come.
async fn hears(socket: &mut Socket, types: &[&str]) {
    let mut wanted: Vec<&str> = types.to_vec();
    tokio::time::timeout(SOON, async {
        while !wanted.is_empty() {
            let message = socket.next().await.unwrap().unwrap();
            let Message::Text(text) = message else {
                continue;
            };
            let message: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_ne!(message["type"], "error", "{message}");
            wanted.retain(|wanted| message["type"] != *wanted);
        }
    })
    .await
    .unwrap_or_else(|_| panic!("no {wanted:?}"));
}

/// The test, which needs a Redis server.
pub(crate) fn trial() -> Trial {
    let name = "shared_push::an_api_process_has_live_updates_and_shares_limits";
    if RedisServer::is_installed() {
        Trial::test(name, || {
            an_api_process_has_live_updates_and_shares_limits();
            Ok(())
        })
    } else {
        ignored(name, "redis-server is not installed: scripts/setup.sh test")
    }
}

/// Signs in with nothing, so often: only what is counted before the handler matters. Answers the
/// statuses.
fn try_to_sign_in(api: SocketAddr, times: u32) -> Vec<u16> {
    let path = "/api/v1/auth/login";
    let answers = (0..times).map(|_| http::ask(api, "POST", path, "{}").unwrap());
    answers.map(|answer| answer.status).collect()
}

fn an_api_process_has_live_updates_and_shares_limits() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place::new();
    let postgres = Postgres::start();
    let redis = RedisServer::start();
    let venues = Venues::start(Config {
        rate: 50.0,
        instruments: Some(vec!["binance:BTCUSDT".to_owned()]),
        ..Config::default()
    });
    let config = place.file("c.toml", venues.toml(&[("binance", &["BTCUSDT"])]));
    let config = config.to_str().unwrap();
    let start = |name: &str, roles: &[&str]| {
        let mut line = vec!["up", "--config", config];
        line.extend(roles);
        Program::serve_with(&place.path().join(name), line, |command| {
            command
                .env("DATABASE_URL", postgres.url())
                .env("REDIS_URL", redis.url())
                .env("REDIS_PASSWORD", PASSWORD)
                .env("COINSPHERE_LIMITS__ANONYMOUS", "30")
                .env("COINSPHERE_LIMITS__AUTHENTICATION", "5");
        })
    };
    let (_builder, first) = start("a", &[]);
    ready(first);
    let (_server, second) = start("b", &["--roles", "api"]);
    ready(second);

    let mut socket = runtime.block_on(subscribe(second));
    runtime.block_on(hears(&mut socket, &["subscribed", "trades", "candle"]));

    // 1 of 30 was the stream. What the one process has counted the other knows.
    for number in 0..29 {
        let address = if number % 2 == 0 { first } else { second };
        let answer = http::ask(address, "GET", "/api/v1/tokens", "").unwrap();
        assert_eq!(answer.status, 200, "{number}");
    }
    for address in [first, second] {
        let answer = http::ask(address, "GET", "/api/v1/tokens", "").unwrap();
        assert_eq!(answer.status, 429);
    }

    // Two and three are five.
    assert_eq!(try_to_sign_in(first, 2), [415; 2]);
    assert_eq!(try_to_sign_in(second, 4), [415, 415, 415, 429]);
    let uncounted = |how: &str, class: &str| {
        let name = "coinsphere_http_limits_without_shared_total";
        metric(second, name, &[how, class])
    };
    let (own, open) = ("how=\"own\"", "how=\"open\"");
    let (authentication, anonymous) = ("class=\"authentication\"", "class=\"anonymous\"");
    assert_eq!(uncounted("", ""), 0.0, "all were counted in Redis");

    let port = redis.crash();
    eventually("limits fail open", SOON, || {
        let answer = http::ask(second, "GET", "/api/v1/tokens", "")?;
        (answer.status == 200).then_some(()).ok_or(answer.body)
    });
    eventually("health says so", SOON, || {
        let health = http::get(second, "/health")?;
        let part = &health["services"]["shared_state"];
        (part["status"] == "degraded")
            .then_some(())
            .ok_or_else(|| part.to_string())
    });
    assert!(uncounted(open, anonymous) >= 1.0);
    // Who guesses is counted in the process, from the beginning, and stopped there.
    let statuses = try_to_sign_in(second, 7);
    assert_eq!(statuses, [415, 415, 415, 415, 415, 429, 429]);
    assert_eq!(uncounted(own, authentication), 7.0);
    assert_eq!(uncounted(open, authentication), 0.0);
    assert_eq!(uncounted(own, anonymous), 0.0);
    assert_eq!(metric(second, "coinsphere_shared_up", &[]), 0.0);

    let _redis = RedisServer::at(port);
    // What was missed cannot be made good on a stream: it is ended, and a new one hears again.
    let close = runtime.block_on(async {
        tokio::time::timeout(SOON, async {
            loop {
                if let Message::Close(close) = socket.next().await.unwrap().unwrap() {
                    return close;
                }
            }
        })
        .await
        .unwrap()
    });
    assert_eq!(u16::from(close.unwrap().code), 4009);
    eventually("health is well again", SOON, || {
        let health = http::get(second, "/health")?;
        let part = &health["services"]["shared_state"];
        (part["status"] == "ok")
            .then_some(())
            .ok_or_else(|| part.to_string())
    });
    let mut socket = runtime.block_on(subscribe(second));
    runtime.block_on(hears(&mut socket, &["subscribed", "trades", "candle"]));
}
