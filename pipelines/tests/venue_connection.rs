//! Live listening against a venue in memory: what reaches the log and what is shown, in fair
//! weather and foul.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod venue_support;

use std::sync::atomic::Ordering;
use std::time::Duration;

use coinsphere_pipelines::events::{Body, DisconnectReason};
use coinsphere_pipelines::venues::binance::Binance;
use coinsphere_pipelines::venues::coinbase::Coinbase;
use coinsphere_pipelines::venues::connection::ConnectionPhase;
use coinsphere_pipelines::venues::kraken::Kraken;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use venue_support::{HourlyBinance, Stage, Venue, binance_trade};

const ACK: &str = r#"{"result":null,"id":1}"#;

async fn accept_binance(stage: &mut Stage) -> Venue {
    let mut venue = stage.accept().await;
    let subscribe = venue.hears().await;
    assert!(subscribe.contains("SUBSCRIBE"), "{subscribe}");
    venue.says(ACK).await;
    venue
}

fn ends(stage: &Stage) -> Vec<DisconnectReason> {
    let reason = |body: &Body| match body {
        Body::Disconnected { reason, .. } => Some(*reason),
        _ => None,
    };
    let records = stage.log.records();
    records.iter().filter_map(|r| reason(&r.body)).collect()
}

#[tokio::test(start_paused = true)]
async fn from_subscription_to_shutdown() {
    let mut stage = Stage::new(&Binance, &["BTCUSDT", "ETHUSDT"]);
    let mut venue = accept_binance(&mut stage).await;
    for id in 1..=3 {
        venue.says(binance_trade("BTCUSDT", id)).await;
    }
    venue.says(binance_trade("DOGEUSDT", 1)).await;
    stage.log.wait_for_line("BTCUSDT#3").await;
    let state = stage.wait_for_state(|s| s.connections[0].frames == 5).await;
    let connection = &state.connections[0];
    assert!(state.is_live());
    assert_eq!((connection.trades, connection.subscribed), (3, 2));
    assert_eq!(connection.refused_trades["unknown_instrument"], 1);
    assert!(connection.connected_since.is_some() && connection.last_frame_at.is_some());
    serde_json::to_string(&state).unwrap();

    let log = stage.log.clone();
    let idle = tokio::spawn(venue.idles());
    stage.shut_down().await;
    idle.await.unwrap();
    let lines = log.lines();
    assert!(
        lines[0].contains("Subscribed([Symbol(\"BTCUSDT\"), Symbol(\"ETHUSDT\")])"),
        "{lines:?}"
    );
    assert!(
        lines
            .last()
            .unwrap()
            .contains("Disconnected { reason: Shutdown"),
        "{lines:?}"
    );
    let ids: Vec<_> = log.records().iter().map(|r| r.connection).collect();
    assert!(ids.iter().all(|id| *id == ids[0]));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_recorded_and_the_others_served() {
    let mut stage = Stage::new(&Kraken, &["BTC/USD", "LUNA/USD"]);
    let mut venue = stage.accept().await;
    venue.hears().await;
    venue.says(r#"{"method":"subscribe","result":{"channel":"trade","snapshot":false,"symbol":"BTC/USD"},"success":true}"#).await;
    venue.says(r#"{"error":"Currency pair not supported LUNA/USD","method":"subscribe","success":false,"symbol":"LUNA/USD"}"#).await;
    stage.log.wait_for_line("Refused").await;
    let state = stage.wait_for_state(|s| s.is_live()).await;
    let refused: Vec<_> = state.connections[0].refused_symbols.iter().collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0.as_str(), "LUNA/USD");
    assert_eq!(refused[0].1, "Currency pair not supported LUNA/USD");
    assert_eq!(
        state.subscription_trouble().unwrap(),
        "the venue refused LUNA/USD: Currency pair not supported LUNA/USD"
    );
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn kraken_s_old_names_are_asked_for_by_those_of_today() {
    let mut stage = Stage::new(&Kraken, &["XBT/USD", "XDG/USD"]);
    let mut venue = stage.accept().await;
    let asked = venue.hears().await;
    assert!(asked.contains(r#"["BTC/USD","DOGE/USD"]"#), "{asked}");
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_all_is_shown_with_the_venue_s_words_and_the_likely_name() {
    let mut stage = Stage::new(&Coinbase, &["btc-usd"]);
    for _ in 0..2 {
        let mut venue = stage.accept().await;
        venue.hears().await;
        venue.says(r#"{"type":"error","message":"Failed to subscribe","reason":"btc-usd is not a valid product"}"#).await;
        let state = stage
            .wait_for_state(|s| s.connections[0].phase == ConnectionPhase::Waiting)
            .await;
        let trouble = state.subscription_trouble().unwrap();
        assert!(
            trouble.contains("btc-usd is not a valid product"),
            "{trouble}"
        );
        assert!(trouble.ends_with("did you mean BTC-USD?"), "{trouble}");
        let error = state.connections[0].last_error.as_deref().unwrap();
        assert!(error.contains("btc-usd is not a valid product"), "{error}");
    }
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_instrument_that_arrives_unasked_is_named() {
    let mut stage = Stage::new(&Binance, &["BTCUSDT"]);
    let mut venue = accept_binance(&mut stage).await;
    venue.says(&binance_trade("BTCUSDC", 1)).await;
    let state = stage
        .wait_for_state(|s| s.subscription_trouble().is_some())
        .await;
    let trouble = state.subscription_trouble().unwrap();
    assert!(trouble.contains("trades of BTCUSDC arrive"), "{trouble}");
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_ignored_subscription_ends_the_connection() {
    let mut stage = Stage::new(&Coinbase, &["BTC-USD"]);
    let mut venue = stage.accept().await;
    venue.hears().await;
    let state = stage
        .wait_for_state(|s| s.connections[0].reconnects == 1)
        .await;
    assert_eq!(state.connections[0].phase, ConnectionPhase::Waiting);
    stage.accept().await.hears().await;
    assert!(stage.log.lines().is_empty(), "nothing was listened to");
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn silence_reconnects() {
    let mut stage = Stage::new(&Binance, &["BTCUSDT"]);
    let venue = accept_binance(&mut stage).await;
    // A stalled venue: answers pings, sends nothing.
    let stalled = tokio::spawn(venue.idles());
    stage
        .log
        .wait_for_line("Disconnected { reason: Silence")
        .await;
    assert!(
        stage.elapsed() >= Duration::from_secs(45),
        "{:?}",
        stage.elapsed()
    );
    assert!(
        stage.elapsed() < Duration::from_secs(47),
        "{:?}",
        stage.elapsed()
    );
    stalled.await.unwrap();
    let mut venue = accept_binance(&mut stage).await;
    venue.says(binance_trade("BTCUSDT", 9)).await;
    stage.log.wait_for_line("BTCUSDT#9").await;
    let records = stage.log.records();
    assert_ne!(records[0].connection, records.last().unwrap().connection);
    assert!(stage.log.lines().iter().any(|line| line.contains("Tick")));
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_close_by_the_venue_reconnects_with_growing_waits() {
    let mut stage = Stage::new(&Binance, &["BTCUSDT"]);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let mut venue = accept_binance(&mut stage).await;
        stage.wait_for_state(|s| s.is_live()).await;
        venue.0.close(None).await.unwrap();
        stage
            .wait_for_state(|s| s.connections[0].phase == ConnectionPhase::Waiting)
            .await;
        let closed = stage.elapsed();
        stage
            .wait_for_state(|s| s.connections[0].phase != ConnectionPhase::Waiting)
            .await;
        waits.push(stage.elapsed() - closed);
    }
    let bounds = [2, 4, 8, 16, 32, 60, 60, 60].map(Duration::from_secs);
    for (wait, bound) in waits.iter().zip(bounds) {
        assert!(
            *wait >= Duration::from_secs(1) && *wait <= bound,
            "{waits:?}"
        );
    }
    assert!(waits.iter().any(|w| w.as_secs() > 4), "{waits:?}");
    assert_eq!(ends(&stage), [DisconnectReason::Lost; 8]);
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn undecodable_frames_are_counted_and_the_connection_lives() {
    let mut stage = Stage::new(&Binance, &["BTCUSDT"]);
    let mut venue = accept_binance(&mut stage).await;
    for _ in 0..10 {
        venue.says("nonsense").await;
    }
    venue
        .says(binance_trade("BTCUSDT", 1).replace("1.5", "-1.5"))
        .await;
    venue.sends(Message::binary(vec![0, 159, 146, 150])).await;
    venue.says(binance_trade("BTCUSDT", 2)).await;
    stage.log.wait_for_line("BTCUSDT#2").await;
    let state = stage.wait_for_state(|s| s.trades() == 1).await;
    assert_eq!(state.connections[0].decode_errors["malformed"], 11);
    assert_eq!(state.connections[0].decode_errors["impossible_value"], 1);
    assert_eq!(state.connections[0].reconnects, 0);
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_with_their_payload() {
    let mut stage = Stage::new(&Binance, &["BTCUSDT"]);
    let mut venue = accept_binance(&mut stage).await;
    venue.sends(Message::Ping("1723161255342".into())).await;
    loop {
        match venue.0.next().await.unwrap().unwrap() {
            Message::Pong(payload) => {
                assert_eq!(&payload[..], b"1723161255342");
                break;
            }
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_log_pauses_listening_and_the_gap_is_recorded() {
    let mut stage = Stage::new(&Binance, &["BTCUSDT"]);
    let mut venue = accept_binance(&mut stage).await;
    venue.says(binance_trade("BTCUSDT", 1)).await;
    stage.log.wait_for_line("BTCUSDT#1").await;
    stage.log.full.store(true, Ordering::SeqCst);
    venue.says(binance_trade("BTCUSDT", 2)).await;
    let state = stage
        .wait_for_state(|s| s.connections[0].phase == ConnectionPhase::LogFull)
        .await;
    let error = state.connections[0].last_error.clone().unwrap();
    assert!(error.contains("log is full"), "{error}");
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(
        stage.streams.try_recv().is_err(),
        "reconnected while the log was full"
    );
    stage.log.full.store(false, Ordering::SeqCst);
    stage
        .log
        .wait_for_line("Disconnected { reason: LogFull")
        .await;
    let mut venue = accept_binance(&mut stage).await;
    venue.says(binance_trade("BTCUSDT", 7)).await;
    stage.log.wait_for_line("BTCUSDT#7").await;
    let trades: Vec<_> = stage
        .log
        .lines()
        .into_iter()
        .filter(|line| line.contains('#') || line.contains("Full"))
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        trades,
        [
            "BTCUSDT#1",
            "BTCUSDT#2",
            "Disconnected { reason: LogFull",
            "BTCUSDT#7"
        ]
    );
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_a_full_log() {
    let mut stage = Stage::new(&Binance, &["BTCUSDT"]);
    let mut venue = accept_binance(&mut stage).await;
    stage.wait_for_state(|s| s.is_live()).await;
    stage.log.full.store(true, Ordering::SeqCst);
    venue.says(binance_trade("BTCUSDT", 1)).await;
    stage
        .wait_for_state(|s| s.connections[0].phase == ConnectionPhase::LogFull)
        .await;
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_announced_close_is_bridged_by_a_second_connection() {
    let mut stage = Stage::new(&Binance, &["BTCUSDT"]);
    let mut old = accept_binance(&mut stage).await;
    old.says(binance_trade("BTCUSDT", 1)).await;
    old.says(r#"{"e":"serverShutdown","E":1}"#).await;
    let mut new = stage.accept().await;
    new.hears().await;
    // The old one serves until the new one does.
    old.says(binance_trade("BTCUSDT", 2)).await;
    stage.log.wait_for_line("BTCUSDT#2").await;
    new.says(ACK).await;
    new.says(binance_trade("BTCUSDT", 2)).await;
    let idle = tokio::spawn(old.idles());
    stage
        .log
        .wait_for_line("Disconnected { reason: Renewed")
        .await;
    idle.await.unwrap();
    new.says(binance_trade("BTCUSDT", 3)).await;
    stage.log.wait_for_line("BTCUSDT#3").await;
    let state = stage.state.borrow().clone();
    assert!(state.is_live());
    assert_eq!(
        (
            state.connections[0].reconnects,
            state.connections[0].subscribed
        ),
        (0, 1)
    );

    let records = stage.log.records();
    let renewed = records
        .iter()
        .position(|r| {
            matches!(
                r.body,
                Body::Disconnected {
                    reason: DisconnectReason::Renewed,
                    ..
                }
            )
        })
        .unwrap();
    let taken_over = records
        .iter()
        .rposition(|r| matches!(r.body, Body::Subscribed(_)))
        .unwrap();
    assert!(taken_over < renewed, "{:#?}", stage.log.lines());
    assert_ne!(records[taken_over].connection, records[renewed].connection);
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_renewed_before_its_maximum_age() {
    let mut stage = Stage::new(&HourlyBinance, &["BTCUSDT"]);
    let mut old = accept_binance(&mut stage).await;
    // The venue's own pings keep it alive for its hour.
    let old = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_secs(20));
        loop {
            tokio::select! {
                _ = every.tick() => if old.0.send(Message::Ping("1".into())).await.is_err() { return },
                message = old.0.next() => if !matches!(message, Some(Ok(_))) { return },
            }
        }
    });
    let new = accept_binance(&mut stage).await;
    let age = stage.elapsed();
    assert!(age < Duration::from_secs(58 * 60), "{age:?}");
    assert!(age > Duration::from_secs(54 * 60), "{age:?}");
    let new = tokio::spawn(new.idles());
    stage
        .log
        .wait_for_line("Disconnected { reason: Renewed")
        .await;
    old.await.unwrap();
    stage.shut_down().await;
    new.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn opening_messages_keep_to_the_venues_pace() {
    let symbols: Vec<String> = (0..60).map(|i| format!("C{i}-USD")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&Coinbase, &symbols);
    let mut venue = stage.accept().await;
    let start = stage.elapsed();
    for i in 0..60 {
        venue.hears().await;
        let acknowledged = format!(
            r#"{{"type":"subscriptions","channels":[{{"name":"matches","product_ids":["C{i}-USD"]}}]}}"#
        );
        assert!(
            !stage.state.borrow().is_live(),
            "live before the last subscription"
        );
        venue.says(acknowledged).await;
    }
    let took = stage.elapsed() - start;
    // 25 messages a second.
    assert!(took >= Duration::from_secs_f64(59.0 / 25.0), "{took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    let state = stage.wait_for_state(|s| s.is_live()).await;
    assert_eq!(state.connections[0].subscribed, 60);
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_venue_that_says_stay_away_is_obeyed() {
    let mut stage = Stage::new(&Binance, &["BTCUSDT"]);
    let mut stream = stage.streams.recv().await.unwrap();
    let mut request = [0; 4096];
    let read = stream.read(&mut request).await.unwrap();
    assert!(request[..read].starts_with(b"GET /stream HTTP/1.1\r\n"));
    stream
        .write_all(
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n",
        )
        .await
        .unwrap();
    drop(stream);
    let refused = stage.elapsed();
    accept_binance(&mut stage).await;
    assert!(stage.elapsed() - refused >= Duration::from_secs(120));
    let error = stage.state.borrow().connections[0].last_error.clone();
    assert!(error.unwrap().contains("429"));
    stage.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn instruments_are_spread_over_connections() {
    let symbols: Vec<String> = (0..150).map(|i| format!("C{i}-USD")).collect();
    let symbols: Vec<&str> = symbols.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&Coinbase, &symbols);
    let (mut first, second) = (stage.accept().await, stage.accept().await);
    assert_eq!(stage.state.borrow().connections.len(), 2);
    // The trouble of one does not touch the other.
    let second = tokio::spawn(second.idles());
    first.hears().await;
    first.0.close(None).await.unwrap();
    stage.accept().await;
    let state = stage.state.borrow().clone();
    let reconnects: Vec<u64> = state.connections.iter().map(|c| c.reconnects).collect();
    assert_eq!(reconnects.iter().sum::<u64>(), 1, "{reconnects:?}");
    stage.shut_down().await;
    second.await.unwrap();
}
