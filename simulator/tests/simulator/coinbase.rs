//! Coinbase: the Exchange feed, the Advanced Trade feed, and their REST, all of one book.

use serde_json::{Value, json};

use crate::client::{NOON, Sim, config};

const SUBSCRIBE: &str = r#"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channels":["matches",{"name":"heartbeat","product_ids":["BTC-USD"]}]}"#;

fn matched(message: &Value) -> Option<Value> {
    (message["type"] == "match" && message["product_id"] == "BTC-USD").then(|| message.clone())
}

#[tokio::test]
async fn the_exchange_feed_starts_with_the_last_match_and_agrees_with_rest() {
    let sim = Sim::start(config()).await;
    let mut client = sim.connect("/coinbase").await;
    client.send(SUBSCRIBE).await;
    let answer = client.json().await;
    assert_eq!(
        answer,
        json!({"type": "subscriptions", "channels": [
            {"name": "heartbeat", "product_ids": ["BTC-USD", "ETH-USD"]},
            {"name": "matches", "product_ids": ["BTC-USD", "ETH-USD"]},
        ]})
    );
    let last = [client.json().await, client.json().await];
    assert!(last.iter().all(|m| m["type"] == "last_match"));
    sim.seconds(20.0);
    let matches = client.take(60, matched).await;
    assert_eq!(
        matches[0]["trade_id"].as_u64(),
        last[0]["trade_id"].as_u64().map(|id| id + 1)
    );

    // Paging back through REST from the newest finds the same trades; side is the maker's in both.
    let newest = matches[59]["trade_id"].as_u64().expect("an id");
    let path = format!(
        "/coinbase/products/BTC-USD/trades?limit=40&after={}",
        newest + 1
    );
    let (_, head, page) = sim.request("GET", &path, "").await;
    assert!(head.contains(&format!("cb-before: {newest}")), "{head}");
    assert!(
        head.contains(&format!("cb-after: {}", newest - 39)),
        "{head}"
    );
    let path = format!(
        "/coinbase/products/BTC-USD/trades?limit=20&after={}",
        newest - 39
    );
    let older = sim.get(&path).await;
    let rest: Vec<&Value> = page
        .as_array()
        .into_iter()
        .chain(older.as_array())
        .flatten()
        .collect();
    assert_eq!(rest.len(), 60);
    for (ws, rest) in matches.iter().rev().zip(rest) {
        assert_eq!(
            (&ws["trade_id"], &ws["side"], &ws["time"]),
            (&rest["trade_id"], &rest["side"], &rest["time"])
        );
        let number = |v: &Value| v.as_str().and_then(|s| s.parse::<f64>().ok());
        assert_eq!(
            (number(&ws["price"]), number(&ws["size"])),
            (number(&rest["price"]), number(&rest["size"]))
        );
    }
    sim.stop().await;
}

#[tokio::test]
async fn heartbeats_name_the_last_trade() {
    let sim = Sim::start(config()).await;
    let mut client = sim.connect("/coinbase/ws").await;
    client
        .send(r#"{"type":"subscribe","product_ids":["BTC-USD"],"channels":["heartbeat"]}"#)
        .await;
    assert_eq!(client.json().await["type"], "subscriptions");
    for beat in 1..=3 {
        sim.seconds(1.0);
        let heartbeat = client.json().await;
        assert_eq!(heartbeat["type"], "heartbeat");
        let newest = sim.get("/coinbase/products/BTC-USD/trades?limit=1").await;
        assert_eq!(
            heartbeat["last_trade_id"], newest[0]["trade_id"],
            "beat {beat}"
        );
    }
    sim.stop().await;
}

#[tokio::test]
async fn whoever_does_not_subscribe_in_5_seconds_is_dropped_and_errors_are_said() {
    let sim = Sim::start(config()).await;
    for path in ["/coinbase", "/coinbase-advanced"] {
        let mut client = sim.connect(path).await;
        let open = sim.get("/admin/state").await["counters"]["connections"].as_u64();
        sim.counted("connections", open.unwrap_or(0).max(1)).await;
        client.send(r#"{"type":"subscribe","product_ids":["NO-SUCH"],"channels":["matches"],"channel":"market_trades"}"#).await;
        let refusal = client.json().await;
        assert_eq!(refusal["type"], "error", "{refusal}");
        sim.seconds(5.1);
        assert!(client.rest().await.1.is_some(), "{path} closes");
    }
    let (status, _, body) = sim
        .request("GET", "/coinbase/products/NO-SUCH/trades", "")
        .await;
    assert_eq!((status, &body["message"]), (404, &json!("NotFound")));
    let (status, _, _) = sim
        .request(
            "GET",
            "/coinbase/products/BTC-USD/candles?granularity=60&start=1772400000&end=1772452800",
            "",
        )
        .await;
    assert_eq!(status, 400, "more than 300 rows are refused");
    sim.stop().await;
}

#[tokio::test]
async fn advanced_updates_are_batches_of_the_same_book() {
    let sim = Sim::start(config()).await;
    let mut client = sim.connect("/coinbase-advanced").await;
    client
        .send(r#"{"type":"subscribe","channel":"heartbeats"}"#)
        .await;
    client
        .send(r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}"#)
        .await;
    let mut number = 0;
    let mut trades: Vec<Value> = Vec::new();
    let mut heartbeats = 0;
    let mut kinds = Vec::new();
    while trades.len() < 100 || heartbeats < 5 {
        if number > 2 {
            sim.seconds(1.0);
        }
        let message = client.json().await;
        assert_eq!(
            message["sequence_num"], number,
            "one count over all channels"
        );
        number += 1;
        match message["channel"].as_str() {
            Some("heartbeats") => heartbeats += 1,
            Some("market_trades") => {
                let event = &message["events"][0];
                kinds.push(event["type"].clone());
                let rows = event["trades"].as_array().expect("trades");
                trades.extend(rows.iter().rev().cloned());
            }
            other => assert_eq!(other, Some("subscriptions")),
        }
    }
    assert_eq!(kinds[0], "snapshot");
    assert!(kinds[1..].iter().all(|k| k == "update"));
    let ids: Vec<u64> = trades
        .iter()
        .map(|t| {
            t["trade_id"]
                .as_str()
                .expect("ids are strings")
                .parse()
                .expect("digits")
        })
        .collect();
    assert!(ids.windows(2).all(|w| w[1] == w[0] + 1), "{ids:?}");
    // The other API knows the same trades.
    let path = format!(
        "/coinbase/products/BTC-USD/trades?limit=1&after={}",
        ids[70] + 1
    );
    let exchange = sim.get(&path).await[0].clone();
    assert_eq!(exchange["trade_id"], ids[70]);
    assert_eq!(
        exchange["side"].as_str().map(str::to_uppercase).as_deref(),
        trades[70]["side"].as_str()
    );
    sim.stop().await;
}

#[tokio::test]
async fn candles_have_the_venues_column_order_and_both_apis_agree() {
    let sim = Sim::start(config()).await;
    let (start, end) = (NOON / 1_000_000 - 3_600, NOON / 1_000_000 - 60);
    let path = format!(
        "/coinbase/products/BTC-USD/candles?granularity=60&start={start}&end=2026-03-02T11:59:00Z"
    );
    let rows = sim.get(&path).await;
    let rows = rows.as_array().expect("rows");
    assert!(rows.len() > 50);
    assert!(
        rows.windows(2).all(|w| w[0][0].as_i64() > w[1][0].as_i64()),
        "newest first"
    );
    let truth = sim
        .get(&format!(
            "/admin/candles?venue=coinbase&symbol=BTC-USD&from={start}&to={}",
            end + 60
        ))
        .await;
    let truth = truth["candles"].as_array().expect("rows");
    let advanced = sim.get(&format!("/coinbase-advanced/api/v3/brokerage/market/products/BTC-USD/candles?granularity=ONE_MINUTE&start={start}&end={end}")).await;
    let advanced = advanced["candles"].as_array().expect("rows");
    assert_eq!((rows.len(), rows.len()), (truth.len(), advanced.len()));
    for ((row, truth), advanced) in rows.iter().zip(truth.iter().rev()).zip(advanced) {
        let columns = ["low", "high", "open", "close", "volume"];
        for (i, column) in columns.into_iter().enumerate() {
            let text = truth[column].as_str().expect("a decimal");
            assert_eq!(row[i + 1].as_f64(), text.parse().ok(), "{column}");
            assert_eq!(
                advanced[column]
                    .as_str()
                    .and_then(|s| s.parse::<f64>().ok()),
                text.parse().ok()
            );
        }
    }
    sim.stop().await;
}

#[tokio::test]
async fn exchange_lists_currencies_and_quotes_products() {
    let sim = Sim::start(config()).await;
    let currencies = sim.get("/coinbase/currencies").await;
    assert_eq!(currencies.as_array().map(Vec::len), Some(32));
    let bitcoin = sim.get("/coinbase/currencies/BTC").await;
    assert_eq!(
        (&bitcoin["name"], &bitcoin["details"]["type"]),
        (&json!("Bitcoin"), &json!("crypto"))
    );
    let (status, _, body) = sim.request("GET", "/coinbase/currencies/NOPE", "").await;
    assert_eq!((status, body), (404, json!({"message": "NotFound"})));

    let product = "/coinbase/products/BTC-USD";
    let ticker = sim.get(&format!("{product}/ticker")).await;
    let last = sim.get(&format!("{product}/trades?limit=1")).await[0].clone();
    assert_eq!(
        (&ticker["trade_id"], &ticker["time"]),
        (&last["trade_id"], &last["time"])
    );
    let stats = sim.get(&format!("{product}/stats")).await;
    assert_eq!(stats["last"], ticker["price"]);
    let number = |v: &Value| -> f64 { v.as_str().and_then(|s| s.parse().ok()).expect("a number") };
    assert_eq!(number(&stats["volume"]), number(&ticker["volume"]));
    assert!(number(&stats["volume_30day"]) > number(&stats["volume"]));
    let one = sim.get(&format!("{product}/book")).await;
    assert_eq!(
        (&one["bids"][0][0], &one["asks"][0][0]),
        (&ticker["bid"], &ticker["ask"])
    );
    let two = sim.get(&format!("{product}/book?level=2")).await;
    assert_eq!(two["bids"].as_array().map(Vec::len), Some(50));
    assert_eq!(two["bids"][0], one["bids"][0]);
    let three = sim.get(&format!("{product}/book?level=3")).await;
    assert_eq!(
        three["asks"][0][2].as_str().map(str::len),
        Some(36),
        "an order's id"
    );
    let (status, _, _) = sim
        .request("GET", &format!("{product}/book?level=9"), "")
        .await;
    assert_eq!(status, 400);
    let lines = sim.get("/coinbase/products/spark-lines").await;
    assert_eq!(lines.as_object().map(serde_json::Map::len), Some(31));
    let newest = lines["BTC-USD"][0].as_array().expect("a row").clone();
    assert_eq!(
        (newest.len(), newest[4].as_f64()),
        (5, Some(number(&ticker["price"])))
    );
    sim.stop().await;
}

#[tokio::test]
async fn advanced_answers_what_clients_ask_without_a_key() {
    let sim = Sim::start(config()).await;
    let root = "/coinbase-advanced";
    let time = sim.get(&format!("{root}/v2/time")).await;
    assert_eq!(
        time["data"],
        json!({"iso": "2026-03-02T12:00:00Z", "epoch": NOON / 1_000_000})
    );
    let fiat = sim.get(&format!("{root}/v2/currencies")).await;
    assert_eq!(fiat["data"][0]["id"], "USD");
    let crypto = sim.get(&format!("{root}/v2/currencies/crypto")).await;
    assert_eq!(crypto["data"].as_array().map(Vec::len), Some(31));

    let market = format!("{root}/api/v3/brokerage/market");
    let products = sim.get(&format!("{market}/products")).await;
    assert_eq!(products["num_products"], 31);
    let named = "product_ids=ETH-USD&product_ids=BTC-USD&product_type=SPOT";
    let two = sim.get(&format!("{market}/products?{named}")).await;
    assert_eq!(
        (&two["num_products"], &two["products"][0]),
        (&json!(2), &products["products"][0])
    );
    let futures = sim
        .get(&format!("{market}/products?product_type=FUTURE"))
        .await;
    assert_eq!(futures["products"], json!([]));
    let page = sim
        .get(&format!("{market}/products?limit=3&offset=30"))
        .await;
    assert_eq!(page["products"].as_array().map(Vec::len), Some(1));
    let bitcoin = &products["products"][0];
    let ticker = sim.get("/coinbase/products/BTC-USD/ticker").await;
    let number = |v: &Value| -> f64 { v.as_str().and_then(|s| s.parse().ok()).expect("a number") };
    assert_eq!(bitcoin["price"], ticker["price"]);
    assert_eq!(number(&bitcoin["volume_24h"]), number(&ticker["volume"]));

    let rates = sim
        .get(&format!("{root}/v2/exchange-rates?currency=BTC"))
        .await;
    let rates = &rates["data"]["rates"];
    assert_eq!(
        (&rates["USD"], &rates["BTC"]),
        (&ticker["price"], &json!("1"))
    );
    let (status, _, body) = sim
        .request(
            "GET",
            &format!("{root}/v2/exchange-rates?currency=NOPE"),
            "",
        )
        .await;
    assert_eq!(
        (status, &body["errors"][0]["id"]),
        (400, &json!("invalid_request"))
    );

    let path = format!("{market}/product_book?product_id=BTC-USD&limit=5");
    let book = sim.get(&path).await;
    assert_eq!(book["pricebook"]["bids"].as_array().map(Vec::len), Some(5));
    assert_eq!(book["pricebook"]["asks"][0]["price"], ticker["ask"]);
    assert_eq!(book["last"], ticker["price"]);
    let trades = sim
        .get(&format!("{market}/products/BTC-USD/ticker?limit=1"))
        .await;
    assert_eq!(trades["best_bid"], ticker["bid"]);
    let (status, _, _) = sim
        .request("GET", &format!("{market}/product_book"), "")
        .await;
    assert_eq!(status, 404);
    sim.stop().await;
}
