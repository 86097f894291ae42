//! Kraken v2 and its REST.

use serde_json::{Value, json};

use crate::client::{NOON, Sim, config};

fn rows(message: &Value) -> Vec<Value> {
    match message["channel"].as_str() {
        Some("trade") => message["data"].as_array().cloned().unwrap_or_default(),
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn subscriptions_are_answered_one_by_one_in_the_recorded_form() {
    let sim = Sim::start(config()).await;
    let mut client = sim.connect("/kraken/v2").await;
    let status = client.json().await;
    assert_eq!(
        (&status["channel"], &status["data"][0]["system"]),
        (&json!("status"), &json!("online"))
    );
    client
        .send(r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","XBT/USD"],"snapshot":true},"req_id":5}"#)
        .await;
    let accepted = client.json().await;
    assert_eq!(
        accepted["result"],
        json!({"channel": "trade", "snapshot": true, "symbol": "BTC/USD"})
    );
    assert_eq!(
        (&accepted["success"], &accepted["req_id"]),
        (&json!(true), &json!(5))
    );
    // Answers come before the snapshots of the same request or after them; both are seen live.
    let mut others = [client.json().await, client.json().await];
    others.sort_by_key(|m| m["channel"] == "trade");
    let [refused, snapshot] = others;
    assert_eq!(refused["error"], "Currency pair not supported XBT/USD");
    assert_eq!(
        (&refused["success"], &refused["symbol"]),
        (&json!(false), &json!("XBT/USD"))
    );
    assert_eq!(snapshot["type"], "snapshot");
    assert_eq!(rows(&snapshot).len(), 50);
    client.send(r#"{"method":"ping","req_id":9}"#).await;
    let pong = client.json().await;
    assert_eq!(
        (&pong["method"], &pong["req_id"]),
        (&json!("pong"), &json!(9))
    );
    sim.stop().await;
}

#[tokio::test]
async fn trades_follow_one_another_and_rest_pages_by_time_to_the_same() {
    let sim = Sim::start(config()).await;
    let mut client = sim.connect("/kraken/v2").await;
    client.json().await;
    client
        .send(r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]}}"#)
        .await;
    assert_eq!(client.json().await["success"], true);
    let mut trades = Vec::new();
    let mut text = String::new();
    while trades.len() < 40 {
        sim.seconds(1.0);
        text = client.text().await;
        trades.extend(rows(&serde_json::from_str(&text).expect("json")));
    }
    assert!(
        trades
            .windows(2)
            .all(|w| w[1]["trade_id"].as_u64() == w[0]["trade_id"].as_u64().map(|id| id + 1))
    );
    assert!(
        text.contains(r#""price":"#) && !text.contains(r#""price":""#),
        "prices are numbers"
    );

    let mut since = NOON * 1_000;
    let mut rest: Vec<Value> = Vec::new();
    while rest.len() < trades.len() {
        let page = sim
            .get(&format!(
                "/kraken/0/public/Trades?pair=XBTUSD&count=7&since={since}"
            ))
            .await;
        assert_eq!(page["error"], json!([]));
        let result = &page["result"];
        rest.extend(result["XXBTZUSD"].as_array().expect("rows").iter().cloned());
        since = result["last"]
            .as_str()
            .and_then(|s| s.parse().ok())
            .expect("a since");
    }
    for (ws, rest) in trades.iter().zip(&rest) {
        assert_eq!(ws["trade_id"], rest[6]);
        assert_eq!(
            ws["price"].as_f64(),
            rest[0].as_str().and_then(|s| s.parse().ok())
        );
        assert_eq!(
            ws["qty"].as_f64(),
            rest[1].as_str().and_then(|s| s.parse().ok())
        );
        assert_eq!(ws["side"].as_str().map(|s| &s[..1]), rest[3].as_str());
    }
    sim.stop().await;
}

#[tokio::test]
async fn heartbeats_fill_silence_only() {
    let quiet = coinsphere_simulator::Config {
        rate: 0.000_1,
        ..config()
    };
    let sim = Sim::start(quiet).await;
    let mut client = sim.connect("/kraken/v2").await;
    client.json().await;
    sim.seconds(10.0);
    client.silent().await;
    client
        .send(r#"{"method":"subscribe","params":{"channel":"trade","symbol":["XBT/USD"]}}"#)
        .await;
    assert_eq!(client.json().await["success"], false);
    for _ in 0..3 {
        sim.seconds(1.0);
        assert_eq!(
            client.text().await,
            r#"{"channel":"heartbeat"}"#,
            "after a refusal, too"
        );
    }
    sim.stop().await;
}

#[tokio::test]
async fn ohlc_fills_empty_minutes_and_ends_with_the_unfinished_one() {
    let thin = coinsphere_simulator::Config {
        rate: 2.0,
        ..config()
    };
    let sim = Sim::start(thin).await;
    sim.seconds(30.0);
    let answer = sim
        .get("/kraken/0/public/OHLC?pair=GRTUSD&interval=1")
        .await;
    let rows = answer["result"]["GRTUSD"].as_array().expect("rows").clone();
    assert_eq!(rows.len(), 720);
    assert_eq!(rows[719][0], NOON / 1_000_000);
    assert_eq!(answer["result"]["last"], NOON / 1_000_000 - 60);
    let empty: Vec<&Value> = rows.iter().filter(|r| r[7] == 0).collect();
    assert!(
        !empty.is_empty(),
        "a thin instrument has minutes without trades"
    );
    assert!(empty.iter().all(|r| r[1] == r[4] && r[5] == "0.0"));
    let since = NOON / 1_000_000 - 120;
    let newer = sim
        .get(&format!("/kraken/0/public/OHLC?pair=GRTUSD&since={since}"))
        .await;
    assert_eq!(newer["result"]["GRTUSD"].as_array().map(Vec::len), Some(2));
    let unknown = sim.get("/kraken/0/public/OHLC?pair=NOPE").await;
    assert_eq!(unknown, json!({"error": ["EQuery:Unknown asset pair"]}));
    let pairs = sim.get("/kraken/0/public/AssetPairs").await;
    assert_eq!(pairs["result"]["XXBTZUSD"]["wsname"], "XBT/USD");
    assert_eq!(pairs["result"]["XXBTZUSD"]["base"], "XXBT");
    assert_eq!(
        sim.get("/kraken/0/public/Time").await["result"]["unixtime"],
        NOON / 1_000_000 + 30
    );
    sim.stop().await;
}
