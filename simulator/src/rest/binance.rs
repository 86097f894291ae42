//! Binance spot REST: `/api/v3/…`, public market data.
//!
//! Source of the shapes: rest-api.md of binance-spot-api-docs. Differences: an aggregate trade is
//! always a single trade, and the intervals `3d`, `1w` and `1M` are not there. Clients that load every
//! kind of market find the futures' lists, empty.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::statistics::{DAY, Statistics, statistics};
use super::{Answer, InstrumentView, Query, Refusal, json_text, number};
use crate::decimal::{average, padded, percent};
use crate::hub::Hub;
use crate::market::{Candle, Instrument, Level, Trade, Venue};

const DEFAULT_LIMIT: usize = 500;
const MAX_LIMIT: usize = 1_000;
const DEFAULT_DEPTH: usize = 100;
const MAX_DEPTH: usize = 5_000;

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route(
            "/api/v3/ping",
            get(async || json_text(StatusCode::OK, "{}".into())),
        )
        .route("/api/v3/time", get(time))
        .route("/api/v3/exchangeInfo", get(exchange_info))
        .route("/api/v3/klines", get(klines))
        .route("/api/v3/trades", get(trades))
        .route("/api/v3/historicalTrades", get(historical_trades))
        .route("/api/v3/aggTrades", get(agg_trades))
        .route("/api/v3/depth", get(depth))
        .route("/api/v3/ticker/24hr", get(ticker_24hr))
        .route("/api/v3/ticker/price", get(ticker_price))
        .route("/api/v3/ticker/bookTicker", get(book_ticker))
        .route("/fapi/v1/exchangeInfo", get(no_futures))
        .route("/dapi/v1/exchangeInfo", get(no_futures))
}

fn error(code: i32, message: &str) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        json!({"code": code, "msg": message}).to_string(),
    )
}

fn mandatory(name: &str) -> Refusal {
    error(
        -1102,
        &format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."),
    )
}

fn illegal(name: &str) -> Refusal {
    error(
        -1100,
        &format!("Illegal characters found in parameter '{name}'."),
    )
}

fn parameter<T: std::str::FromStr>(query: &Query, name: &str) -> Result<Option<T>, Refusal> {
    number(query, name).map_err(|()| illegal(name))
}

fn view(hub: &Arc<Hub>, query: &Query) -> Result<InstrumentView, Refusal> {
    let symbol = query.get("symbol").ok_or_else(|| mandatory("symbol"))?;
    InstrumentView::of(hub, Venue::Binance, symbol).ok_or_else(|| error(-1121, "Invalid symbol."))
}

fn limit(query: &Query) -> Result<usize, Refusal> {
    Ok(limit_of(query, DEFAULT_LIMIT)?.min(MAX_LIMIT))
}

fn limit_of(query: &Query, default: usize) -> Result<usize, Refusal> {
    match parameter::<usize>(query, "limit")? {
        Some(0) => Err(illegal("limit")),
        limit => Ok(limit.unwrap_or(default)),
    }
}

/// The instruments that `symbol` or `symbols` name, or all of them; and whether it was `symbol`, which is
/// answered by an object where the others are answered by a list.
fn named(hub: &Hub, query: &Query) -> Result<(Vec<Instrument>, bool), Refusal> {
    let (names, one) = match (query.get("symbol"), query.get("symbols")) {
        (Some(_), Some(_)) => {
            return Err(error(-1128, "Combination of optional parameters invalid."));
        }
        (Some(symbol), None) => (vec![symbol.clone()], true),
        (None, Some(list)) => (
            serde_json::from_str(list).map_err(|_| illegal("symbols"))?,
            false,
        ),
        (None, None) => {
            return Ok((
                hub.market.instruments(Venue::Binance).cloned().collect(),
                false,
            ));
        }
    };
    let found = names
        .iter()
        .map(|name| hub.market.find(Venue::Binance, name).cloned())
        .collect::<Option<_>>()
        .ok_or_else(|| error(-1121, "Invalid symbol."))?;
    Ok((found, one))
}

fn list(rows: Vec<String>) -> Answer {
    Ok(json_text(StatusCode::OK, format!("[{}]", rows.join(","))))
}

async fn time(State(hub): State<Arc<Hub>>) -> Response {
    let ms = hub.venue_now(Venue::Binance) / 1_000;
    json_text(StatusCode::OK, format!(r#"{{"serverTime":{ms}}}"#))
}

async fn exchange_info(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let (instruments, _) = named(&hub, &query)?;
    let symbols: Vec<Value> = instruments.iter().map(symbol_info).collect();
    Ok(json_text(
        StatusCode::OK,
        exchange(&hub, &symbols).to_string(),
    ))
}

/// The simulator has no futures.
async fn no_futures(State(hub): State<Arc<Hub>>) -> Response {
    json_text(StatusCode::OK, exchange(&hub, &[]).to_string())
}

fn exchange(hub: &Hub, symbols: &[Value]) -> Value {
    json!({
        "timezone": "UTC",
        "serverTime": hub.venue_now(Venue::Binance) / 1_000,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000},
        ],
        "exchangeFilters": [],
        "symbols": symbols,
    })
}

fn symbol_info(i: &Instrument) -> Value {
    let tick = padded(1, i.price_digits, 8);
    let lot = padded(1, i.quantity_digits, 8);
    json!({
        "symbol": i.symbol,
        "status": "TRADING",
        "baseAsset": i.token.ticker,
        "baseAssetPrecision": 8,
        "quoteAsset": i.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": true,
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000000000.00000000", "stepSize": lot},
        ],
        "permissions": ["SPOT"],
    })
}

/// µs of an interval's name.
fn interval(name: &str) -> Option<i64> {
    let seconds = match name {
        "1s" => 1,
        "1m" => 60,
        "3m" => 180,
        "5m" => 300,
        "15m" => 900,
        "30m" => 1_800,
        "1h" => 3_600,
        "2h" => 7_200,
        "4h" => 14_400,
        "6h" => 21_600,
        "8h" => 28_800,
        "12h" => 43_200,
        "1d" => 86_400,
        _ => return None,
    };
    Some(seconds * 1_000_000)
}

async fn klines(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let view = view(&hub, &query)?;
    let name = query.get("interval").ok_or_else(|| mandatory("interval"))?;
    let interval = interval(name).ok_or_else(|| error(-1120, "Invalid interval."))?;
    let limit = limit(&query)?;
    let start = parameter::<i64>(&query, "startTime")?;
    let end = parameter::<i64>(&query, "endTime")?;
    let from = start.map_or(i64::MIN / 4, |ms| {
        ms.saturating_mul(1_000)
            .saturating_add(interval - 1)
            .div_euclid(interval)
            * interval
    });
    let to = end
        .map_or(i64::MAX / 4, |ms| ms.saturating_mul(1_000))
        .min(i64::MAX / 4);
    let to = to.div_euclid(interval) * interval;
    let candles = view
        .candles(interval, (from, to), (limit, start.is_none()), true)
        .await;
    list(
        candles
            .iter()
            .map(|candle| kline(&view.instrument, candle, interval))
            .collect(),
    )
}

fn kline(i: &Instrument, c: &Candle, interval: i64) -> String {
    let price = |p: i64| padded(i128::from(p), i.price_digits, 8);
    let base = |q: i128| padded(q, i.quantity_digits, 8);
    let quote = |q: i128| padded(q, i.price_digits + i.quantity_digits, 8);
    format!(
        r#"[{},"{}","{}","{}","{}","{}",{},"{}",{},"{}","{}","0"]"#,
        c.open_time / 1_000,
        price(c.open),
        price(c.high),
        price(c.low),
        price(c.close),
        base(c.volume),
        (c.open_time + interval) / 1_000 - 1,
        quote(c.quote_volume),
        c.trades,
        base(c.taker_buy_volume),
        quote(c.taker_buy_quote_volume),
    )
}

fn newest(view: &InstrumentView, limit: usize) -> Vec<Trade> {
    view.trades((view.last_id() + 1).saturating_sub(limit as u64), limit)
}

async fn trades(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let view = view(&hub, &query)?;
    let trades = newest(&view, limit(&query)?);
    list(trades.iter().map(|t| trade(&view.instrument, t)).collect())
}

async fn historical_trades(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let view = view(&hub, &query)?;
    let limit = limit(&query)?;
    let trades = match parameter::<u64>(&query, "fromId")? {
        Some(from) => view.trades(from, limit),
        None => newest(&view, limit),
    };
    list(trades.iter().map(|t| trade(&view.instrument, t)).collect())
}

fn trade(i: &Instrument, t: &Trade) -> String {
    let quote = i128::from(t.price) * i128::from(t.quantity);
    format!(
        r#"{{"id":{},"price":"{}","qty":"{}","quoteQty":"{}","time":{},"isBuyerMaker":{},"isBestMatch":true}}"#,
        t.id,
        padded(i128::from(t.price), i.price_digits, 8),
        padded(i128::from(t.quantity), i.quantity_digits, 8),
        padded(quote, i.price_digits + i.quantity_digits, 8),
        t.time.div_euclid(1_000),
        !t.taker_buys,
    )
}

async fn agg_trades(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let view = view(&hub, &query)?;
    let limit = limit(&query)?;
    let from = parameter::<u64>(&query, "fromId")?;
    let start = parameter::<i64>(&query, "startTime")?;
    let end = parameter::<i64>(&query, "endTime")?;
    let mut trades = match (from, start, end) {
        (Some(id), _, _) => view.trades(id, limit),
        (None, Some(ms), _) => view.trades(view.first_id_at(ms.saturating_mul(1_000)), limit),
        (None, None, Some(ms)) => {
            let after = view.first_id_at(ms.saturating_add(1).saturating_mul(1_000));
            view.trades(after.saturating_sub(limit as u64), limit)
        }
        (None, None, None) => newest(&view, limit),
    };
    if let Some(ms) = end {
        trades.retain(|t| t.time.div_euclid(1_000) <= ms);
    }
    let i = &view.instrument;
    list(
        trades
            .iter()
            .map(|t| {
                format!(
                    r#"{{"a":{id},"p":"{}","q":"{}","f":{id},"l":{id},"T":{},"m":{},"M":true}}"#,
                    padded(i128::from(t.price), i.price_digits, 8),
                    padded(i128::from(t.quantity), i.quantity_digits, 8),
                    t.time.div_euclid(1_000),
                    !t.taker_buys,
                    id = t.id,
                )
            })
            .collect(),
    )
}

async fn depth(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let view = view(&hub, &query)?;
    let limit = limit_of(&query, DEFAULT_DEPTH)?.min(MAX_DEPTH);
    let (book, i) = (view.book(limit), &view.instrument);
    let side = |levels: &[Level]| {
        let rows: Vec<String> = levels
            .iter()
            .map(|level| {
                let (price, quantity) = level_text(i, level);
                format!(r#"["{price}","{quantity}"]"#)
            })
            .collect();
        rows.join(",")
    };
    Ok(json_text(
        StatusCode::OK,
        format!(
            r#"{{"lastUpdateId":{},"bids":[{}],"asks":[{}]}}"#,
            book.update,
            side(&book.bids),
            side(&book.asks),
        ),
    ))
}

fn level_text(i: &Instrument, level: &Level) -> (String, String) {
    (
        padded(i128::from(level.price), i.price_digits, 8),
        padded(i128::from(level.quantity), i.quantity_digits, 8),
    )
}

/// The best price of a side with its quantity; zeros where nobody waits.
fn best(i: &Instrument, levels: &[Level]) -> (String, String) {
    let zero = || padded(0, 0, 8);
    levels
        .first()
        .map_or_else(|| (zero(), zero()), |level| level_text(i, level))
}

fn objects(rows: Vec<Value>, one: bool) -> Answer {
    let body = match (one, rows.into_iter()) {
        (true, mut rows) => rows.next().unwrap_or_default(),
        (false, rows) => rows.collect(),
    };
    Ok(json_text(StatusCode::OK, body.to_string()))
}

async fn ticker_24hr(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let mini = match query.get("type").map(String::as_str) {
        None | Some("FULL") => false,
        Some("MINI") => true,
        Some(_) => return Err(error(-1139, "Invalid ticker type.")),
    };
    let (instruments, one) = named(&hub, &query)?;
    let all = statistics(&hub, instruments, DAY).await;
    objects(all.iter().map(|of| ticker(of, mini)).collect(), one)
}

fn ticker(of: &Statistics, mini: bool) -> Value {
    let (i, day) = (&of.instrument, &of.day);
    let price = |p: i64| padded(i128::from(p), i.price_digits, 8);
    let base = |q: i128| padded(q, i.quantity_digits, 8);
    // Without a trade there is no id.
    let id = |id: u64| {
        if day.trades == 0 {
            Value::from(-1)
        } else {
            id.into()
        }
    };
    let mut ticker = json!({
        "symbol": i.symbol,
        "openPrice": price(day.open),
        "highPrice": price(day.high),
        "lowPrice": price(day.low),
        "lastPrice": price(day.close),
        "volume": base(day.volume),
        "quoteVolume": padded(day.quote_volume, i.price_digits + i.quantity_digits, 8),
        "openTime": of.from.div_euclid(1_000),
        "closeTime": of.to.div_euclid(1_000),
        "firstId": id(day.first_id),
        "lastId": id(day.last_id),
        "count": day.trades,
    });
    if !mini {
        let (bid, ask) = (best(i, &of.book.bids), best(i, &of.book.asks));
        let more = json!({
            "priceChange": price(of.change()),
            "priceChangePercent": percent(of.change().into(), day.open.into(), 3),
            "weightedAvgPrice": average(day.quote_volume, day.volume, i.price_digits, 8),
            "prevClosePrice": price(of.before.map_or(0, |trade| trade.price)),
            "lastQty": base(of.last.map_or(0, |trade| trade.quantity.into())),
            "bidPrice": bid.0,
            "bidQty": bid.1,
            "askPrice": ask.0,
            "askQty": ask.1,
        });
        if let (Value::Object(ticker), Value::Object(more)) = (&mut ticker, more) {
            ticker.extend(more);
        }
    }
    ticker
}

async fn ticker_price(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let (instruments, one) = named(&hub, &query)?;
    let row = |i: &Instrument| {
        let last = newest(&InstrumentView::new(&hub, i), 1);
        let price = last.first().map_or(0, |trade| trade.price);
        json!({"symbol": i.symbol, "price": padded(i128::from(price), i.price_digits, 8)})
    };
    objects(instruments.iter().map(row).collect(), one)
}

async fn book_ticker(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let (instruments, one) = named(&hub, &query)?;
    let row = |i: &Instrument| {
        let book = InstrumentView::new(&hub, i).book(1);
        let (bid, ask) = (best(i, &book.bids), best(i, &book.asks));
        json!({
            "symbol": i.symbol,
            "bidPrice": bid.0,
            "bidQty": bid.1,
            "askPrice": ask.0,
            "askQty": ask.1,
        })
    };
    objects(instruments.iter().map(row).collect(), one)
}
