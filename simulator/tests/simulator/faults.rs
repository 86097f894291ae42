//! Every fault, over real sockets, and that what the admin endpoint says about it is true.

use coinsphere_simulator::Config;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;

use crate::client::{Client, NOON, Sim, config};

async fn btc(faults: &[&str]) -> (Sim, Client) {
    let faults = faults.iter().map(|f| f.parse().expect("a fault")).collect();
    let sim = Sim::start(Config { faults, ..config() }).await;
    let client = sim.connect("/binance/ws/btcusdt@trade").await;
    sim.counted("connections", 1).await;
    (sim, client)
}

fn id(message: &Value) -> Option<u64> {
    message["t"].as_u64()
}

#[tokio::test]
async fn dropped_trades_are_listed_and_rest_still_has_them() {
    let (sim, mut client) = btc(&["drop:p=0.1,seed=3"]).await;
    sim.seconds(60.0);
    let ids = client.take(300, id).await;
    let dropped = sim.struck("dropped", "BTCUSDT").await;
    let missing: Vec<u64> = (ids[0]..ids[299]).filter(|id| !ids.contains(id)).collect();
    assert!(missing.len() > 10);
    let listed: Vec<u64> = dropped
        .into_iter()
        .filter(|id| (ids[0]..ids[299]).contains(id))
        .collect();
    assert_eq!(missing, listed);
    let rest = sim
        .get(&format!(
            "/binance/api/v3/historicalTrades?symbol=BTCUSDT&fromId={}&limit=1",
            missing[0]
        ))
        .await;
    assert_eq!(rest[0]["id"], missing[0]);
    sim.stop().await;
}

#[tokio::test]
async fn duplicated_and_reordered_trades_are_all_there() {
    let (sim, mut client) = btc(&["duplicate:p=0.1", "reorder:p=0.1,window=4,seed=5"]).await;
    sim.seconds(60.0);
    let ids = client.take(300, id).await;
    assert!(!ids.is_sorted());
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert!(unique.len() < 290, "some came twice");
    assert!(!sim.struck("duplicated", "BTCUSDT").await.is_empty());
    assert!(!sim.struck("reordered", "BTCUSDT").await.is_empty());
    let complete = unique[..unique.len() - 20]
        .windows(2)
        .all(|w| w[1] == w[0] + 1);
    assert!(
        complete,
        "nothing is lost but what is still held back at the end"
    );
    sim.stop().await;
}

#[tokio::test]
async fn malformed_and_truncated_frames_are_listed_by_the_trades_they_lost() {
    let (sim, mut client) = btc(&["malform:p=0.1,seed=1", "truncate:p=0.1,seed=2"]).await;
    sim.seconds(60.0);
    let (mut good, mut bad) = (Vec::new(), 0);
    while good.len() < 200 {
        let text = client.text().await;
        let trade = serde_json::from_str::<Value>(&text).ok().filter(|m| {
            m["p"]
                .as_str()
                .and_then(|p| p.parse::<f64>().ok())
                .is_some_and(|p| p > 0.0)
        });
        match trade.as_ref().and_then(id) {
            Some(id) => good.push(id),
            None => bad += 1,
        }
    }
    let mangled = sim.struck("mangled", "BTCUSDT").await;
    let missing: Vec<u64> = (good[0]..good[199])
        .filter(|id| !good.contains(id))
        .collect();
    assert!(
        bad >= missing.len() && missing.len() > 20,
        "{bad} bad frames"
    );
    assert!(missing.iter().all(|id| mangled.contains(id)));
    sim.stop().await;
}

#[tokio::test]
async fn disconnects_come_by_time_or_count_with_or_without_a_close_frame() {
    let (sim, mut client) = btc(&["disconnect:every=30s,code=1012"]).await;
    sim.seconds(29.0);
    client.text().await;
    sim.seconds(1.0);
    assert_eq!(client.rest().await.1.map(|c| u16::from(c.code)), Some(1012));
    sim.stop().await;

    let (sim, mut client) = btc(&["disconnect:after=10,times=1"]).await;
    sim.seconds(1.0);
    sim.seconds(60.0);
    let (texts, close) = client.rest().await;
    assert!(
        texts.len() >= 10 && close.is_none(),
        "{} messages, then silence",
        texts.len()
    );
    let mut again = sim.connect("/binance/ws/btcusdt@trade").await;
    sim.counted("connections", 2).await;
    sim.seconds(60.0);
    again.take(200, id).await;
    sim.stop().await;
}

#[tokio::test]
async fn connections_and_subscriptions_are_refused() {
    let sim = Sim::start(config()).await;
    sim.fault("refuse:connections,status=403,times=1,venue=kraken")
        .await;
    let refused = sim
        .try_connect("/kraken/v2")
        .await
        .map(|_| ())
        .expect_err("refused");
    assert!(
        matches!(&refused, Error::Http(answer) if answer.status() == 403),
        "{refused}"
    );
    let mut kraken = sim.connect("/kraken/v2").await;
    kraken.json().await;
    sim.fault("refuse:subscriptions,symbol=BTC/USD,times=1")
        .await;
    let subscribe = r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]}}"#;
    kraken.send(subscribe).await;
    assert_eq!(
        kraken.json().await["error"],
        "Currency pair not supported BTC/USD"
    );
    kraken.send(subscribe).await;
    assert_eq!(kraken.json().await["success"], true);
    let (status, _, answer) = sim.request("DELETE", "/admin/faults", "").await;
    assert_eq!((status, answer), (200, json!({"faults": []})));
    sim.stop().await;
}

#[tokio::test]
async fn a_stalled_connection_says_nothing_and_goes_on_afterwards() {
    let (sim, mut client) = btc(&["stall:after=5s,for=60s"]).await;
    sim.seconds(4.0);
    let before = client.take(1, id).await;
    sim.seconds(1.0);
    sim.counted("stalls", 1).await;
    // Whatever was sent before the stall is read first.
    let mut last = before[0];
    while let Ok(Ok(text)) =
        tokio::time::timeout(std::time::Duration::from_millis(200), client.next()).await
    {
        last = serde_json::from_str(&text)
            .ok()
            .as_ref()
            .and_then(id)
            .unwrap_or(last);
    }
    sim.seconds(30.0);
    client.silent().await;
    sim.seconds(40.0);
    assert_eq!(client.take(1, id).await[0], last + 1);
    sim.stop().await;
}

#[tokio::test]
async fn a_skewed_clock_is_wrong_in_everything_the_venue_says() {
    let (sim, mut client) = btc(&["skew:ms=-90000,venue=binance"]).await;
    sim.seconds(60.0);
    let trade = client.take(1, |m| Some(m.clone())).await.remove(0);
    let behind = (NOON - 90_000_000) / 1_000;
    assert!((behind..behind + 60_000).contains(&trade["T"].as_i64().expect("a time")));
    assert_eq!(
        sim.get("/binance/api/v3/time").await["serverTime"],
        behind + 60_000
    );
    let path = format!(
        "/binance/api/v3/historicalTrades?symbol=BTCUSDT&fromId={}&limit=1",
        trade["t"]
    );
    assert_eq!(sim.get(&path).await[0]["time"], trade["T"]);
    let minute = trade["T"].as_i64().expect("a time") / 60_000 * 60_000;
    let path =
        format!("/binance/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={minute}&limit=1");
    assert_eq!(sim.get(&path).await[0][0], minute);
    assert_eq!(
        sim.get("/kraken/0/public/Time").await["result"]["unixtime"],
        NOON / 1_000_000 + 60
    );
    sim.stop().await;
}

#[tokio::test]
async fn rest_is_rate_limited_in_each_venues_way() {
    let sim = Sim::start(config()).await;
    sim.fault("ratelimit:venue=binance,status=418,retry_after=120,times=1")
        .await;
    let (status, head, body) = sim.request("GET", "/binance/api/v3/time", "").await;
    assert_eq!((status, &body["code"]), (418, &json!(-1003)));
    assert!(head.contains("retry-after: 120"), "{head}");
    assert_eq!(
        sim.request("GET", "/binance/api/v3/time", "").await.0,
        200,
        "once only"
    );
    sim.fault("ratelimit:retry_after=3").await;
    let (status, head, _) = sim.request("GET", "/coinbase/products", "").await;
    assert!(status == 429 && head.contains("retry-after: 3"));
    let (status, _, body) = sim.request("GET", "/kraken/0/public/Time", "").await;
    assert_eq!(
        (status, body),
        (200, json!({"error": ["EAPI:Rate limit exceeded"]}))
    );
    let (status, _, body) = sim.request("POST", "/admin/faults", r#"["explode"]"#).await;
    assert!(
        status == 400
            && body["error"]
                .as_str()
                .is_some_and(|e| e.contains("explode"))
    );
    sim.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let slow = Config {
        rate: 20_000.0,
        send_timeout_ms: 300,
        ..config()
    };
    let sim = Sim::start(slow).await;
    let client = sim.connect("/binance/ws/btcusdt@trade").await;
    sim.counted("connections", 1).await;
    // Far more than the sockets' buffers hold.
    sim.seconds(600.0);
    sim.counted("slow_clients", 1).await;
    drop(client);
    sim.stop().await;
}
