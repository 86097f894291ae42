//! The simulator's own endpoints, for tests and demonstrations: faults, counters, and the truth
//! about candles.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::coinbase::moment;
use super::{InstrumentView, Query, json_text, number};
use crate::decimal::fixed;
use crate::fault::Fault;
use crate::hub::Hub;
use crate::market::Venue;
use crate::ws::rfc3339;

/// Candles in one answer at most.
const MAX_CANDLES: usize = 100_000;

pub(crate) fn routes() -> Router<Arc<Hub>> {
    Router::new()
        .route(
            "/faults",
            post(add_faults).delete(clear_faults).get(list_faults),
        )
        .route("/state", get(state))
        .route("/candles", get(candles))
        .route("/instruments", get(instruments))
}

fn bad(message: &str) -> Response {
    json_text(
        StatusCode::BAD_REQUEST,
        json!({"error": message}).to_string(),
    )
}

fn ok(body: &Value) -> Response {
    json_text(StatusCode::OK, body.to_string())
}

/// `["drop:p=0.01"]`, `{"faults":["drop:p=0.01"]}`, or one fault as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Wanted {
    One(String),
    List(Vec<String>),
    Named { faults: Vec<String> },
}

async fn add_faults(State(hub): State<Arc<Hub>>, body: Bytes) -> Response {
    let texts = match serde_json::from_slice(&body) {
        Ok(Wanted::One(text)) => vec![text],
        Ok(Wanted::List(texts) | Wanted::Named { faults: texts }) => texts,
        Err(_) => return bad(r#"the body is not {"faults":["kind:key=value,…"]}"#),
    };
    match texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<Vec<Fault>, _>>()
    {
        Ok(faults) => hub.faults.add(faults),
        Err(error) => return bad(&error.to_string()),
    }
    ok(&faults(&hub))
}

async fn list_faults(State(hub): State<Arc<Hub>>) -> Response {
    ok(&faults(&hub))
}

/// Ends all faults. The ledger of what they struck stays, unless `ledger=clear`.
async fn clear_faults(State(hub): State<Arc<Hub>>, query: Query) -> Response {
    hub.faults.clear();
    if query.get("ledger").is_some_and(|v| v == "clear") {
        hub.ledger.clear();
    }
    ok(&faults(&hub))
}

fn faults(hub: &Hub) -> Value {
    let list: Vec<Value> = hub
        .faults
        .active()
        .iter()
        .map(|f| json!({"fault": f.fault.to_string(), "struck": f.struck()}))
        .collect();
    json!({"faults": list})
}

async fn state(State(hub): State<Arc<Hub>>) -> Response {
    let counters: BTreeMap<&str, u64> = hub.counters.read().into_iter().collect();
    let (ids, unlisted) = hub.ledger.read();
    let struck: Vec<Value> = ids
        .into_iter()
        .map(|((mark, venue, symbol), ids)| {
            json!({"mark": mark.name(), "venue": venue.name(), "symbol": symbol, "ids": ids})
        })
        .collect();
    let replay = hub.replay.as_ref().map(|player| {
        let (played, finished) = player.progress();
        json!({"venue": player.wire().venue().name(), "frames_played": played, "finished": finished})
    });
    ok(&json!({
        "now": rfc3339(hub.clock.now()),
        "seed": hub.seed,
        "market_origin": rfc3339(hub.market.origin()),
        "counters": counters,
        "faults": faults(&hub)["faults"],
        "struck": struck,
        "struck_unlisted": unlisted,
        "replay": replay,
    }))
}

async fn instruments(State(hub): State<Arc<Hub>>) -> Response {
    let all: Vec<Value> = Venue::ALL
        .into_iter()
        .flat_map(|venue| hub.market.instruments(venue))
        .map(|i| {
            json!({
                "venue": i.venue.name(),
                "symbol": i.symbol,
                "asset": i.token.id,
                "base": i.token.ticker,
                "quote": i.quote,
                "last_trade_id": hub.market.count_before(i, hub.clock.now()),
            })
        })
        .collect();
    ok(&json!({"instruments": all}))
}

/// `venue`, `symbol`, `from` and `to` (RFC 3339 or Unix seconds; candles that open in
/// `[from, to)`), `interval` in seconds (60).
async fn candles(State(hub): State<Arc<Hub>>, query: Query) -> Response {
    let text = |name: &str| query.get(name).map_or("", String::as_str);
    let venue = Venue::from_name(text("venue"));
    let Some(view) = venue.and_then(|venue| InstrumentView::of(&hub, venue, text("symbol"))) else {
        return bad("no such venue and symbol");
    };
    let (Some(from), Some(to)) = (moment(text("from")), moment(text("to"))) else {
        return bad("from and to are times: RFC 3339 or Unix seconds");
    };
    let seconds = number::<i64>(&query, "interval")
        .unwrap_or(None)
        .unwrap_or(60);
    if !(1..=86_400).contains(&seconds) {
        return bad("interval is 1 to 86400 seconds");
    }
    let step = seconds * 1_000_000;
    let from = from.saturating_add(step - 1).div_euclid(step) * step;
    let to = to.saturating_sub(1).div_euclid(step) * step;
    let candles = view
        .candles(step, (from, to), (MAX_CANDLES, false), false)
        .await;
    let i = &view.instrument;
    let price = |p: i64| fixed(i128::from(p), i.price_digits);
    let rows: Vec<Value> = candles
        .iter()
        .map(|c| {
            json!({
                "open_time": rfc3339(c.open_time),
                "open": price(c.open),
                "high": price(c.high),
                "low": price(c.low),
                "close": price(c.close),
                "volume": fixed(c.volume, i.quantity_digits),
                "quote_volume": fixed(c.quote_volume, i.price_digits + i.quantity_digits),
                "trades": c.trades,
                "taker_buy_volume": fixed(c.taker_buy_volume, i.quantity_digits),
                "first_id": c.first_id,
                "last_id": c.last_id,
            })
        })
        .collect();
    ok(&json!({"candles": rows}))
}
