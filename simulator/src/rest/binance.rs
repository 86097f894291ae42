//! Binance spot REST: `/api/v3/…`, public market data.
//!
//! Source of the shapes: rest-api.md of binance-spot-api-docs. Differences: an aggregate trade is
//! always a single trade, and the intervals `3d`, `1w` and `1M` are not there.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::{Answer, InstrumentView, Query, Refusal, json_text, number};
use crate::decimal::padded;
use crate::hub::Hub;
use crate::market::{Candle, Instrument, Trade, Venue};

const DEFAULT_LIMIT: usize = 500;
const MAX_LIMIT: usize = 1_000;

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
    match parameter::<usize>(query, "limit")? {
        Some(0) => Err(illegal("limit")),
        limit => Ok(limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT)),
    }
}

fn list(rows: Vec<String>) -> Answer {
    Ok(json_text(StatusCode::OK, format!("[{}]", rows.join(","))))
}

async fn time(State(hub): State<Arc<Hub>>) -> Response {
    let ms = hub.venue_now(Venue::Binance) / 1_000;
    json_text(StatusCode::OK, format!(r#"{{"serverTime":{ms}}}"#))
}

async fn exchange_info(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let wanted: Option<Vec<String>> = match (query.get("symbol"), query.get("symbols")) {
        (Some(symbol), _) => Some(vec![symbol.clone()]),
        (None, Some(list)) => Some(serde_json::from_str(list).map_err(|_| illegal("symbols"))?),
        (None, None) => None,
    };
    let symbols: Vec<Value> = match wanted {
        None => hub
            .market
            .instruments(Venue::Binance)
            .map(symbol_info)
            .collect(),
        Some(names) => names
            .iter()
            .map(|name| hub.market.find(Venue::Binance, name).map(symbol_info))
            .collect::<Option<_>>()
            .ok_or_else(|| error(-1121, "Invalid symbol."))?,
    };
    let info = json!({
        "timezone": "UTC",
        "serverTime": hub.venue_now(Venue::Binance) / 1_000,
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000},
            {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 61000},
        ],
        "exchangeFilters": [],
        "symbols": symbols,
    });
    Ok(json_text(StatusCode::OK, info.to_string()))
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
    let mut trades = match (from, start) {
        (Some(id), _) => view.trades(id, limit),
        (None, Some(ms)) => view.trades(view.first_id_at(ms.saturating_mul(1_000)), limit),
        (None, None) => newest(&view, limit),
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
