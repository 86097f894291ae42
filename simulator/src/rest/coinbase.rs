//! Coinbase Exchange REST: time, products, trades, candles.
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

use super::{Answer, InstrumentView, Query, Refusal, json_text, number};
use crate::decimal::{fixed, trimmed};
use crate::hub::Hub;
use crate::market::{Instrument, Venue};
use crate::ws::rfc3339;

const SECOND: i64 = 1_000_000;
const MAX_TRADES: usize = 1_000;
const MAX_CANDLES: i64 = 300;
const GRANULARITIES: [i64; 6] = [60, 300, 900, 3_600, 21_600, 86_400];

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/time", get(time))
        .route("/products", get(products))
        .route("/products/{id}", get(product))
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
