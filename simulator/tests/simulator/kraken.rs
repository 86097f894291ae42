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

#[tokio::test]
async fn assets_tickers_and_books_have_the_recorded_shapes() {
    let sim = Sim::start(config()).await;
    let assets = sim.get("/kraken/0/public/Assets").await["result"].clone();
    assert_eq!(assets.as_object().map(serde_json::Map::len), Some(32));
    assert_eq!(
        assets["XXBT"],
        json!({"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5, "status": "enabled"})
    );
    let two = sim.get("/kraken/0/public/Assets?asset=XBT,ZUSD").await;
    assert_eq!(two["result"].as_object().map(serde_json::Map::len), Some(2));
    let unknown = sim.get("/kraken/0/public/Assets?asset=NOPE").await;
    assert_eq!(unknown, json!({"error": ["EQuery:Unknown asset"]}));

    let tickers = sim.get("/kraken/0/public/Ticker?pair=XBTUSD,XDGUSD").await;
    let tickers = tickers["result"].as_object().expect("tickers").clone();
    assert_eq!(tickers.len(), 2);
    let ticker = &tickers["XXBTZUSD"];
    let lengths =
        ["a", "b", "c", "v", "p", "t", "l", "h"].map(|key| ticker[key].as_array().map(Vec::len));
    assert_eq!(lengths, [3, 3, 2, 2, 2, 2, 2, 2].map(Some));
    let number = |v: &Value| -> f64 { v.as_str().and_then(|s| s.parse().ok()).expect("a number") };
    assert!(number(&ticker["b"][0]) < number(&ticker["a"][0]));
    // Since midnight is part of the last 24 hours.
    assert!(ticker["t"][0].as_u64() < ticker["t"][1].as_u64());
    assert!(number(&ticker["l"][0]) >= number(&ticker["l"][1]));
    assert!(number(&ticker["h"][0]) <= number(&ticker["h"][1]));
    let minutes = sim
        .get("/kraken/0/public/OHLC?pair=XBTUSD&interval=1440")
        .await;
    let today = minutes["result"]["XXBTZUSD"]
        .as_array()
        .expect("rows")
        .last()
        .expect("today")
        .clone();
    assert_eq!(number(&ticker["o"]), number(&today[1]));
    assert_eq!((&ticker["v"][0], &ticker["t"][0]), (&today[6], &today[7]));
    assert_eq!(number(&ticker["c"][0]), number(&today[4]));

    let book = sim.get("/kraken/0/public/Depth?pair=XBTUSD&count=7").await;
    let book = &book["result"]["XXBTZUSD"];
    assert_eq!(
        (
            book["asks"].as_array().map(Vec::len),
            book["bids"].as_array().map(Vec::len)
        ),
        (Some(7), Some(7))
    );
    assert_eq!(book["asks"][0][0], ticker["a"][0]);
    assert!(
        book["bids"]
            .as_array()
            .expect("rows")
            .iter()
            .all(|row| row[2].as_i64() <= Some(NOON / 1_000_000))
    );
    sim.stop().await;
}
