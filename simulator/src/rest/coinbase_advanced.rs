//! Coinbase Advanced Trade REST, the part that needs no key: time, products, candles, ticker, order book;
//! and of the older API beside it (`/v2`) time, currencies and exchange rates.
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
use super::statistics::{DAY, Statistics, statistics};
use super::{Answer, InstrumentView, Query, Refusal, json_text, number};
use crate::decimal::{average, fixed, percent, trimmed};
use crate::hub::Hub;
use crate::market::{Instrument, Level, Venue, derive};
use crate::ws::{order_id, rfc3339, rfc3339_trimmed};

/// Query parameters in their order, some of them more than once.
type Pairs = axum::extract::Query<Vec<(String, String)>>;

const SECOND: i64 = 1_000_000;
const MAX_CANDLES: i64 = 350;
const MAX_TRADES: usize = 1_000;
const MAX_DEPTH: usize = 1_000;
/// Fractional digits of an exchange rate.
const RATE_DIGITS: u32 = 16;
const PRODUCTS: &str = "/api/v3/brokerage/market/products";

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route("/api/v3/brokerage/time", get(time))
        .route(PRODUCTS, get(products))
        .route(&format!("{PRODUCTS}/{{id}}"), get(product))
        .route(&format!("{PRODUCTS}/{{id}}/candles"), get(candles))
        .route(&format!("{PRODUCTS}/{{id}}/ticker"), get(ticker))
        .route("/api/v3/brokerage/market/product_book", get(book))
        .route("/v2/time", get(time_v2))
        .route("/v2/currencies", get(fiat))
        .route("/v2/currencies/crypto", get(crypto))
        .route("/v2/exchange-rates", get(exchange_rates))
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

/// All products, those that `product_ids` names (once for each), or a page of them (`limit`, `offset`).
/// Other types than `SPOT` have none.
async fn products(State(hub): State<Arc<Hub>>, query: Pairs) -> Answer {
    let all = |name| query.iter().filter(move |(n, _)| n == name).map(|(_, v)| v);
    let page = |name, default: usize| {
        all(name).next_back().map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| invalid(&format!("{name} argument is invalid")))
        })
    };
    let spot = all("product_type").all(|kind| kind == "SPOT" || kind == "UNKNOWN_PRODUCT_TYPE");
    let named: Vec<&String> = all("product_ids").collect();
    let listed: Vec<Instrument> = hub
        .market
        .instruments(Venue::Coinbase)
        .filter(|i| spot && (named.is_empty() || named.contains(&&i.symbol)))
        .cloned()
        .collect();
    let page: Vec<Instrument> = listed
        .iter()
        .skip(page("offset", 0)?)
        .take(page("limit", usize::MAX)?)
        .cloned()
        .collect();
    let days = days(&hub, page).await;
    let rows: Vec<Value> = days.iter().map(|(day, two)| info(day, two)).collect();
    let body = json!({"num_products": listed.len(), "products": rows});
    Ok(json_text(StatusCode::OK, body.to_string()))
}

async fn product(State(hub): State<Arc<Hub>>, Path(id): Path<String>) -> Answer {
    let instrument = view(&hub, &id)?.instrument;
    let days = days(&hub, vec![instrument]).await;
    let body = days.first().map(|(day, two)| info(day, two));
    Ok(json_text(
        StatusCode::OK,
        body.unwrap_or_default().to_string(),
    ))
}

/// The last day of each instrument, and the last two.
async fn days(hub: &Arc<Hub>, instruments: Vec<Instrument>) -> Vec<(Statistics, Statistics)> {
    let day = statistics(hub, instruments.clone(), DAY).await;
    let two = statistics(hub, instruments, 2 * DAY).await;
    day.into_iter().zip(two).collect()
}

fn info(day: &Statistics, two: &Statistics) -> Value {
    let i = &day.instrument;
    let price = |p: i64| trimmed(i128::from(p), i.price_digits);
    let (volume, before) = (day.day.volume, two.day.volume - day.day.volume);
    // Not where a market is too busy for the statistics of two days.
    let whole = two.to - two.from == 2 * (day.to - day.from);
    let volume_change = match before {
        1.. if whole => percent(volume - before, before, 8),
        _ => String::new(),
    };
    json!({
        "product_id": i.symbol,
        "price": day.last.map(|t| price(t.price)).unwrap_or_default(),
        "price_percentage_change_24h": percent(day.change().into(), day.day.open.into(), 8),
        "volume_24h": trimmed(volume, i.quantity_digits),
        "volume_percentage_change_24h": volume_change,
        "approximate_quote_24h_volume": fixed(day.day.quote_volume, i.price_digits + i.quantity_digits),
        "base_increment": fixed(1, i.quantity_digits),
        "quote_increment": fixed(1, i.price_digits),
        "price_increment": fixed(1, i.price_digits),
        "quote_min_size": "1",
        "quote_max_size": "50000000",
        "base_min_size": fixed(1, i.quantity_digits),
        "base_max_size": "1000000000",
        "base_name": i.token.name,
        "quote_name": "US Dollar",
        "watched": false,
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
        "fcm_trading_session_details": null,
        "mid_market_price": "",
        "view_only": false,
        "display_name": i.symbol,
        "product_venue": "CBE",
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
    let book = view.book(1);
    let best = |levels: &[Level]| levels.first().map(|level| price(level.price));
    Ok(json_text(
        StatusCode::OK,
        format!(
            r#"{{"trades":[{}],"best_bid":"{}","best_ask":"{}"}}"#,
            rows.join(","),
            best(&book.bids).unwrap_or_default(),
            best(&book.asks).unwrap_or_default(),
        ),
    ))
}

async fn book(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let view = view(&hub, query.get("product_id").map_or("", String::as_str))?;
    let limit = number::<usize>(&query, "limit")
        .map_err(|()| invalid("limit argument is invalid"))?
        .map_or(MAX_DEPTH, |limit| limit.clamp(1, MAX_DEPTH));
    let (book, i) = (view.book(limit), &view.instrument);
    let price = |p: i64| trimmed(i128::from(p), i.price_digits);
    let side = |levels: &[Level]| -> Vec<Value> {
        let row = |level: &Level| {
            let size = trimmed(i128::from(level.quantity), i.quantity_digits);
            json!({"price": price(level.price), "size": size})
        };
        levels.iter().map(row).collect()
    };
    let mut body = json!({
        "pricebook": {
            "product_id": i.symbol,
            "bids": side(&book.bids),
            "asks": side(&book.asks),
            "time": rfc3339_trimmed(view.now()),
        },
    });
    if let (Some(bid), Some(ask)) = (book.bids.first(), book.asks.first()) {
        let last = view.trades(view.last_id().max(1), 1);
        let twice = bid.price + ask.price;
        body["last"] = last
            .first()
            .map_or(String::new(), |t| price(t.price))
            .into();
        body["mid_market"] = trimmed(5 * i128::from(twice), i.price_digits + 1).into();
        body["spread_absolute"] = price(ask.price - bid.price).into();
        // Of the middle, in hundredths of a percent.
        let spread = 20_000 * i128::from(ask.price - bid.price);
        body["spread_bps"] = average(spread, i128::from(twice), 0, 8).into();
    }
    Ok(json_text(StatusCode::OK, body.to_string()))
}

fn refused_v2(message: &str) -> Refusal {
    let body = json!({"errors": [{"id": "invalid_request", "message": message}]});
    Refusal::new(StatusCode::BAD_REQUEST, body.to_string())
}

fn data(body: &Value) -> Response {
    json_text(StatusCode::OK, json!({ "data": body }).to_string())
}

async fn time_v2(State(hub): State<Arc<Hub>>) -> Response {
    let seconds = hub.venue_now(Venue::Coinbase) / SECOND;
    data(&json!({"iso": rfc3339_trimmed(seconds * SECOND), "epoch": seconds}))
}

async fn fiat() -> Response {
    data(&json!([{"id": "USD", "name": "United States Dollar", "min_size": "0.01"}]))
}

async fn crypto(State(hub): State<Arc<Hub>>) -> Response {
    let row = |(place, i): (usize, &Instrument)| {
        let key = derive(hub.seed, i.token.id);
        json!({
            "asset_id": order_id(key, 0),
            "code": i.token.ticker,
            "name": i.token.name,
            "color": format!("#{:06X}", key & 0xFF_FFFF),
            "sort_index": 100 + place,
            "exponent": 8,
            "type": "crypto",
            "address_regex": "^[0-9A-Za-z]{26,90}$",
        })
    };
    let listed = hub.market.instruments(Venue::Coinbase).enumerate();
    data(&listed.map(row).collect())
}

/// The amount of each currency that one of `currency` (`USD`) is worth.
async fn exchange_rates(State(hub): State<Arc<Hub>>, query: Query) -> Answer {
    let wanted = query.get("currency").map_or("USD", String::as_str);
    // Prices in dollars, as a number of ticks and the digits of one.
    let mut prices = vec![("USD", 1, 0)];
    for i in hub.market.instruments(Venue::Coinbase) {
        let view = InstrumentView::new(&hub, i);
        if let Some(last) = view.trades(view.last_id().max(1), 1).first() {
            prices.push((i.token.ticker, i128::from(last.price), i.price_digits));
        }
    }
    let (_, own, own_digits) = *prices
        .iter()
        .find(|(code, ..)| *code == wanted)
        .ok_or_else(|| refused_v2(&format!("Invalid currency ({wanted})")))?;
    let rates: serde_json::Map<String, Value> = prices
        .iter()
        .map(|&(code, other, digits)| {
            let (own, other) = (own * 10i128.pow(digits), other * 10i128.pow(own_digits));
            let rate = average(own, other, 0, RATE_DIGITS);
            let shortest = rate.trim_end_matches('0').trim_end_matches('.');
            (code.to_owned(), shortest.into())
        })
        .collect();
    Ok(data(&json!({"currency": wanted, "rates": rates})))
}
