//! Kraken WebSocket v2: channel `trade`, heartbeats, ping.
//!
//! Rules: docs.kraken.com, spot WebSocket v2. Prices and quantities are JSON numbers with the
//! pair's digits, `side` is the taker's; a heartbeat comes only in the absence of other messages.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Context, Event, Frame, Output, Protocol, Wire, rfc3339};
use crate::decimal::fixed;
use crate::market::{Venue, hash};
use crate::replay::Recorded;

const SECOND: i64 = 1_000_000;
/// "Snapshot reflects the most recent 50 trades."
const SNAPSHOT: u64 = 50;
/// Trades in one frame at most.
const ROWS: usize = 100;

/// One connection of a Kraken v2 client.
#[derive(Debug, Default)]
pub(crate) struct Kraken {
    channels: BTreeMap<String, BTreeSet<String>>,
    /// Heartbeats flow after any subscribe request, a refused one included.
    asked: bool,
    last_sent: i64,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    #[serde(default)]
    params: Params,
    req_id: Option<u64>,
}

#[derive(Deserialize, Default)]
struct Params {
    #[serde(default)]
    channel: String,
    #[serde(default)]
    symbol: Vec<String>,
    #[serde(default)]
    snapshot: bool,
}

impl Kraken {
    fn wants(&self, channel: &str, symbol: &str) -> bool {
        self.channels
            .get(channel)
            .is_some_and(|symbols| symbols.contains(symbol))
    }

    fn subscribe(&mut self, request: &Request, context: Context<'_>, out: &mut Output) {
        self.asked = true;
        let Params {
            channel,
            symbol: symbols,
            snapshot,
        } = &request.params;
        if channel != "trade" && !context.replaying {
            out.send(answer(request, context, None, Err("Channel not supported")));
            return;
        }
        for symbol in symbols {
            if !context.accepts(Venue::Kraken, symbol) {
                let error = format!("Currency pair not supported {symbol}");
                out.send(answer(request, context, Some(symbol), Err(&error)));
                continue;
            }
            if !self
                .channels
                .entry(channel.clone())
                .or_default()
                .insert(symbol.clone())
            {
                out.send(answer(
                    request,
                    context,
                    Some(symbol),
                    Err("Already subscribed"),
                ));
                continue;
            }
            let result = json!({"channel": channel, "snapshot": snapshot, "symbol": symbol});
            out.send(answer(request, context, None, Ok(result)));
            if *snapshot {
                let trades = context.last_trades(Venue::Kraken, symbol, SNAPSHOT);
                if !trades.is_empty() {
                    out.send(frame("snapshot", &trades));
                }
            }
            out.follow.push(symbol.clone());
        }
    }

    fn unsubscribe(&mut self, request: &Request, context: Context<'_>, out: &mut Output) {
        let Params {
            channel,
            symbol: symbols,
            ..
        } = &request.params;
        for symbol in symbols {
            let known = self
                .channels
                .get_mut(channel)
                .is_some_and(|own| own.remove(symbol));
            if known {
                let result = json!({"channel": channel, "symbol": symbol});
                out.send(answer(request, context, None, Ok(result)));
                out.unfollow.push(symbol.clone());
            } else {
                let error = Err("Subscription Not Found");
                out.send(answer(request, context, Some(symbol), error));
            }
        }
    }
}

/// An answer as recorded: fields in alphabetical order, which is `serde_json`'s too.
fn answer(
    request: &Request,
    context: Context<'_>,
    symbol: Option<&str>,
    result: Result<Value, &str>,
) -> String {
    let mut answer = json!({
        "method": request.method,
        "success": result.is_ok(),
        "time_in": rfc3339(context.venue_now),
        "time_out": rfc3339(context.venue_now + 36),
    });
    match result {
        Ok(Value::Null) => {}
        Ok(result) => answer["result"] = result,
        Err(error) => answer["error"] = error.into(),
    }
    if let Some(symbol) = symbol {
        answer["symbol"] = symbol.into();
    }
    if let Some(id) = request.req_id {
        answer["req_id"] = id.into();
    }
    answer.to_string()
}

fn frame(kind: &str, events: &[Event<'_>]) -> String {
    let rows: Vec<String> = events.iter().map(row).collect();
    format!(
        r#"{{"channel":"trade","type":"{kind}","data":[{}]}}"#,
        rows.join(",")
    )
}

fn row(Event { instrument, trade }: &Event<'_>) -> String {
    let order = if hash(instrument.index as u64, trade.id).is_multiple_of(3) {
        "market"
    } else {
        "limit"
    };
    format!(
        r#"{{"symbol":"{}","side":"{}","price":{},"qty":{},"ord_type":"{order}","trade_id":{},"timestamp":"{}"}}"#,
        instrument.symbol,
        if trade.taker_buys { "buy" } else { "sell" },
        fixed(i128::from(trade.price), instrument.price_digits),
        fixed(i128::from(trade.quantity), instrument.quantity_digits),
        trade.id,
        rfc3339(trade.time),
    )
}

impl Protocol for Kraken {
    fn wire(&self) -> Wire {
        Wire::Kraken
    }

    fn greet(&mut self, context: Context<'_>, out: &mut Output) {
        self.last_sent = context.now;
        let id = hash(context.hub.seed, context.now as u64);
        out.send(format!(
            r#"{{"channel":"status","type":"update","data":[{{"version":"2.0.10","system":"online","api_version":"v2","connection_id":{id},"upcoming_maintenance":[],"emergency":[]}}]}}"#
        ));
    }

    fn receive(&mut self, text: &str, context: Context<'_>, out: &mut Output) {
        match serde_json::from_str::<Request>(text) {
            Ok(request) => match request.method.as_str() {
                "subscribe" => self.subscribe(&request, context, out),
                "unsubscribe" => self.unsubscribe(&request, context, out),
                "ping" => {
                    let mut pong = json!({
                        "method": "pong",
                        "time_in": rfc3339(context.venue_now),
                        "time_out": rfc3339(context.venue_now + 4),
                    });
                    if let Some(id) = request.req_id {
                        pong["req_id"] = id.into();
                    }
                    out.send(pong.to_string());
                }
                _ => out.send(answer(&request, context, None, Err("Unsupported method"))),
            },
            Err(_) => out.send(r#"{"error":"Malformed request","success":false}"#),
        }
        if !out.frames.is_empty() {
            self.last_sent = context.now;
        }
    }

    fn trades(&mut self, events: &[Event<'_>], context: Context<'_>, out: &mut Output) {
        let mut by_symbol: Vec<(&str, Vec<Event<'_>>)> = Vec::new();
        for event in events
            .iter()
            .filter(|e| self.wants("trade", &e.instrument.symbol))
        {
            let symbol = event.instrument.symbol.as_str();
            match by_symbol
                .iter_mut()
                .rev()
                .find(|(s, rows)| *s == symbol && rows.len() < ROWS)
            {
                Some((_, rows)) => rows.push(*event),
                None => by_symbol.push((symbol, vec![*event])),
            }
        }
        for (symbol, rows) in by_symbol {
            self.last_sent = context.now;
            out.frames.push(Frame {
                text: frame("update", &rows),
                symbol: symbol.to_owned(),
                ids: rows.iter().map(|event| event.trade.id).collect(),
            });
        }
    }

    fn replayed(&mut self, recorded: &Recorded, context: Context<'_>, out: &mut Output) {
        let all = recorded.symbols.is_empty();
        if all
            || recorded
                .symbols
                .iter()
                .any(|s| self.wants(&recorded.channel, s))
        {
            self.last_sent = context.now;
            out.frames.push(Frame {
                text: recorded.text.clone(),
                symbol: recorded.symbols.first().cloned().unwrap_or_default(),
                ids: recorded.ids.clone(),
            });
        }
    }

    fn due(&self) -> i64 {
        if self.asked {
            self.last_sent + SECOND
        } else {
            i64::MAX
        }
    }

    fn tick(&mut self, context: Context<'_>, out: &mut Output) {
        if self.asked && self.last_sent + SECOND <= context.now {
            self.last_sent = context.now;
            out.send(r#"{"channel":"heartbeat"}"#);
        }
    }
}
