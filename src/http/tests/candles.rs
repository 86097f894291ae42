//! `/api/v1/instruments/{venue}/{symbol}/candles` and `/api/v1/tokens/{id}/history`.

use coinsphere_pipelines::market::{InstrumentKey, Interval};
use serde_json::json;

use super::memory::{candle, key};
use super::*;

const CANDLES: &str = "/api/v1/instruments/binance/BTCUSDT/candles";

fn btc() -> InstrumentKey {
    key("binance", "BTCUSDT")
}

/// 23:54 to 23:59 without 23:56 and 23:57, prices 1 to 4.
fn with_hole() -> App {
    let app = App::new();
    for (minute, price) in [("54", "1"), ("55", "2"), ("58", "3"), ("59", "4")] {
        app.market
            .store(&btc(), &format!("2024-08-08T23:{minute}:00Z"), price);
    }
    app
}

/// `minute price` of every candle, with `*` where it is not complete.
fn brief(answer: &Value) -> Vec<String> {
    let data = answer["data"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"));
    data.iter()
        .map(|candle| {
            let minute = &candle["open_time"].as_str().unwrap()[11..16];
            let mark = if candle["complete"] == true { "" } else { "*" };
            format!("{minute} {}{mark}", candle["close"].as_str().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn the_whole_answer() {
    let app = App::new();
    app.market
        .store(&btc(), "2024-08-08T23:59:00Z", "61837.630");
    app.market
        .gap(&btc(), "2024-08-08T23:59:10Z", Some("2024-08-08T23:59:20Z"));
    app.get(CANDLES).await.is(
        200,
        json!({
            "data": [{
                "open_time": "2024-08-08T23:59:00Z",
                "open": "61837.63", "high": "61837.63", "low": "61837.63", "close": "61837.63",
                "volume": "1.5", "quote_volume": "92756.445", "trades": 3,
                "taker_buy_volume": "0.5", "complete": true, "revision": 0
            }],
            "next_cursor": null,
            "coverage": {
                "from": "2024-08-08T23:59:00Z",
                "to": "2024-08-09T00:00:30Z",
                "gaps": [{
                    "from": "2024-08-08T23:59:10Z", "to": "2024-08-08T23:59:20Z",
                    "reason": "missing_trades",
                    "first_missing_trade": 5, "last_missing_trade": 7
                }]
            },
            "instrument": {
                "venue": "binance", "symbol": "BTCUSDT", "token": "bitcoin", "base": "BTC", "quote": "USDT"
            },
            "interval": "1m"
        }),
    );
}

#[tokio::test]
async fn nothing_stored_is_an_empty_answer() {
    let body = App::new().get(CANDLES).await.json();
    assert_eq!(body["data"], json!([]));
    assert_eq!(
        body["coverage"],
        json!({"from": null, "to": null, "gaps": []})
    );
}

#[tokio::test]
async fn the_newest_come_without_from_and_pages_lead_back() {
    let app = with_hole();
    let first = app.get(&format!("{CANDLES}?limit=3")).await.json();
    assert_eq!(brief(&first), ["23:55 2", "23:58 3", "23:59 4"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app
        .get(&format!("{CANDLES}?limit=3&cursor={cursor}"))
        .await
        .json();
    assert_eq!(brief(&second), ["23:54 1"]);
    assert_eq!(second["next_cursor"], json!(null));
    assert_eq!(second["coverage"]["to"], "2024-08-08T23:55:00Z");
}

#[tokio::test]
async fn with_from_pages_lead_forward() {
    let app = with_hole();
    let query = "from=2024-08-08T23:55:00Z&limit=2";
    let first = app.get(&format!("{CANDLES}?{query}")).await.json();
    assert_eq!(brief(&first), ["23:55 2", "23:58 3"]);
    assert_eq!(first["coverage"]["to"], "2024-08-08T23:59:00Z");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app
        .get(&format!("{CANDLES}?{query}&cursor={cursor}"))
        .await
        .json();
    assert_eq!(brief(&second), ["23:59 4"]);
    assert_eq!(second["next_cursor"], json!(null));
    let before = app
        .get(&format!("{CANDLES}?{query}&to=2024-08-08T23:58:00Z"))
        .await
        .json();
    assert_eq!(brief(&before), ["23:55 2"]);
    let offset = "from=2024-08-09T01:58:00%2B02:00";
    assert_eq!(
        brief(&app.get(&format!("{CANDLES}?{offset}")).await.json()).len(),
        2
    );
    let unescaped = "from=2024-08-09T01:58:00+02:00";
    assert_eq!(
        brief(&app.get(&format!("{CANDLES}?{unescaped}")).await.json()).len(),
        2
    );
}

#[tokio::test]
async fn a_range_ends_now() {
    let app = with_hole();
    app.market.store(&btc(), "2024-08-08T00:00:00Z", "9");
    app.market.store(&btc(), "2024-08-08T00:01:00Z", "8");
    let day = app.get(&format!("{CANDLES}?range=24h")).await.json();
    assert_eq!(brief(&day)[0], "00:01 8");
    assert_eq!(day["coverage"]["from"], "2024-08-08T00:00:30Z");
    assert_eq!(day["coverage"]["to"], NOW);
    let week = app.get(&format!("{CANDLES}?range=7d")).await.json();
    assert_eq!(brief(&week)[0], "00:00 9");
    let hours = app
        .get(&format!("{CANDLES}?range=30d&interval=1h"))
        .await
        .json();
    assert_eq!(brief(&hours), [""; 0]);
    assert_eq!(hours["interval"], "1h");
}

#[tokio::test]
async fn empty_minutes_are_filled_on_request_up_to_the_open_one() {
    let app = with_hole();
    app.market
        .gap(&btc(), "2024-08-08T23:57:10Z", Some("2024-08-08T23:57:20Z"));
    app.clock.set(at("2024-08-09T00:02:05Z"));
    let filled = app.get(&format!("{CANDLES}?fill=previous")).await.json();
    assert_eq!(
        brief(&filled),
        [
            "23:54 1", "23:55 2", "23:56 2", "23:57 2*", "23:58 3", "23:59 4", "00:00 4",
            "00:01 4*",
        ],
        "not complete where trades are missing, nor before late trades have had their time"
    );
    assert_eq!(
        filled["data"][2],
        json!({
            "open_time": "2024-08-08T23:56:00Z", "open": "2", "high": "2", "low": "2", "close": "2",
            "volume": "0", "quote_volume": "0", "trades": 0, "taker_buy_volume": "0",
            "complete": true, "revision": 0
        })
    );
}

#[tokio::test]
async fn filled_pages_hold_no_more_than_the_limit_and_join() {
    let app = with_hole();
    let mut path = format!("{CANDLES}?fill=previous&limit=2");
    let mut pages = Vec::new();
    loop {
        let page = app.get(&path).await.json();
        pages.push(brief(&page).join(", "));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("{CANDLES}?fill=previous&limit=2&cursor={cursor}");
    }
    assert_eq!(
        pages,
        ["23:58 3, 23:59 4", "23:56 2, 23:57 2", "23:54 1, 23:55 2"]
    );

    let query = "fill=previous&limit=3&from=2024-08-08T23:55:30Z&to=2024-08-09T00:00:00Z";
    let first = app.get(&format!("{CANDLES}?{query}")).await.json();
    assert_eq!(brief(&first), ["23:56 2", "23:57 2", "23:58 3"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app
        .get(&format!("{CANDLES}?{query}&cursor={cursor}"))
        .await
        .json();
    assert_eq!(brief(&second), ["23:59 4"]);
    assert_eq!(second["next_cursor"], json!(null));
}

#[tokio::test]
async fn filling_invents_nothing_before_the_first_trade() {
    let app = with_hole();
    let query = "fill=previous&from=2024-08-01T00:00:00Z&limit=2";
    let body = app.get(&format!("{CANDLES}?{query}")).await.json();
    assert_eq!(brief(&body), ["23:54 1", "23:55 2"]);
    let query = "fill=previous&from=2024-07-01T00:00:00Z&to=2024-07-02T00:00:00Z";
    let body = app.get(&format!("{CANDLES}?{query}")).await.json();
    assert_eq!(brief(&body), [""; 0]);
    let quiet = "fill=previous&from=2024-08-08T23:56:00Z&to=2024-08-08T23:58:00Z";
    let body = app.get(&format!("{CANDLES}?{quiet}")).await.json();
    assert_eq!(
        brief(&body),
        ["23:56 2", "23:57 2"],
        "known from the candle before"
    );
}

#[tokio::test]
async fn the_open_candle_is_the_newest_that_is_known() {
    let app = with_hole();
    let publish = |time: &str, price: &str, trades| {
        let live = candle(at(time), price, trades);
        app.hub
            .publish_candle(&btc(), Interval::Minute1, &live, 0, false);
    };
    publish("2024-08-09T00:00:00Z", "5", 1);
    let body = app.get(CANDLES).await.json();
    assert_eq!(
        brief(&body).last().unwrap(),
        "00:00 5*",
        "ahead of the store"
    );
    app.market
        .store_as(&btc(), "2024-08-09T00:00:00Z", "5.5", true);
    let body = app.get(CANDLES).await.json();
    assert_eq!(
        brief(&body).last().unwrap(),
        "00:00 5.5*",
        "the store has more trades"
    );
    publish("2024-08-09T00:00:00Z", "6", 7);
    let body = app.get(&format!("{CANDLES}?limit=2")).await.json();
    assert_eq!(brief(&body), ["23:59 4", "00:00 6*"]);
    let until = format!("{CANDLES}?to=2024-08-09T00:00:00Z");
    assert_eq!(
        brief(&app.get(&until).await.json()).last().unwrap(),
        "23:59 4"
    );

    publish("2024-08-09T00:01:00Z", "7", 1);
    let newest = app.get(&format!("{CANDLES}?limit=2")).await.json();
    assert_eq!(brief(&newest), ["00:00 5.5*", "00:01 7*"]);
    let cursor = newest["next_cursor"].as_str().unwrap();
    let older = app
        .get(&format!("{CANDLES}?limit=2&cursor={cursor}"))
        .await
        .json();
    assert_eq!(
        brief(&older),
        ["23:58 3", "23:59 4"],
        "pages join around the live candle"
    );
    let from = format!("{CANDLES}?from=2024-08-08T23:58:00Z&limit=3");
    let body = app.get(&from).await.json();
    assert_eq!(brief(&body).len(), 3);
    assert!(
        body["next_cursor"].is_string(),
        "the live candle is on the next page"
    );
}

#[tokio::test]
async fn an_outage_that_lasts_is_reported_after_the_last_candle() {
    let app = with_hole();
    app.market.gap(&btc(), "2024-08-09T00:00:05Z", None);
    let body = app.get(CANDLES).await.json();
    assert_eq!(body["coverage"]["gaps"][0]["from"], "2024-08-09T00:00:05Z");
    assert_eq!(body["coverage"]["gaps"][0]["to"], json!(null));
    let before = app
        .get(&format!("{CANDLES}?to=2024-08-09T00:00:00Z"))
        .await
        .json();
    assert_eq!(before["coverage"]["gaps"], json!([]));
}

#[tokio::test]
async fn a_slash_is_reachable_both_ways() {
    let app = App::new();
    app.market
        .store(&key("kraken", "BTC/USD"), "2024-08-08T23:59:00Z", "3");
    for path in ["BTC%2FUSD", "BTC-USD"] {
        let path = format!("/api/v1/instruments/kraken/{path}/candles");
        let body = app.get(&path).await.json();
        assert_eq!(body["instrument"]["symbol"], "BTC/USD");
        assert_eq!(brief(&body), ["23:59 3"]);
    }
    let coinbase = app
        .get("/api/v1/instruments/coinbase/BTC-USD/candles")
        .await
        .json();
    assert_eq!(coinbase["instrument"]["symbol"], "BTC-USD");
}

#[tokio::test]
async fn a_tokens_history_is_its_primary_instruments_or_the_asked_venues() {
    let app = App::new();
    app.market.store(&btc(), "2024-08-08T23:59:00Z", "1");
    app.market
        .store(&key("kraken", "BTC/USD"), "2024-08-08T23:59:00Z", "2");
    for (path, symbol, price) in [
        ("/api/v1/tokens/bitcoin/history", "BTCUSDT", "23:59 1"),
        (
            "/api/v1/tokens/BTC/history?range=24h&interval=1m",
            "BTCUSDT",
            "23:59 1",
        ),
        (
            "/api/v1/tokens/bitcoin/history?venue=kraken",
            "BTC/USD",
            "23:59 2",
        ),
    ] {
        let body = app.get(path).await.json();
        assert_eq!(body["instrument"]["symbol"], symbol, "{path}");
        assert_eq!(brief(&body), [price], "{path}");
        let query = app.market.queried.lock().unwrap().clone().unwrap();
        assert_eq!(
            query.asset.unwrap().as_str(),
            "bitcoin",
            "imported candles of the token too"
        );
    }
    app.get(CANDLES).await;
    let query = app.market.queried.lock().unwrap().clone().unwrap();
    assert_eq!(query.asset, None);
}

#[tokio::test]
async fn nothing_is_claimed_about_the_time_before_anyone_listened() {
    let app = with_hole();
    let coverage = async |query: &str| {
        let body = app.get(&format!("{CANDLES}?{query}")).await.json();
        let coverage = &body["coverage"];
        (coverage["from"].clone(), coverage["to"].clone())
    };
    let early = coverage("from=2024-08-01T00:00:00Z").await;
    assert_eq!(early, (json!("2024-08-08T23:54:00Z"), json!(NOW)));
    let none = coverage("from=2024-07-01T00:00:00Z&to=2024-07-02T00:00:00Z").await;
    assert_eq!(none, (json!(null), json!(null)));
    let quiet = coverage("from=2024-08-08T23:56:00Z&to=2024-08-08T23:58:00Z").await;
    assert_eq!(
        quiet,
        (json!("2024-08-08T23:56:00Z"), json!("2024-08-08T23:58:00Z")),
        "empty, but listened to"
    );
    app.market
        .gap(&btc(), "2024-08-08T00:00:00Z", Some("2024-08-08T23:54:10Z"));
    let late_start = coverage("from=2024-08-01T00:00:00Z").await;
    assert_eq!(
        late_start.0, "2024-08-08T00:00:00Z",
        "a gap is knowledge too"
    );
}

#[tokio::test]
async fn times_at_the_ends_of_what_fits_are_answered_and_those_beyond_are_out_of_range() {
    let app = with_hole();
    let first = "1677-09-21T00:12:43.145224192Z";
    let last = "2262-04-11T23:47:16.854775807Z";
    for fill in ["", "&fill=previous"] {
        for interval in ["1m", "1h", "1d"] {
            let asked = |query: &str| format!("{CANDLES}?interval={interval}{fill}&{query}");
            for query in [
                format!("from={first}"),
                format!("from={last}"),
                format!("to={first}"),
                format!("to={last}"),
                format!("from={first}&to={last}"),
                format!("from={first}&cursor=f7fffffffffffffff"),
                format!("from={first}&cursor=f8000000000000000"),
                "cursor=t8000000000000000".to_owned(),
                "cursor=t7fffffffffffffff".to_owned(),
            ] {
                let answer = app.get(&asked(&query)).await;
                assert_eq!(answer.status, 200, "{query}");
            }
        }
    }
    for beyond in [
        "1677-09-21T00:12:43.145224191Z",
        "2262-04-11T23:47:16.854775808Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ] {
        for name in ["from", "to"] {
            let answer = app.get(&format!("{CANDLES}?{name}={beyond}")).await;
            assert_eq!(answer.status, 400, "{name}={beyond}");
            assert!(answer.body.contains("out of range"), "{}", answer.body);
        }
    }
    let answer = app.get(&format!("{CANDLES}?from=yesterday")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("RFC 3339"), "{}", answer.body);
}

/// Every route that takes a time or a place in time, as the document lists them.
#[tokio::test]
async fn no_time_fails_any_route_that_takes_one() {
    const LIMITS: [&str; 2] = [
        "1677-09-21T00:12:43.145224192Z",
        "2262-04-11T23:47:16.854775807Z",
    ];
    let app = with_hole();
    let router = app.router();
    let document = app.get("/openapi.json").await.json();
    let mut taken = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let parameters = item["get"]["parameters"].as_array();
        for parameter in parameters.into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let is_time = parameter["schema"]["format"] == "date-time"
                || ["from", "to", "since", "until", "cursor"].contains(&name);
            // Portfolios, alerts and notifications are a user's: their tests ask with one.
            let own = ["portfolios", "alerts", "notifications"];
            let is_anybodys = !own
                .iter()
                .any(|noun| path.starts_with(&format!("/api/v1/{noun}")));
            if parameter["in"] == "query" && is_time && is_anybodys {
                let path = path
                    .replace("{venue}", "binance")
                    .replace("{symbol}", "BTCUSDT")
                    .replace("{id}", "bitcoin")
                    .replace("{token}", "bitcoin");
                taken.push((path, name.to_owned()));
            }
        }
    }
    let token = format!("Bearer {}", super::forecasts::TOKEN);
    let ask = async |path: &str, name: &str, value: &str| {
        let value = value.replace('+', "%2B");
        let request = Request::get(format!("{path}?{name}={value}"));
        let request = request.header("authorization", &token);
        send(&router, request.body(Body::empty()).unwrap()).await
    };
    let has = |path: &str, name: &str| taken.iter().any(|(p, n)| p.ends_with(path) && n == name);
    for (path, name) in [
        ("/candles", "from"),
        ("/candles", "to"),
        ("/candles", "cursor"),
        ("/tokens/bitcoin/history", "from"),
        ("/tokens/bitcoin/history", "cursor"),
        ("/predictions/bitcoin/history", "cursor"),
        ("/admin/jobs", "cursor"),
        ("/admin/users", "cursor"),
        ("/auth/sessions", "cursor"),
    ] {
        assert!(has(path, name), "{path} takes no {name}: {taken:?}");
    }
    for (path, name) in &taken {
        let is_time = name != "cursor";
        for within in LIMITS.into_iter().chain([
            "2024-08-08T23:54:00+14:00",
            "2024-08-08T23:54:00-12:00",
            "2024-08-08t23:54:00.123456789z",
            "1969-12-31T23:59:59.999999999Z",
            "2016-12-31T23:59:60Z",
        ]) {
            let answer = ask(path, name, within).await;
            let status = answer.status.as_u16();
            match is_time {
                true => assert_eq!(status, 200, "{path} {name}={within}: {}", answer.body),
                false => assert!((400..=403).contains(&status), "{path} {name}={within}"),
            }
        }
        for beyond in [
            "1677-09-21T00:12:43.145224191Z",
            "2262-04-11T23:47:16.854775808Z",
            "2262-04-11T23:47:17+00:00",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
        ] {
            let answer = ask(path, name, beyond).await;
            assert!(
                (400..=403).contains(&answer.status.as_u16()),
                "{path} {name}={beyond}: {}",
                answer.status
            );
            if is_time {
                for limit in LIMITS {
                    assert!(
                        answer.body.contains(limit),
                        "{path} {name}: {}",
                        answer.body
                    );
                }
            }
        }
        for garbage in [
            "",
            "0",
            "-1",
            "9223372036854775807",
            "-9223372036854775808",
            "99999999999999999999999999",
            "1e300",
            "NaN",
            "2024-13-01T00:00:00Z",
            "2024-02-30T00:00:00Z",
            "2024-08-08T24:00:00Z",
            "2024-08-08T23:54:00+99:99",
            "2262-04-11T23:47:16.854775807-23:59",
            "+292277026596-12-04T15:30:07Z",
            "-292277022657-01-27T08:29:52Z",
            "tomorrow",
        ] {
            let answer = ask(path, name, garbage).await;
            let status = answer.status.as_u16();
            assert!(
                (400..=403).contains(&status),
                "{path} {name}={garbage}: {status}"
            );
        }
        // Places in time that an answer's cursor could name.
        for digits in [
            "0",
            "1",
            "7fffffffffffffff",
            "8000000000000000",
            "ffffffffffffffff",
        ] {
            let id = "0190a3c8f7d24b1f8a6b2f0c9d4e5f60";
            for cursor in [
                format!("f{digits}"),
                format!("t{digits}"),
                format!("{id}{digits}"),
            ] {
                let answer = ask(path, "cursor", &cursor).await;
                // Without a database, accounts and jobs answer that they are away.
                let status = answer.status.as_u16();
                assert!(
                    [200, 400, 401, 403, 503].contains(&status),
                    "{path} {cursor}: {status}"
                );
            }
        }
    }
}

#[tokio::test]
async fn as_csv_every_closed_candle_is_there() {
    let app = with_hole();
    let whole = format!("{CANDLES}?from=2024-08-08T00:00:00Z&format=csv");
    let answer = app.get(&whole).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        answer.headers["content-disposition"],
        "attachment; filename=\"binance-BTCUSDT-1m.csv\""
    );
    let lines: Vec<&str> = answer.body.lines().collect();
    assert_eq!(lines.len(), 5, "{}", answer.body);
    assert!(lines[0].starts_with("venue,instrument,open_time,open,high,low,close,"));
    assert!(lines[1].starts_with("binance,BTCUSDT,2024-08-08T23:54:00Z,1,1,1,1,"));
    for (query, field) in [
        ("format=csv", "format"),
        ("format=csv&range=7d&limit=5", "format"),
        ("format=xml", "format"),
    ] {
        let refused = app.get(&format!("{CANDLES}?{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(refused.json()["errors"][0]["field"], field, "{query}");
    }
}
