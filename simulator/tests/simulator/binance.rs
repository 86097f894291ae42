//! Binance: streams, control messages, pings, limits; REST agrees with the streams.

use coinsphere_simulator::Config;
use serde_json::{Value, json};

use crate::client::{NOON, Sim, config};

fn trade_id(message: &Value) -> Option<u64> {
    (message["e"] == "trade").then(|| message["t"].as_u64())?
}

#[tokio::test]
async fn a_raw_stream_has_the_trades_of_rest_and_klines_are_made_of_them() {
    let sim = Sim::start(Config {
        rate: 60.0,
        ..config()
    })
    .await;
    let mut client = sim.connect("/binance/ws").await;
    client
        .send(r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#)
        .await;
    assert_eq!(client.text().await, r#"{"result":null,"id":1}"#);
    client.silent().await;
    sim.seconds(60.0);
    let trades = client
        .take(300, |m| trade_id(m).map(|id| (id, m.clone())))
        .await;
    assert!(
        trades.windows(2).all(|w| w[1].0 == w[0].0 + 1),
        "ids are contiguous"
    );

    let path = format!(
        "/binance/api/v3/historicalTrades?symbol=BTCUSDT&fromId={}&limit=300",
        trades[0].0
    );
    let rest = sim.get(&path).await;
    for ((id, ws), rest) in trades.iter().zip(rest.as_array().expect("a list")) {
        assert_eq!(rest["id"], *id);
        assert_eq!((&rest["price"], &rest["qty"]), (&ws["p"], &ws["q"]));
        assert_eq!((&rest["time"], &rest["isBuyerMaker"]), (&ws["T"], &ws["m"]));
    }

    // The minute from noon, computed here from all of its trades.
    let mut more = trades;
    let path = format!(
        "/binance/api/v3/historicalTrades?symbol=BTCUSDT&fromId={}&limit=1000",
        more[0].0
    );
    more.clear();
    let all = sim.get(&path).await;
    let minute: Vec<&Value> = all
        .as_array()
        .expect("a list")
        .iter()
        .filter(|t| t["time"].as_i64() < Some(NOON / 1_000 + 60_000))
        .collect();
    assert!(
        minute.len() > 300 && minute.len() < 1_000,
        "{}",
        minute.len()
    );
    let units = |v: &Value| -> u128 {
        v.as_str()
            .expect("a string")
            .replace('.', "")
            .parse()
            .expect("digits")
    };
    let sum = |key: &str, f: &dyn Fn(&Value) -> bool| -> u128 {
        minute.iter().filter(|t| f(t)).map(|t| units(&t[key])).sum()
    };
    let path = format!(
        "/binance/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={}&limit=1",
        NOON / 1_000
    );
    let kline = sim.get(&path).await[0].clone();
    let buys = |t: &Value| t["isBuyerMaker"] == false;
    assert_eq!(kline[0], NOON / 1_000);
    assert_eq!(kline[1], minute[0]["price"]);
    assert_eq!(
        Some(units(&kline[2])),
        minute.iter().map(|t| units(&t["price"])).max()
    );
    assert_eq!(
        Some(units(&kline[3])),
        minute.iter().map(|t| units(&t["price"])).min()
    );
    assert_eq!(kline[4], minute[minute.len() - 1]["price"]);
    assert_eq!(units(&kline[5]), sum("qty", &|_| true));
    assert_eq!(kline[6], NOON / 1_000 + 59_999);
    assert_eq!(units(&kline[7]), sum("quoteQty", &|_| true));
    assert_eq!(kline[8], minute.len());
    assert_eq!(units(&kline[9]), sum("qty", &buys));
    assert_eq!(units(&kline[10]), sum("quoteQty", &buys));

    // The simulator's own account of the same minute.
    let admin = sim
        .get(&format!(
            "/admin/candles?venue=binance&symbol=BTCUSDT&from={}&to={}",
            NOON / 1_000_000,
            NOON / 1_000_000 + 60
        ))
        .await["candles"][0]
        .clone();
    assert_eq!(admin["trades"], minute.len());
    assert_eq!(admin["open_time"], "2026-03-02T12:00:00.000000Z");
    sim.stop().await;
}

#[tokio::test]
async fn combined_streams_are_wrapped_and_can_be_changed() {
    let sim = Sim::start(config()).await;
    let mut client = sim
        .connect("/binance/stream?streams=btcusdt@trade/ethusdt@aggTrade")
        .await;
    sim.seconds(5.0);
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 2 {
        let message = client.json().await;
        let stream = message["stream"].as_str().expect("wrapped").to_owned();
        let event = if stream == "btcusdt@trade" {
            "trade"
        } else {
            "aggTrade"
        };
        assert_eq!(message["data"]["e"], event);
        seen.insert(stream);
    }
    client
        .send(r#"{"method":"LIST_SUBSCRIPTIONS","id":"a"}"#)
        .await;
    client
        .send(r#"{"method":"UNSUBSCRIBE","params":["btcusdt@trade","ethusdt@aggTrade"],"id":3}"#)
        .await;
    let answers = client.take(2, |m| m.get("id").map(|_| m.clone())).await;
    assert_eq!(
        answers[0],
        json!({"result": ["btcusdt@trade", "ethusdt@aggTrade"], "id": "a"})
    );
    assert_eq!(answers[1], json!({"result": null, "id": 3}));
    sim.seconds(5.0);
    client.silent().await;
    sim.stop().await;
}

#[tokio::test]
async fn frames_look_exactly_like_the_recorded_ones() {
    let sim = Sim::start(config()).await;
    let mut client = sim.connect("/binance/stream?streams=btcusdt@trade").await;
    sim.seconds(2.0);
    let text = client.text().await;
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '9' } else { c })
        .collect::<String>();
    let mut squeezed = shape.replace("true", "B").replace("false", "B");
    while squeezed.contains("99") {
        squeezed = squeezed.replace("99", "9");
    }
    assert_eq!(
        squeezed,
        r#"{"stream":"btcusdt@trade","data":{"e":"trade","E":9,"s":"BTCUSDT","t":9,"p":"9.9","q":"9.9","T":9,"m":B,"M":B}}"#
    );
    assert_eq!(
        text.split("\"p\":\"")
            .nth(1)
            .and_then(|p| p.split('"').next())
            .and_then(|p| p.split('.').nth(1))
            .map(str::len),
        Some(8)
    );
    sim.stop().await;
}

#[tokio::test]
async fn wrong_requests_are_answered_and_too_many_end_the_connection() {
    let sim = Sim::start(config()).await;
    let mut client = sim.connect("/binance/ws").await;
    client.send("not json").await;
    assert_eq!(client.json().await["error"]["code"], 3);
    client.send(r#"{"method":"DANCE","id":7}"#).await;
    let answer = client.json().await;
    assert_eq!(
        (&answer["error"]["code"], &answer["id"]),
        (&json!(2), &json!(7))
    );
    client
        .send(r#"{"method":"SUBSCRIBE","params":["nosuch@trade"],"id":8}"#)
        .await;
    assert_eq!(
        client.text().await,
        r#"{"result":null,"id":8}"#,
        "unknown streams stay silent"
    );
    for id in 0..3 {
        client
            .send(&format!(r#"{{"method":"LIST_SUBSCRIPTIONS","id":{id}}}"#))
            .await;
    }
    let (_, close) = client.rest().await;
    assert_eq!(close.map(|c| u16::from(c.code)), Some(1008));
    sim.stop().await;
}

#[tokio::test]
async fn pings_come_every_20_seconds_and_must_be_answered() {
    let sim = Sim::start(config()).await;
    let mut answering = sim.connect("/binance/ws/grtusdt@trade").await;
    let mut deaf = sim.connect("/binance/ws").await;
    sim.counted("connections", 2).await;
    for _ in 0..5 {
        sim.seconds(20.0);
        let pings = answering.pings;
        while answering.pings == pings {
            answering.text().await;
        }
    }
    // The deaf client read nothing, so none of its pings was answered for over a minute.
    let (texts, close) = deaf.rest().await;
    assert!(texts.is_empty());
    assert_eq!(
        close.map(|c| c.reason.to_string()),
        Some("Pong timeout".to_owned())
    );
    sim.stop().await;
}

#[tokio::test]
async fn a_connection_lives_a_day_and_is_told_before_its_end() {
    let sim = Sim::start(config()).await;
    let mut client = sim.connect("/binance/ws").await;
    sim.counted("connections", 1).await;
    sim.seconds(24.0 * 3_600.0 - 30.0);
    let notice = client.json().await;
    assert_eq!(notice["e"], "serverShutdown");
    sim.seconds(31.0);
    assert_eq!(client.rest().await.1.map(|c| u16::from(c.code)), Some(1000));
    sim.stop().await;
}

#[tokio::test]
async fn rest_lists_instruments_and_says_what_is_wrong() {
    let sim = Sim::start(config()).await;
    assert_eq!(
        sim.get("/binance/api/v3/time").await["serverTime"],
        NOON / 1_000
    );
    let info = sim.get("/binance/api/v3/exchangeInfo").await;
    assert_eq!(info["symbols"].as_array().map(Vec::len), Some(31));
    let (status, _, body) = sim
        .request("GET", "/binance/api/v3/trades?symbol=NOSUCH", "")
        .await;
    assert_eq!((status, &body["code"]), (400, &json!(-1121)));
    let (status, _, body) = sim
        .request(
            "GET",
            "/binance/api/v3/klines?symbol=BTCUSDT&interval=7m",
            "",
        )
        .await;
    assert_eq!((status, &body["code"]), (400, &json!(-1120)));
    let daily = sim
        .get("/binance/api/v3/klines?symbol=SOLUSDT&interval=1h")
        .await;
    let rows = daily.as_array().expect("rows");
    assert!(
        rows.len() > 24 && rows.len() < 40,
        "since the origin: {}",
        rows.len()
    );
    assert!(
        rows.windows(2)
            .all(|w| w[1][0].as_i64() == w[0][0].as_i64().map(|t| t + 3_600_000))
    );
    assert_eq!(
        sim.get("/binance/api/v3/trades?symbol=SOLUSDT&limit=5")
            .await
            .as_array()
            .map(Vec::len),
        Some(5)
    );
    let last = sim
        .get("/binance/api/v3/trades?symbol=SOLUSDT&limit=1")
        .await[0]["id"]
        .clone();
    let beyond = format!(
        "/binance/api/v3/historicalTrades?symbol=SOLUSDT&fromId={}",
        last.as_u64().expect("an id") + 1
    );
    assert_eq!(sim.get(&beyond).await, json!([]));
    sim.stop().await;
}

#[tokio::test]
async fn tickers_and_books_are_of_the_market_that_trades() {
    let sim = Sim::start(config()).await;
    let api = "/binance/api/v3";
    let day = sim.get(&format!("{api}/ticker/24hr?symbol=ETHUSDT")).await;
    let path = format!(
        "{api}/klines?symbol=ETHUSDT&interval=1h&startTime={}&limit=24",
        NOON / 1_000 - 86_400_000
    );
    let hours = sim.get(&path).await;
    let hours = hours.as_array().expect("rows");
    let units = |v: &Value| -> i128 {
        let text = v.as_str().expect("a string").replace('.', "");
        text.parse().expect("digits")
    };
    let sum = |place: usize| hours.iter().map(|row| units(&row[place])).sum::<i128>();
    assert_eq!(
        (&day["openPrice"], &day["lastPrice"]),
        (&hours[0][1], &hours[23][4])
    );
    assert_eq!(units(&day["volume"]), sum(5));
    assert_eq!(units(&day["quoteVolume"]), sum(7));
    assert_eq!(
        day["count"],
        hours.iter().filter_map(|row| row[8].as_u64()).sum::<u64>()
    );
    assert_eq!(
        units(&day["priceChange"]),
        units(&day["lastPrice"]) - units(&day["openPrice"])
    );
    assert_eq!(
        (&day["openTime"], &day["closeTime"]),
        (&json!(NOON / 1_000 - 86_400_000), &json!(NOON / 1_000))
    );

    let book = sim
        .get(&format!("{api}/depth?symbol=ETHUSDT&limit=20"))
        .await;
    let prices = |side: &str| -> Vec<i128> {
        let rows = book[side].as_array().expect("levels");
        rows.iter().map(|row| units(&row[0])).collect()
    };
    let (bids, asks) = (prices("bids"), prices("asks"));
    assert_eq!((bids.len(), asks.len()), (20, 20));
    assert!(bids.windows(2).all(|w| w[0] > w[1]) && asks.windows(2).all(|w| w[0] < w[1]));
    assert!(bids[0] < asks[0]);
    let best = sim
        .get(&format!("{api}/ticker/bookTicker?symbol=ETHUSDT"))
        .await;
    for (side, price, quantity) in [
        ("bids", "bidPrice", "bidQty"),
        ("asks", "askPrice", "askQty"),
    ] {
        assert_eq!(
            (&best[price], &best[quantity]),
            (&book[side][0][0], &book[side][0][1])
        );
        assert_eq!(day[price], best[price]);
    }
    // Another moment, another book: its number says so.
    assert_eq!(
        sim.get(&format!("{api}/depth?symbol=ETHUSDT&limit=20"))
            .await,
        book
    );
    sim.seconds(30.0);
    let later = sim
        .get(&format!("{api}/depth?symbol=ETHUSDT&limit=20"))
        .await;
    assert!(later["lastUpdateId"].as_u64() > book["lastUpdateId"].as_u64());
    assert_ne!(later["bids"], book["bids"]);

    let all = sim.get(&format!("{api}/ticker/price")).await;
    assert_eq!(all.as_array().map(Vec::len), Some(31));
    let named = "%5B%22BTCUSDT%22,%22ETHUSDT%22%5D";
    let two = sim
        .get(&format!("{api}/ticker/24hr?type=MINI&symbols={named}"))
        .await;
    let symbols: Vec<_> = two
        .as_array()
        .expect("two")
        .iter()
        .map(|t| &t["symbol"])
        .collect();
    assert_eq!(symbols, ["BTCUSDT", "ETHUSDT"]);
    assert!(two[0].get("bidPrice").is_none(), "{two}");
    let futures = sim.get("/binance/fapi/v1/exchangeInfo").await;
    assert_eq!(futures["symbols"], json!([]));
    for (query, code) in [("type=X", -1139), ("symbol=BTCUSDT&symbols=%5B%5D", -1128)] {
        let path = format!("{api}/ticker/24hr?{query}");
        let (status, _, body) = sim.request("GET", &path, "").await;
        assert_eq!((status, &body["code"]), (400, &json!(code)));
    }
    sim.stop().await;
}
