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

use super::statistics::{DAY, Statistics, statistics};
use super::{Answer, InstrumentView, Query, Refusal, json_text, number};
use crate::decimal::{average, fixed, padded};
use crate::hub::Hub;
use crate::market::{Instrument, Level, Venue, hash};

const SECOND: i64 = 1_000_000;
const MAX_ROWS: usize = 720;
const MAX_TRADES: usize = 1_000;
const DEFAULT_DEPTH: usize = 100;
const MAX_DEPTH: usize = 500;
const INTERVALS: [i64; 8] = [1, 5, 15, 30, 60, 240, 1_440, 10_080];

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/0/public/Time", get(time))
        .route("/0/public/SystemStatus", get(system_status))
        .route("/0/public/Assets", get(assets))
        .route("/0/public/AssetPairs", get(asset_pairs))
        .route("/0/public/Ticker", get(ticker))
        .route("/0/public/Depth", get(depth))
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

/// The instruments that `pair` names, or all of them.
fn named<'a>(hub: &'a Hub, query: &Query) -> Result<Vec<&'a Instrument>, Refusal> {
    match query.get("pair") {
        None => Ok(hub.market.instruments(Venue::Kraken).collect()),
        Some(names) => names
            .split(',')
            .map(|name| find(hub, name))
            .collect::<Option<_>>()
            .ok_or_else(|| error("EQuery:Unknown asset pair")),
    }
}

async fn assets(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let asset = |(altname, key): (&str, String), ticker: &str, decimals: u32, shown: u32| {
        let names = [altname.to_owned(), key.clone(), ticker.to_owned()];
        let value = json!({
            "aclass": "currency",
            "altname": altname,
            "decimals": decimals,
            "display_decimals": shown,
            "status": "enabled",
        });
        (names, key, value)
    };
    let mut all: Vec<_> = hub
        .market
        .instruments(Venue::Kraken)
        .map(|i| asset(i.kraken_asset(), i.token.ticker, 10, 5))
        .collect();
    all.push(asset(("USD", "ZUSD".to_owned()), "USD", 4, 2));
    if let Some(wanted) = query.get("asset") {
        let wanted: Vec<&str> = wanted.split(',').collect();
        let known = |name: &&str| {
            all.iter()
                .any(|(names, ..)| names.iter().any(|n| n == name))
        };
        if !wanted.iter().all(known) {
            return Err(error("EQuery:Unknown asset"));
        }
        all.retain(|(names, ..)| names.iter().any(|name| wanted.contains(&name.as_str())));
    }
    let all: Map<String, Value> = all
        .into_iter()
        .map(|(_, key, asset)| (key, asset))
        .collect();
    Ok(result(&Value::from(all).to_string()))
}

async fn asset_pairs(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let pairs: Map<String, Value> = named(&hub, &query)?
        .into_iter()
        .map(|i| {
            let (altname, wsname, key) = i.kraken_names();
            let pair = json!({
                "altname": altname,
                "wsname": wsname,
                "aclass_base": "currency",
                "base": i.kraken_asset().1,
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

/// A price as the ticker and the book print it: at least five fractional digits.
fn price_text(i: &Instrument, price: i64) -> String {
    padded(i128::from(price), i.price_digits, i.price_digits.max(5))
}

async fn ticker(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let wanted: Vec<Instrument> = named(&hub, &query)?.into_iter().cloned().collect();
    let midnight = hub.venue_now(Venue::Kraken).rem_euclid(DAY);
    let today = statistics(&hub, wanted.clone(), midnight).await;
    let day = statistics(&hub, wanted, DAY).await;
    let all: Map<String, Value> = today
        .iter()
        .zip(&day)
        .map(|(today, day)| (day.instrument.kraken_names().2, ticker_of(today, day)))
        .collect();
    Ok(result(&Value::from(all).to_string()))
}

/// Pairs are of today (UTC), and of the last 24 hours.
fn ticker_of(today: &Statistics, day: &Statistics) -> Value {
    let i = &day.instrument;
    let volume = |q: i128| fixed(q, i.quantity_digits);
    let vwap = |of: &Statistics| {
        let digits = i.price_digits.max(5);
        average(of.day.quote_volume, of.day.volume, i.price_digits, digits)
    };
    let best = |levels: &[Level]| {
        let (price, lots) = levels.first().map_or((0, 0), |l| (l.price, l.quantity));
        let lots = i128::from(lots);
        let whole = lots / 10i128.pow(i.quantity_digits);
        json!([
            price_text(i, price),
            whole.to_string(),
            thousandths(i, lots)
        ])
    };
    let last = day.last.map_or(0, |trade| i128::from(trade.quantity));
    let of = |price: fn(&Statistics) -> i64| {
        json!([price_text(i, price(today)), price_text(i, price(day))])
    };
    json!({
        "a": best(&day.book.asks),
        "b": best(&day.book.bids),
        "c": [price_text(i, day.day.close), volume(last)],
        "v": [volume(today.day.volume), volume(day.day.volume)],
        "p": [vwap(today), vwap(day)],
        "t": [today.day.trades, day.day.trades],
        "l": of(|s| s.day.low),
        "h": of(|s| s.day.high),
        "o": price_text(i, today.day.open),
    })
}

/// A quantity in three fractional digits, rounded up, as the book prints it.
fn thousandths(i: &Instrument, lots: i128) -> String {
    match i.quantity_digits.checked_sub(3) {
        Some(finer) => {
            let unit = 10i128.pow(finer);
            fixed((lots + unit - 1) / unit, 3)
        }
        None => padded(lots, i.quantity_digits, 3),
    }
}

async fn depth(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let view = view(&hub, &query)?;
    let count = number::<usize>(&query, "count")
        .map_err(|()| error("EGeneral:Invalid arguments"))?
        .unwrap_or(DEFAULT_DEPTH)
        .clamp(1, MAX_DEPTH);
    let (book, i) = (view.book(count), &view.instrument);
    let side = |levels: &[Level]| {
        let rows: Vec<String> = levels
            .iter()
            .map(|level| {
                format!(
                    r#"["{}","{}",{}]"#,
                    price_text(i, level.price),
                    thousandths(i, level.quantity.into()),
                    level.since.div_euclid(SECOND),
                )
            })
            .collect();
        rows.join(",")
    };
    let key = i.kraken_names().2;
    Ok(result(&format!(
        r#"{{"{key}":{{"asks":[{}],"bids":[{}]}}}}"#,
        side(&book.asks),
        side(&book.bids),
    )))
}
