//! Coinbase Advanced Trade REST, the part that needs no key: time, products, candles, ticker.
//!
//! Source of the shapes: recorded answers and docs.cdp.coinbase.com. `side` is the maker's, as
//! over this API's WebSocket.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use serde_json::{Value, json};

use super::coinbase::moment;
use super::{Answer, InstrumentView, Query, Refusal, json_text, number};
use crate::decimal::{fixed, trimmed};
use crate::hub::Hub;
use crate::market::{Instrument, Venue};
use crate::ws::{rfc3339, rfc3339_trimmed};

const SECOND: i64 = 1_000_000;
const MAX_CANDLES: i64 = 350;
const MAX_TRADES: usize = 1_000;
const PRODUCTS: &str = "/api/v3/brokerage/market/products";

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/api/v3/brokerage/time", get(time))
        .route(PRODUCTS, get(products))
        .route(&format!("{PRODUCTS}/{{id}}"), get(product))
        .route(&format!("{PRODUCTS}/{{id}}/candles"), get(candles))
        .route(&format!("{PRODUCTS}/{{id}}/ticker"), get(ticker))
}

fn error(status: StatusCode, error: &str, message: &str) -> Refusal {
    let body = json!({"error": error, "error_details": message, "message": message});
    Refusal::new(status, body.to_string())
}

fn invalid(message: &str) -> Refusal {
    error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message)
}

fn view(hub: &Arc<Hub>, id: &str) -> Result<InstrumentView, Refusal> {
    InstrumentView::of(hub, Venue::Coinbase, id).ok_or_else(|| {
        error(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            "valid product_id is required",
        )
    })
}

async fn time(State(hub): State<Arc<Hub>>) -> Response {
    let now = hub.venue_now(Venue::Coinbase);
    let body = json!({
        "iso": rfc3339(now),
        "epochSeconds": (now / SECOND).to_string(),
        "epochMillis": (now / 1_000).to_string(),
    });
    json_text(StatusCode::OK, body.to_string())
}

async fn products(State(hub): State<Arc<Hub>>) -> Response {
    let all: Vec<Value> = hub
        .market
        .instruments(Venue::Coinbase)
        .map(|instrument| info(&InstrumentView::new(&hub, instrument)))
        .collect();
    let body = json!({"num_products": all.len(), "products": all});
    json_text(StatusCode::OK, body.to_string())
}

async fn product(State(hub): State<Arc<Hub>>, Path(id): Path<String>) -> Answer {
    Ok(json_text(
        StatusCode::OK,
        info(&view(&hub, &id)?).to_string(),
    ))
}

fn info(view: &InstrumentView) -> Value {
    let i: &Instrument = &view.instrument;
    let price = view.trades(view.last_id().max(1), 1);
    json!({
        "product_id": i.symbol,
        "price": price.first().map(|t| trimmed(i128::from(t.price), i.price_digits)).unwrap_or_default(),
        "base_increment": fixed(1, i.quantity_digits),
        "quote_increment": fixed(1, i.price_digits),
        "price_increment": fixed(1, i.price_digits),
        "base_name": i.token.name,
        "quote_name": "US Dollar",
        "is_disabled": false,
        "new": false,
        "status": "online",
        "cancel_only": false,
        "limit_only": false,
        "post_only": false,
        "trading_disabled": false,
        "auction_mode": false,
        "product_type": "SPOT",
        "quote_currency_id": i.quote,
        "base_currency_id": i.token.ticker,
        "alias": "",
        "alias_to": [],
        "base_display_symbol": i.token.ticker,
        "quote_display_symbol": i.quote,
    })
}

fn granularity(name: &str) -> Option<i64> {
    let minutes = match name {
        "ONE_MINUTE" => 1,
        "FIVE_MINUTE" => 5,
        "FIFTEEN_MINUTE" => 15,
        "THIRTY_MINUTE" => 30,
        "ONE_HOUR" => 60,
        "TWO_HOUR" => 120,
        "FOUR_HOUR" => 240,
        "SIX_HOUR" => 360,
        "ONE_DAY" => 1_440,
        _ => return None,
    };
    Some(minutes * 60 * SECOND)
}

async fn candles(State(hub): State<Arc<Hub>>, Path(id): Path<String>, query: Query) -> Answer {
    let view = view(&hub, &id)?;
    let name = query.get("granularity").map_or("", String::as_str);
    let step = granularity(name).ok_or_else(|| invalid("granularity argument is invalid"))?;
    let time = |name: &str| {
        let text = query.get(name).map_or("", String::as_str);
        moment(text).ok_or_else(|| invalid(&format!("{name} argument is invalid")))
    };
    let limit = number::<i64>(&query, "limit")
        .map_err(|()| invalid("limit argument is invalid"))?
        .unwrap_or(MAX_CANDLES)
        .clamp(1, MAX_CANDLES);
    let from = time("start")?.saturating_add(step - 1).div_euclid(step) * step;
    let to = time("end")?.div_euclid(step) * step;
    if to.saturating_sub(from) / step >= MAX_CANDLES {
        return Err(invalid(
            "number of candles requested should be less than 350",
        ));
    }
    let mut candles = view
        .candles(step, (from, to), (limit as usize, true), false)
        .await;
    candles.reverse();
    let i = &view.instrument;
    let rows: Vec<String> = candles
        .iter()
        .map(|c| {
            let price = |p: i64| trimmed(i128::from(p), i.price_digits);
            format!(
                r#"{{"start":"{}","low":"{}","high":"{}","open":"{}","close":"{}","volume":"{}"}}"#,
                c.open_time / SECOND,
                price(c.low),
                price(c.high),
                price(c.open),
                price(c.close),
                trimmed(c.volume, i.quantity_digits),
            )
        })
        .collect();
    Ok(json_text(
        StatusCode::OK,
        format!(r#"{{"candles":[{}]}}"#, rows.join(",")),
    ))
}

async fn ticker(State(hub): State<Arc<Hub>>, Path(id): Path<String>, query: Query) -> Answer {
    let view = view(&hub, &id)?;
    let limit = number::<usize>(&query, "limit")
        .map_err(|()| invalid("limit argument is invalid"))?
        .unwrap_or(100)
        .clamp(1, MAX_TRADES);
    let end = query.get("end").and_then(|text| moment(text));
    let start = query.get("start").and_then(|text| moment(text));
    let last = end
        .map_or(u64::MAX, |end| view.first_id_at(end) - 1)
        .min(view.last_id());
    let first = start.map_or(1, |start| view.first_id_at(start));
    let first = first.max((last + 1).saturating_sub(limit as u64));
    let mut trades = if first > last {
        Vec::new()
    } else {
        view.trades(first, (last - first + 1) as usize)
    };
    trades.reverse();
    let i = &view.instrument;
    let price = |p: i64| trimmed(i128::from(p), i.price_digits);
    let rows: Vec<String> = trades
        .iter()
        .map(|t| {
            format!(
                r#"{{"trade_id":"{}","product_id":"{}","price":"{}","size":"{}","time":"{}","side":"{}","bid":"","ask":""}}"#,
                t.id,
                i.symbol,
                price(t.price),
                trimmed(i128::from(t.quantity), i.quantity_digits),
                rfc3339_trimmed(t.time),
                if t.taker_buys { "SELL" } else { "BUY" },
            )
        })
        .collect();
    // The book is one tick wide around the last trade of each side.
    let side = |buys: bool| {
        trades
            .iter()
            .find(|t| t.taker_buys == buys)
            .map(|t| price(t.price))
    };
    Ok(json_text(
        StatusCode::OK,
        format!(
            r#"{{"trades":[{}],"best_bid":"{}","best_ask":"{}"}}"#,
            rows.join(","),
            side(false).unwrap_or_default(),
            side(true).unwrap_or_default(),
        ),
    ))
}
