//! Recordings as lines of `<receive time, ns> <frame>` with the trades in them, read in the plainest
//! way. Shares no code with the program's decoders.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::bars::{Deal, nanoseconds};

/// A recording.
pub(crate) struct Recording {
    pub(crate) venue: &'static str,
    pub(crate) lines: String,
    pub(crate) deals: Vec<Deal>,
}

fn gunzipped(path: &Path) -> String {
    let mut text = String::new();
    let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .expect("gzip");
    text
}

/// Compresses.
pub(crate) fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).expect("memory");
    encoder.finish().expect("memory")
}

fn decimal(value: &Value) -> Decimal {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| panic!("{value}"))
}

/// Binance BTCUSDT, 6 minutes of 2024-08-08.
pub(crate) fn binance(folder: &Path) -> Recording {
    let lines = gunzipped(&folder.join("ws/binance/binance_spot_btcusdt_trade_20240808.jsonl.gz"));
    let deal = |line: &str| {
        let frame: Value = serde_json::from_str(line.split_once(' ')?.1).ok()?;
        let data = &frame["data"];
        Some(Deal {
            symbol: data["s"].as_str()?.to_owned(),
            id: data["t"].as_u64()?,
            time: data["T"].as_i64()? * 1_000_000,
            price: decimal(&data["p"]),
            quantity: decimal(&data["q"]),
            taker_buys: !data["m"].as_bool()?,
        })
    };
    let deals: Vec<Deal> = lines.lines().filter_map(deal).collect();
    assert_eq!(deals.len(), 9_757, "the recording is another one");
    Recording {
        venue: "binance",
        lines,
        deals,
    }
}

/// Coinbase Exchange, 10 products, half a minute of 2021-04-17. A match's side is the maker's.
pub(crate) fn coinbase(folder: &Path) -> Recording {
    let capture = gunzipped(&folder.join("ws/coinbase/COINBASE.ws.28.0.gz"));
    let (mut lines, mut deals) = (String::new(), Vec::new());
    for line in capture.lines() {
        let Some((time, frame)) = line.split_once(": ") else {
            continue;
        };
        let Ok(time) = time.parse::<Decimal>() else {
            continue;
        };
        let nanos = (time * Decimal::from(1_000_000_000)).trunc();
        lines.push_str(&format!("{nanos} {frame}\n"));
        let frame: Value = serde_json::from_str(frame).expect("JSON");
        if frame["type"] == "match" {
            deals.push(Deal {
                symbol: frame["product_id"].as_str().expect("a product").to_owned(),
                id: frame["trade_id"].as_u64().expect("an id"),
                time: nanoseconds(frame["time"].as_str().expect("a time")),
                price: decimal(&frame["price"]),
                quantity: decimal(&frame["size"]),
                taker_buys: frame["side"] == "sell",
            });
        }
    }
    assert_eq!(deals.len(), 97, "the recording is another one");
    Recording {
        venue: "coinbase",
        lines,
        deals,
    }
}

/// Kraken BCH/EUR, 3 hours of 2019-05-15: REST rows put into v2 frames, with contiguous ids and
/// heartbeats in between.
pub(crate) fn kraken(folder: &Path) -> Recording {
    let cassette = gunzipped(&folder.join("rest/kraken/Kraken_trades.jsonl.gz"));
    let request: Value =
        serde_json::from_str(cassette.lines().next().expect("a line")).expect("JSON");
    let body: Value =
        serde_json::from_str(request["body"].as_str().expect("a body")).expect("JSON");
    let rows = body["result"]["BCHEUR"].as_array().expect("rows");
    let (mut lines, mut deals) = (String::new(), Vec::<Deal>::new());
    let mut heard = 0;
    for (id, row) in (7_000_000_u64..).zip(rows) {
        // The fraction as it is written: a float would not hold it.
        let time: Decimal = row[2].to_string().parse().expect("a time");
        let time = (time * Decimal::from(1_000_000_000)).trunc();
        let time: i64 = time.try_into().expect("a time");
        let symbol = "BCH/EUR".to_owned();
        // Kraken sends a heartbeat a second; one every three keeps the silence watchdog content.
        while heard != 0 && heard + 3_000_000_000 < time {
            heard += 3_000_000_000;
            lines.push_str(&format!("{heard} {{\"channel\":\"heartbeat\"}}\n"));
        }
        heard = time;
        let (price, quantity) = (decimal(&row[0]), decimal(&row[1]));
        let side = if row[3] == "b" { "buy" } else { "sell" };
        let kind = if row[4] == "l" { "limit" } else { "market" };
        let micros = chrono::DateTime::from_timestamp_nanos(time).format("%Y-%m-%dT%H:%M:%S%.6fZ");
        // Prices and quantities are JSON numbers here, with all their digits.
        let trade = format!(
            r#"{{"symbol":"{symbol}","side":"{side}","price":{price},"qty":{quantity},"ord_type":"{kind}","trade_id":{id},"timestamp":"{micros}"}}"#
        );
        lines.push_str(&format!(
            "{time} {{\"channel\":\"trade\",\"type\":\"update\",\"data\":[{trade}]}}\n"
        ));
        let taker_buys = side == "buy";
        deals.push(Deal {
            symbol,
            id,
            time: time / 1_000 * 1_000,
            price,
            quantity,
            taker_buys,
        });
    }
    assert_eq!(deals.len(), 1_000, "the recording is another one");
    Recording {
        venue: "kraken",
        lines,
        deals,
    }
}

/// A Binance trade as a raw stream sends it.
pub(crate) fn binance_frame(deal: &Deal) -> String {
    json!({
        "e": "trade", "E": deal.time / 1_000_000, "s": deal.symbol, "t": deal.id,
        "p": deal.price.to_string(), "q": deal.quantity.to_string(),
        "T": deal.time / 1_000_000, "m": !deal.taker_buys, "M": true,
    })
    .to_string()
}
