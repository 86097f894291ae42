//! Coinbase Exchange REST: time, currencies, products, trades, candles, tickers, order books.
//!
//! Source of the shapes: docs.cdp.coinbase.com/api-reference/exchange-api. `side` is the maker's.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use chrono::DateTime;
use serde_json::{Value, json};

use super::statistics::{DAY, Statistics, statistics};
use super::{Answer, InstrumentView, Query, Refusal, json_text, number};
use crate::decimal::{fixed, trimmed};
use crate::hub::Hub;
use crate::market::{Instrument, Level, TOKENS, Token, Venue, derive};
use crate::ws::{order_id, rfc3339};

const SECOND: i64 = 1_000_000;
const MAX_TRADES: usize = 1_000;
const MAX_CANDLES: i64 = 300;
const DEPTH: usize = 50;
const FULL_DEPTH: usize = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const GRANULARITIES: [i64; 6] = [60, 300, 900, 3_600, 21_600, 86_400];

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/time", get(time))
        .route("/currencies", get(currencies))
        .route("/currencies/{id}", get(currency))
        .route("/products", get(products))
        .route("/products/spark-lines", get(spark_lines))
        .route("/products/{id}", get(product))
        .route("/products/{id}/book", get(book))
        .route("/products/{id}/stats", get(stats))
        .route("/products/{id}/ticker", get(ticker))
        .route("/products/{id}/trades", get(trades))
        .route("/products/{id}/candles", get(candles))
}

fn error(status: StatusCode, message: &str) -> Refusal {
    Refusal::new(status, json!({"message": message}).to_string())
}

fn bad(message: &str) -> Refusal {
    error(StatusCode::BAD_REQUEST, message)
}

fn view(hub: &Arc<Hub>, id: &str) -> Result<InstrumentView, Refusal> {
    InstrumentView::of(hub, Venue::Coinbase, id)
        .ok_or_else(|| error(StatusCode::NOT_FOUND, "NotFound"))
}

async fn time(State(hub): State<Arc<Hub>>) -> Response {
    let now = hub.venue_now(Venue::Coinbase);
    let (iso, ms) = (rfc3339(now), now / 1_000);
    let body = format!(r#"{{"iso":"{iso}","epoch":{}}}"#, fixed(i128::from(ms), 3));
    json_text(StatusCode::OK, body)
}

/// The tokens that are listed, as this venue's currencies, and the one they are priced in.
async fn currencies(State(hub): State<Arc<Hub>>) -> Response {
    let all: Vec<Value> = hub
        .market
        .instruments(Venue::Coinbase)
        .map(|i| crypto(i.token))
        .chain([dollar()])
        .collect();
    json_text(StatusCode::OK, Value::from(all).to_string())
}

async fn currency(State(hub): State<Arc<Hub>>, Path(id): Path<String>) -> Answer {
    let crypto = hub
        .market
        .instruments(Venue::Coinbase)
        .find(|i| i.token.ticker == id)
        .map(|i| crypto(i.token));
    let found = crypto
        .or_else(|| (id == "USD").then(dollar))
        .ok_or_else(|| error(StatusCode::NOT_FOUND, "NotFound"))?;
    Ok(json_text(StatusCode::OK, found.to_string()))
}

/// Nothing can be sent to the simulator or from it: there are no networks.
fn currency_info(id: &str, name: &str, kind: &str, precision: u32, place: usize) -> Value {
    let smallest = fixed(1, precision);
    json!({
        "id": id,
        "name": name,
        "min_size": smallest,
        "status": "online",
        "message": "",
        "max_precision": smallest,
        "convertible_to": [],
        "details": {
            "type": kind,
            "symbol": null,
            "network_confirmations": null,
            "sort_order": place,
            "crypto_address_link": null,
            "crypto_transaction_link": null,
            "push_payment_methods": [],
            "group_types": [],
            "display_name": null,
            "processing_time_seconds": null,
            "min_withdrawal_amount": null,
            "max_withdrawal_amount": null,
        },
        "default_network": "",
        "supported_networks": [],
        "display_name": id,
    })
}

fn crypto(token: &Token) -> Value {
    let place = TOKENS.iter().position(|t| t.id == token.id);
    let place = place.unwrap_or_default();
    currency_info(token.ticker, token.name, "crypto", 8, place)
}

fn dollar() -> Value {
    currency_info("USD", "United States Dollar", "fiat", 2, TOKENS.len())
}

async fn products(State(hub): State<Arc<Hub>>) -> Response {
    let all: Vec<Value> = hub.market.instruments(Venue::Coinbase).map(info).collect();
    json_text(StatusCode::OK, Value::from(all).to_string())
}

async fn product(State(hub): State<Arc<Hub>>, Path(id): Path<String>) -> Answer {
    let view = view(&hub, &id)?;
    Ok(json_text(
        StatusCode::OK,
        info(&view.instrument).to_string(),
    ))
}

fn info(i: &Instrument) -> Value {
    json!({
        "id": i.symbol,
        "base_currency": i.token.ticker,
        "quote_currency": i.quote,
        "quote_increment": fixed(1, i.price_digits),
        "base_increment": fixed(1, i.quantity_digits),
        "display_name": i.symbol,
        "min_market_funds": "1",
        "margin_enabled": false,
        "post_only": false,
        "limit_only": false,
        "cancel_only": false,
        "status": "online",
        "status_message": "",
        "trading_disabled": false,
        "fx_stablecoin": false,
        "auction_mode": false,
    })
}

/// Pages run from the newest trade to the oldest. `after` asks for the page older than a trade id,
/// `before` for the newest trades newer than one; the headers name both ends of the page.
async fn trades(State(hub): State<Arc<Hub>>, Path(id): Path<String>, query: Query) -> Answer {
    let view = view(&hub, &id)?;
    let parameter = |name| number::<u64>(&query, name).map_err(|()| bad("Invalid pagination"));
    let limit = parameter("limit")?
        .unwrap_or(MAX_TRADES as u64)
        .clamp(1, MAX_TRADES as u64);
    let last = parameter("after")?
        .map_or(u64::MAX, |a| a.saturating_sub(1))
        .min(view.last_id());
    let oldest = parameter("before")?.map_or(1, |before| before.saturating_add(1));
    let first = oldest.max((last + 1).saturating_sub(limit));
    let mut trades = if first > last {
        Vec::new()
    } else {
        view.trades(first, (last - first + 1) as usize)
    };
    trades.reverse();
    let i = &view.instrument;
    let rows: Vec<String> = trades
        .iter()
        .map(|t| {
            format!(
                r#"{{"trade_id":{},"side":"{}","size":"{}","price":"{}","time":"{}"}}"#,
                t.id,
                if t.taker_buys { "sell" } else { "buy" },
                fixed(i128::from(t.quantity), i.quantity_digits),
                fixed(i128::from(t.price), i.price_digits),
                rfc3339(t.time),
            )
        })
        .collect();
    let mut response = json_text(StatusCode::OK, format!("[{}]", rows.join(",")));
    if let (Some(newest), Some(oldest)) = (trades.first(), trades.last()) {
        response
            .headers_mut()
            .insert("cb-before", HeaderValue::from(newest.id));
        response
            .headers_mut()
            .insert("cb-after", HeaderValue::from(oldest.id));
    }
    Ok(response)
}

/// A time parameter: RFC 3339, or seconds since the Unix epoch; in µs.
pub(super) fn moment(text: &str) -> Option<i64> {
    match text.parse::<i64>() {
        Ok(seconds) => seconds.checked_mul(SECOND),
        // Clients often leave out the zone; the venue reads UTC.
        Err(_) => DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_rfc3339(&format!("{text}Z")))
            .ok()
            .map(|t| t.timestamp_micros()),
    }
}

async fn candles(State(hub): State<Arc<Hub>>, Path(id): Path<String>, query: Query) -> Answer {
    let view = view(&hub, &id)?;
    let granularity = number::<i64>(&query, "granularity")
        .map_err(|()| bad("Unsupported granularity"))?
        .unwrap_or(60);
    if !GRANULARITIES.contains(&granularity) {
        return Err(bad("Unsupported granularity"));
    }
    let step = granularity * SECOND;
    let time = |name: &str| match query.get(name) {
        None => Ok(None),
        Some(text) => moment(text)
            .map(Some)
            .ok_or_else(|| bad(&format!("Invalid {name}"))),
    };
    let (start, end) = (time("start")?, time("end")?);
    let to = end.unwrap_or_else(|| view.now()).div_euclid(step) * step;
    let from = match start {
        Some(start) => start.saturating_add(step - 1).div_euclid(step) * step,
        None => to.saturating_sub((MAX_CANDLES - 1) * step),
    };
    if to.saturating_sub(from) / step >= MAX_CANDLES {
        return Err(bad(
            "granularity too small for the requested time range. Count of aggregations requested exceeds 300",
        ));
    }
    let mut candles = view
        .candles(step, (from, to), (MAX_CANDLES as usize, true), false)
        .await;
    candles.reverse();
    let i = &view.instrument;
    let rows: Vec<String> = candles
        .iter()
        .map(|c| {
            let price = |p: i64| trimmed(i128::from(p), i.price_digits);
            format!(
                "[{},{},{},{},{},{}]",
                c.open_time / SECOND,
                price(c.low),
                price(c.high),
                price(c.open),
                price(c.close),
                trimmed(c.volume, i.quantity_digits),
            )
        })
        .collect();
    Ok(json_text(StatusCode::OK, format!("[{}]", rows.join(","))))
}

/// The statistics of one instrument, which has traded.
async fn traded(hub: &Arc<Hub>, id: &str, span: i64) -> Result<Statistics, Refusal> {
    let instrument = view(hub, id)?.instrument;
    let mut all = statistics(hub, vec![instrument], span).await;
    all.pop()
        .filter(|of| of.last.is_some())
        .ok_or_else(|| error(StatusCode::NOT_FOUND, "NotFound"))
}

async fn ticker(State(hub): State<Arc<Hub>>, Path(id): Path<String>) -> Answer {
    let of = traded(&hub, &id, DAY).await?;
    let i = &of.instrument;
    let price = |p: i64| trimmed(i128::from(p), i.price_digits);
    let best = |levels: &[Level]| levels.first().map_or("0".to_owned(), |l| price(l.price));
    let last = of.last.map(|trade| {
        json!({
            "ask": best(&of.book.asks),
            "bid": best(&of.book.bids),
            "volume": fixed(of.day.volume, i.quantity_digits),
            "trade_id": trade.id,
            "price": price(trade.price),
            "size": trimmed(i128::from(trade.quantity), i.quantity_digits),
            "time": rfc3339(trade.time),
        })
    });
    Ok(json_text(
        StatusCode::OK,
        last.unwrap_or_default().to_string(),
    ))
}

async fn stats(State(hub): State<Arc<Hub>>, Path(id): Path<String>) -> Answer {
    let of = traded(&hub, &id, DAY).await?;
    let month = traded(&hub, &id, 30 * DAY).await?;
    let (i, day) = (&of.instrument, &of.day);
    let price = |p: i64| trimmed(i128::from(p), i.price_digits);
    let body = json!({
        "open": price(day.open),
        "high": price(day.high),
        "low": price(day.low),
        "last": price(day.close),
        "volume": trimmed(day.volume, i.quantity_digits),
        "volume_30day": trimmed(month.day.volume, i.quantity_digits),
    });
    Ok(json_text(StatusCode::OK, body.to_string()))
}

/// Level 1: the best price of each side. 2: fifty of them. 3: every order.
async fn book(State(hub): State<Arc<Hub>>, Path(id): Path<String>, query: Query) -> Answer {
    let view = view(&hub, &id)?;
    let level = query.get("level").map_or("1", String::as_str);
    let depth = match level {
        "1" => 1,
        "2" => DEPTH,
        "3" => FULL_DEPTH,
        _ => return Err(bad("Invalid level")),
    };
    let (book, i) = (view.book(depth), &view.instrument);
    let side = |levels: &[Level]| {
        let rows: Vec<String> = levels
            .iter()
            .map(|row| {
                let price = trimmed(i128::from(row.price), i.price_digits);
                let size = trimmed(i128::from(row.quantity), i.quantity_digits);
                // In the full book a row is one order.
                let last = match level {
                    "3" => {
                        let key = derive(row.price as u64, &i.symbol);
                        format!(r#""{}""#, order_id(key, row.since as u64))
                    }
                    _ => row.orders.to_string(),
                };
                format!(r#"["{price}","{size}",{last}]"#)
            })
            .collect();
        rows.join(",")
    };
    Ok(json_text(
        StatusCode::OK,
        format!(
            r#"{{"bids":[{}],"asks":[{}],"sequence":{},"auction_mode":false,"auction":null,"time":"{}"}}"#,
            side(&book.bids),
            side(&book.asks),
            book.update,
            rfc3339(view.now()),
        ),
    ))
}

/// The hourly candles of a day of every product, without volumes, newest first. Not in the venue's
/// documentation; clients take all products' prices from here.
async fn spark_lines(State(hub): State<Arc<Hub>>) -> Response {
    let mut lines = Vec::new();
    for i in hub.market.instruments(Venue::Coinbase) {
        let view = InstrumentView::new(&hub, i);
        let to = view.now().div_euclid(HOUR) * HOUR;
        let candles = view.candles(HOUR, (to - DAY, to), (25, true), false).await;
        let price = |p: i64| trimmed(i128::from(p), i.price_digits);
        let rows: Vec<String> = candles
            .iter()
            .rev()
            .map(|c| {
                format!(
                    "[{},{},{},{},{}]",
                    c.open_time / SECOND,
                    price(c.low),
                    price(c.high),
                    price(c.open),
                    price(c.close),
                )
            })
            .collect();
        lines.push(format!(r#""{}":[{}]"#, i.symbol, rows.join(",")));
    }
    json_text(StatusCode::OK, format!("{{{}}}", lines.join(",")))
}
