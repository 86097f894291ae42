//! `/api/v1/stream`, over real sockets.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::time::Duration;

use coinsphere_pipelines::market::{
    InstrumentKey, Interval, Price, Quantity, TakerSide, Trade, TradeId,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::memory::{candle, key};
use super::server::{PATIENCE, Running};
use super::*;

struct Peer(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Peer {
    async fn connect(running: &Running) -> Self {
        let url = format!("ws://{}/api/v1/stream", running.address);
        let mut peer = Self(connect_async(url).await.unwrap().0);
        assert_eq!(
            peer.next().await,
            json!({
                "type": "welcome", "protocol": 1, "heartbeat_seconds": 15, "idle_seconds": 60,
                "max_topics": 200, "max_message_bytes": 16_384
            })
        );
        peer
    }

    async fn send(&mut self, message: &Value) {
        self.0
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    /// The next message.
    async fn next(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.0.next())
                .await
                .unwrap()
                .unwrap()
                .unwrap();
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.send(&message).await;
        self.next().await
    }

    /// Code and reason of the server's close, whatever comes before it.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.unwrap();
            let message = message.expect("ended without a close frame").unwrap();
            if let Message::Close(Some(frame)) = message {
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}

fn btc() -> InstrumentKey {
    key("binance", "BTCUSDT")
}

fn trade(id: u64) -> Trade {
    Trade {
        id: TradeId(id),
        time: at("2024-08-09T00:00:12.345Z"),
        price: Price::parse("61837.63").unwrap(),
        quantity: Quantity::parse("0.00044780").unwrap(),
        taker: TakerSide::Buy,
    }
}

#[tokio::test]
async fn trades_and_candles_arrive_as_specified() {
    let app = App::new();
    let running = Running::start(&app).await;
    let open = candle(at("2024-08-09T00:00:00Z"), "61837.63", 2);
    let kraken = key("kraken", "BTC/USD");
    app.hub
        .publish_candle(&kraken, Interval::Minute1, &open, 0, false);
    let mut peer = Peer::connect(&running).await;
    let topics = json!(["trades:binance:BTCUSDT", "candles:kraken:BTC/USD:1m"]);
    assert_eq!(
        peer.ask(json!({"type": "subscribe", "topics": topics, "id": 7}))
            .await,
        json!({"type": "subscribed", "id": 7, "topics": topics})
    );
    assert_eq!(
        peer.next().await,
        json!({
            "type": "candle", "topic": "candles:kraken:BTC/USD:1m", "closed": false,
            "data": {
                "open_time": "2024-08-09T00:00:00Z", "open": "61837.63", "high": "61837.63",
                "low": "61837.63", "close": "61837.63", "volume": "1.5",
                "quote_volume": "92756.445", "trades": 2, "taker_buy_volume": "0.5",
                "complete": false, "revision": 0
            }
        }),
        "the open candle comes at once"
    );
    app.hub.publish_trades(&btc(), &[trade(1), trade(2)]);
    let body = |id: u64| {
        json!({
            "id": id, "time": "2024-08-09T00:00:12.345Z", "price": "61837.63",
            "quantity": "0.0004478", "taker_side": "buy"
        })
    };
    assert_eq!(
        peer.next().await,
        json!({"type": "trades", "topic": "trades:binance:BTCUSDT", "data": [body(1), body(2)]})
    );
    assert_eq!(
        peer.ask(json!({"type": "unsubscribe", "topics": ["trades:binance:BTCUSDT"]}))
            .await,
        json!({"type": "unsubscribed", "topics": ["trades:binance:BTCUSDT"]})
    );
    app.hub.publish_trades(&btc(), &[trade(3)]);
    assert_eq!(
        peer.ask(json!({"type": "ping", "id": "x"})).await,
        json!({"type": "pong", "id": "x"}),
        "nothing of what was unsubscribed"
    );
}

#[tokio::test]
async fn refusals_name_their_reason_and_change_nothing() {
    let app = App::with(
        PushLimits {
            topics: 2,
            ..PushLimits::default()
        },
        |_| {},
    );
    app.hub.list([btc(), key("kraken", "BTC/USD")]);
    let running = Running::start(&app).await;
    let mut peer = Peer::connect(&running).await;
    for (request, code, wanted) in [
        (json!("hello"), "invalid_message", "not a request"),
        (json!({"type": "buy"}), "invalid_message", "`subscribe`"),
        (json!({"type": "subscribe"}), "invalid_message", "topics"),
        (
            json!({"type": "subscribe", "topics": ["x"], "x": 1}),
            "invalid_message",
            "`x`",
        ),
        (
            json!({"type": "subscribe", "topics": []}),
            "invalid_topic",
            "empty",
        ),
        (
            json!({"type": "subscribe", "topics": ["trades:bitmex:X"]}),
            "invalid_topic",
            "bitmex",
        ),
        (
            json!({"type": "subscribe", "topics": ["trades:binance:BTCUSDT", "trades:binance:NO"]}),
            "unknown_instrument",
            "trades:binance:NO",
        ),
        (
            json!({"type": "subscribe", "topics": [
                "trades:binance:BTCUSDT", "candles:binance:BTCUSDT:1m", "trades:kraken:BTC/USD"
            ]}),
            "too_many_topics",
            "trades:kraken:BTC/USD",
        ),
    ] {
        let answer = peer.ask(request.clone()).await;
        assert_eq!(answer["type"], "error", "{request}: {answer}");
        assert_eq!(answer["code"], code, "{request}: {answer}");
        assert!(
            answer["detail"].as_str().unwrap().contains(wanted),
            "{answer}"
        );
    }
    assert_eq!(app.hub.state().subscriptions, 0, "all or nothing");
}

#[tokio::test]
async fn those_who_break_the_rules_are_closed_with_a_reason() {
    let app = App::new();
    let running = Running::start(&app).await;

    let mut peer = Peer::connect(&running).await;
    peer.0.send(Message::binary(vec![1, 2])).await.unwrap();
    assert_eq!(peer.closed().await.0, 1003);

    let mut peer = Peer::connect(&running).await;
    peer.0
        .send(Message::text("x".repeat(16_385)))
        .await
        .unwrap();
    assert_eq!(
        peer.closed().await,
        (1009, "the message is too long".to_owned())
    );

    let mut peer = Peer::connect(&running).await;
    for _ in 0..10 {
        peer.0.send(Message::text("{")).await.unwrap();
    }
    assert_eq!(peer.closed().await.0, 4002);

    let mut peer = Peer::connect(&running).await;
    for _ in 0..101 {
        peer.0
            .feed(Message::text(r#"{"type":"pong"}"#))
            .await
            .unwrap();
    }
    peer.0.flush().await.unwrap();
    assert_eq!(peer.closed().await.0, 4004);
}

#[tokio::test]
async fn the_stream_ends_with_the_server_and_leaves_no_client() {
    let app = App::new();
    let running = Running::start(&app).await;
    let mut peer = Peer::connect(&running).await;
    peer.ask(json!({"type": "subscribe", "topics": ["trades:binance:BTCUSDT"]}))
        .await;
    let stopped = running.stop();
    assert_eq!(
        peer.closed().await,
        (1001, "the server is stopping, connect again".to_owned())
    );
    // Reading on is what answers the close.
    while let Some(Ok(_)) = peer.0.next().await {}
    timeout(PATIENCE, stopped).await.unwrap().unwrap().unwrap();
    let state = app.hub.state();
    assert_eq!((state.clients, state.subscriptions), (0, 0));
}

#[tokio::test]
async fn a_client_that_leaves_is_forgotten() {
    let app = App::new();
    let running = Running::start(&app).await;
    let mut peer = Peer::connect(&running).await;
    peer.ask(json!({"type": "subscribe", "topics": ["trades:binance:BTCUSDT"]}))
        .await;
    peer.0.close(None).await.unwrap();
    while let Some(Ok(_)) = peer.0.next().await {}
    timeout(PATIENCE, app.state.streams.empty()).await.unwrap();
    assert_eq!(app.hub.state().clients, 0);
}

#[tokio::test]
async fn too_many_clients_and_foreign_pages_and_plain_requests_are_refused() {
    let app = App::with(
        PushLimits {
            clients: 1,
            ..PushLimits::default()
        },
        |_| {},
    );
    let running = Running::start(&app).await;
    let _first = Peer::connect(&running).await;
    let refused = async |origin: Option<&str>| {
        let url = format!("ws://{}/api/v1/stream", running.address);
        let mut request = url.into_client_request().unwrap();
        if let Some(origin) = origin {
            request
                .headers_mut()
                .insert("origin", origin.parse().unwrap());
        }
        let error = connect_async(request).await.unwrap_err();
        let tokio_tungstenite::tungstenite::Error::Http(response) = error else {
            panic!("{error}");
        };
        let status = response.status().as_u16();
        let body = response.into_body().unwrap_or_default();
        (
            status,
            serde_json::from_slice::<Value>(&body).unwrap()["type"].clone(),
        )
    };
    assert_eq!(
        refused(None).await,
        (503, json!("/problems/too-many-clients"))
    );
    let foreign = refused(Some("https://evil.example")).await;
    assert_eq!(foreign, (403, json!("/problems/forbidden-origin")));
    let plain = app.get("/api/v1/stream").await;
    plain.is_problem(426, "upgrade-required");
}

/// A client that speaks just enough to be let in and then neither reads nor answers.
async fn silent_peer(running: &Running, topics: &[&str]) -> TcpStream {
    let mut socket = TcpStream::connect(running.address).await.unwrap();
    let request = format!(
        "GET /api/v1/stream HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        running.address
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.windows(4).any(|end| end == b"\r\n\r\n") {
        seen.push(socket.read_u8().await.unwrap());
    }
    if !topics.is_empty() {
        let text = json!({"type": "subscribe", "topics": topics}).to_string();
        // A masked text frame with a mask of zeros: RFC 6455, section 5.2.
        let length = u16::try_from(text.len()).unwrap().to_be_bytes();
        let mut frame = vec![0x81, 0xfe, length[0], length[1], 0, 0, 0, 0];
        frame.extend(text.as_bytes());
        socket.write_all(&frame).await.unwrap();
    }
    socket
}

/// The close code at the end of everything that the server sent.
async fn close_code(mut socket: TcpStream) -> u16 {
    let mut all = Vec::new();
    // A reset instead of an end is no fault: we never answer the close.
    let _ = timeout(PATIENCE, socket.read_to_end(&mut all))
        .await
        .unwrap();
    // 0x88 opens a close frame; its length is below 126, then comes the code.
    let at = all
        .iter()
        .rposition(|byte| *byte == 0x88)
        .expect("no close frame");
    u16::from_be_bytes([all[at + 2], all[at + 3]])
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_closed() {
    let app = App::with(PushLimits::default(), |config| {
        config.stream.heartbeat_seconds = 1;
        config.stream.idle_seconds = 2;
    });
    let running = Running::start(&app).await;
    assert_eq!(close_code(silent_peer(&running, &[]).await).await, 4001);
}

#[tokio::test]
async fn a_client_that_reads_no_trades_is_closed_and_memory_stays_bounded() {
    let limits = PushLimits {
        queue_bytes: 200_000,
        ..PushLimits::default()
    };
    let app = App::with(limits, |_| {});
    let running = Running::start(&app).await;
    let slow = silent_peer(&running, &["trades:binance:BTCUSDT"]).await;
    let mut quick = Peer::connect(&running).await;
    quick
        .ask(json!({"type": "subscribe", "topics": ["trades:binance:BTCUSDT"]}))
        .await;
    while app.hub.state().subscriptions < 2 {
        tokio::task::yield_now().await;
    }
    let burst: Vec<_> = (0..256).map(trade).collect();
    let mut published = 0;
    while app.hub.state().too_slow == 0 {
        app.hub.publish_trades(&btc(), &burst);
        published += 1;
        assert_eq!(
            quick.next().await["type"],
            "trades",
            "others are not held up"
        );
        assert!(
            published < 10_000,
            "the sockets' own buffers cannot hold this much"
        );
    }
    assert_eq!(close_code(slow).await, 4008);
}

#[tokio::test]
async fn a_client_that_reads_candles_slowly_gets_the_newest() {
    let app = App::new();
    let running = Running::start(&app).await;
    let topics = ["candles:binance:BTCUSDT:1m"];
    let slow = silent_peer(&running, &topics).await;
    while app.hub.state().subscriptions < 1 {
        tokio::task::yield_now().await;
    }
    let mut published = 0_u64;
    // Until its socket is full and states of the candle have replaced one another.
    while app.hub.state().coalesced < 1_000 {
        published += 1;
        let open = candle(at("2024-08-09T00:00:00Z"), "1", published);
        app.hub
            .publish_candle(&btc(), Interval::Minute1, &open, 0, false);
        if published.is_multiple_of(16) {
            tokio::task::yield_now().await;
        }
        assert!(
            published < 1_000_000,
            "the sockets' own buffers cannot hold this much"
        );
    }
    let last = candle(at("2024-08-09T00:00:00Z"), "2", published + 1);
    app.hub
        .publish_candle(&btc(), Interval::Minute1, &last, 0, true);
    let marker = format!("\"trades\":{},", published + 1);
    let mut slow = slow;
    let (mut all, mut chunk) = (Vec::new(), vec![0; 1 << 16]);
    while !String::from_utf8_lossy(&all[all.len().saturating_sub(1_000)..]).contains(&marker) {
        let read = timeout(PATIENCE, slow.read(&mut chunk))
            .await
            .unwrap()
            .unwrap();
        assert_ne!(read, 0, "ended before the newest candle came");
        all.extend_from_slice(&chunk[..read]);
    }
    assert_eq!(app.hub.state().too_slow, 0);
}

/// `cargo test --release -p coinsphere push_delay -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement of five seconds, not a check"]
async fn push_delay_at_ten_thousand_trades_a_second() {
    use tokio::time::{Instant, MissedTickBehavior, interval};

    let app = App::new();
    let running = Running::start(&app).await;
    let mut peer = Peer::connect(&running).await;
    peer.ask(json!({"type": "subscribe", "topics": ["trades:binance:BTCUSDT"]}))
        .await;
    let begun = Instant::now();
    let hub = app.hub.clone();
    let publisher = tokio::spawn(async move {
        let mut tick = interval(Duration::from_millis(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..5_000 {
            tick.tick().await;
            // The id says when it was published.
            let id = u64::try_from(begun.elapsed().as_micros()).unwrap();
            for _ in 0..10 {
                hub.publish_trades(&btc(), &[trade(id)]);
            }
        }
    });
    let mut delays = Vec::new();
    while delays.len() < 50_000 {
        let message = timeout(PATIENCE, peer.0.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        let Message::Text(text) = message else {
            continue;
        };
        let now = u64::try_from(begun.elapsed().as_micros()).unwrap();
        if let Some(rest) = text.split(r#""id":"#).nth(1) {
            let id: u64 = rest.split(',').next().unwrap().parse().unwrap();
            delays.push(now - id);
        }
    }
    publisher.await.unwrap();
    delays.sort_unstable();
    let at = |share: f64| delays[(delays.len() as f64 * share) as usize];
    println!(
        "publish to client, µs: p50 {} p99 {} p99.9 {}",
        at(0.5),
        at(0.99),
        at(0.999)
    );
    assert!(at(0.99) < 10_000, "p99 is {} µs", at(0.99));
}
