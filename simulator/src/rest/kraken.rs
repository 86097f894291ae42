//! Kraken REST: `/0/public/…`.
//!
//! Source of the shapes: recorded answers and docs.kraken.com. Errors come with status 200. Minutes
//! without trades are present in OHLC, flat; its last row is the unfinished candle.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use chrono::DateTime;
use serde_json::{Map, Value, json};

use super::{Answer, InstrumentView, Query, Refusal, json_text, number};
use crate::decimal::{average, fixed};
use crate::hub::Hub;
use crate::market::{Instrument, Venue, hash};

const SECOND: i64 = 1_000_000;
const MAX_ROWS: usize = 720;
const MAX_TRADES: usize = 1_000;
const INTERVALS: [i64; 8] = [1, 5, 15, 30, 60, 240, 1_440, 10_080];

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/0/public/Time", get(time))
        .route("/0/public/SystemStatus", get(system_status))
        .route("/0/public/AssetPairs", get(asset_pairs))
        .route("/0/public/Trades", get(trades))
        .route("/0/public/OHLC", get(ohlc))
}

fn error(text: &str) -> Refusal {
    Refusal::new(StatusCode::OK, json!({"error": [text]}).to_string())
}

fn result(body: &str) -> Response {
    json_text(StatusCode::OK, format!(r#"{{"error":[],"result":{body}}}"#))
}

fn find<'a>(hub: &'a Hub, name: &str) -> Option<&'a Instrument> {
    hub.market.instruments(Venue::Kraken).find(|i| {
        let (altname, wsname, key) = i.kraken_names();
        name == i.symbol
            || name == altname
            || name == wsname
            || name == key
            || name == i.symbol.replace('/', "")
    })
}

fn view(hub: &Arc<Hub>, query: &Query) -> Result<InstrumentView, Refusal> {
    let name = query
        .get("pair")
        .ok_or_else(|| error("EGeneral:Invalid arguments"))?;
    let instrument = find(hub, name).ok_or_else(|| error("EQuery:Unknown asset pair"))?;
    Ok(InstrumentView::new(hub, instrument))
}

async fn time(State(hub): State<Arc<Hub>>) -> Response {
    let seconds = hub.venue_now(Venue::Kraken) / SECOND;
    let text = DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .format("%a, %e %b %y %H:%M:%S +0000");
    result(&format!(r#"{{"unixtime":{seconds},"rfc1123":"{text}"}}"#))
}

async fn system_status(State(hub): State<Arc<Hub>>) -> Response {
    let time = crate::ws::rfc3339(hub.venue_now(Venue::Kraken) / SECOND * SECOND);
    result(&json!({"status": "online", "timestamp": time.replace(".000000", "")}).to_string())
}

async fn asset_pairs(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let wanted: Vec<&Instrument> = match query.get("pair") {
        None => hub.market.instruments(Venue::Kraken).collect(),
        Some(names) => names
            .split(',')
            .map(|name| find(&hub, name))
            .collect::<Option<_>>()
            .ok_or_else(|| error("EQuery:Unknown asset pair"))?,
    };
    let pairs: Map<String, Value> = wanted
        .into_iter()
        .map(|i| {
            let (altname, wsname, key) = i.kraken_names();
            let old = key.starts_with('X') && key.contains('Z') && key != altname;
            let base = altname.trim_end_matches(i.quote);
            let pair = json!({
                "altname": altname,
                "wsname": wsname,
                "aclass_base": "currency",
                "base": if old || base == "XDG" { format!("X{base}") } else { base.to_owned() },
                "aclass_quote": "currency",
                "quote": "ZUSD",
                "lot": "unit",
                "cost_decimals": 5,
                "pair_decimals": i.price_digits,
                "lot_decimals": i.quantity_digits,
                "lot_multiplier": 1,
                "leverage_buy": [],
                "leverage_sell": [],
                "fees": [[0, 0.4]],
                "fees_maker": [[0, 0.25]],
                "fee_volume_currency": "ZUSD",
                "margin_call": 80,
                "margin_stop": 40,
                "ordermin": "0.00005",
                "costmin": "0.5",
                "tick_size": fixed(1, i.price_digits),
                "status": "online",
            });
            (key, pair)
        })
        .collect();
    Ok(result(&Value::from(pairs).to_string()))
}

/// `since` is exclusive, in ns (or seconds, which the venue takes too); `last` is the `since` of
/// the next page.
async fn trades(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let view = view(&hub, &query)?;
    let invalid = |()| error("EGeneral:Invalid arguments");
    let count = number::<usize>(&query, "count")
        .map_err(invalid)?
        .unwrap_or(MAX_TRADES);
    let count = count.clamp(1, MAX_TRADES);
    let since = number::<i64>(&query, "since")
        .map_err(invalid)?
        .map(|since| {
            if since < 1_000_000_000_000 {
                since.saturating_mul(1_000_000_000)
            } else {
                since
            }
        });
    let from = match since {
        Some(since) => view.first_id_at(since.div_euclid(1_000) + 1),
        None => (view.last_id() + 1).saturating_sub(count as u64),
    };
    let trades = view.trades(from, count);
    let i = &view.instrument;
    let rows: Vec<String> = trades
        .iter()
        .map(|t| {
            let market = hash(i.index as u64, t.id).is_multiple_of(3);
            format!(
                r#"["{}","{}",{},"{}","{}","",{}]"#,
                fixed(i128::from(t.price), i.price_digits),
                fixed(i128::from(t.quantity), i.quantity_digits),
                fixed(i128::from(t.time), 6),
                if t.taker_buys { "b" } else { "s" },
                if market { "m" } else { "l" },
                t.id,
            )
        })
        .collect();
    let last = trades.last().map_or(since.unwrap_or(0), |t| t.time * 1_000);
    let key = i.kraken_names().2;
    Ok(result(&format!(
        r#"{{"{key}":[{}],"last":"{last}"}}"#,
        rows.join(",")
    )))
}

async fn ohlc(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let view = view(&hub, &query)?;
    let invalid = |()| error("EGeneral:Invalid arguments");
    let minutes = number::<i64>(&query, "interval")
        .map_err(invalid)?
        .unwrap_or(1);
    if !INTERVALS.contains(&minutes) {
        return Err(error("EGeneral:Invalid arguments"));
    }
    let step = minutes * 60 * SECOND;
    let since = number::<i64>(&query, "since").map_err(invalid)?;
    // Rows later than `since`; never older than the newest 720.
    let from = since.map_or(i64::MIN / 4, |s| {
        (s.saturating_mul(SECOND).div_euclid(step) + 1).saturating_mul(step)
    });
    let candles = view
        .candles(step, (from, i64::MAX / 4), (MAX_ROWS, true), true)
        .await;
    let i = &view.instrument;
    let rows: Vec<String> = candles
        .iter()
        .map(|c| {
            let price = |p: i64| fixed(i128::from(p), i.price_digits);
            // A row without trades has the vwap "0.0".
            let vwap = match c.trades {
                0 => "0.0".to_owned(),
                _ => average(c.quote_volume, c.volume, i.price_digits, i.price_digits),
            };
            format!(
                r#"[{},"{}","{}","{}","{}","{vwap}","{}",{}]"#,
                c.open_time / SECOND,
                price(c.open),
                price(c.high),
                price(c.low),
                price(c.close),
                fixed(c.volume, i.quantity_digits),
                c.trades,
            )
        })
        .collect();
    // The last one is unfinished, so the last committed row is the one before.
    let last = candles
        .iter()
        .rev()
        .nth(1)
        .map_or(since.unwrap_or(0), |c| c.open_time / SECOND);
    let key = i.kraken_names().2;
    Ok(result(&format!(
        r#"{{"{key}":[{}],"last":{last}}}"#,
        rows.join(",")
    )))
}
