//! Binance spot streams: `/ws` (raw) and `/stream` (combined), `@trade` and `@aggTrade`.
//!
//! Rules: web-socket-streams.md of binance-spot-api-docs. Streams of unknown symbols are accepted
//! and stay silent, as at the venue.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Context, Event, Frame, Output, Protocol, Wire};
use crate::decimal::padded;
use crate::market::Venue;
use crate::replay::Recorded;

const SECOND: i64 = 1_000_000;
const PING_EVERY: i64 = 20 * SECOND;
const PONG_WITHIN: i64 = 60 * SECOND;
const LONGEST_LIFE: i64 = 24 * 3_600 * SECOND;
/// `serverShutdown` comes this long before the end of a connection's life.
const NOTICE: i64 = 60 * SECOND;
const MESSAGES_A_SECOND: usize = 5;
const STREAMS: usize = 1_024;

/// One connection of a Binance client.
#[derive(Debug)]
pub(crate) struct Binance {
    combined: bool,
    streams: BTreeSet<String>,
    opened: i64,
    noticed: bool,
    ping_due: i64,
    /// Payloads of the pings not answered yet; a pong that copies any of them answers all.
    unanswered: Vec<Vec<u8>>,
    /// When the first of them must have been answered.
    pong_due: i64,
    /// Times of the messages received in the last second.
    received: Vec<i64>,
}

#[derive(Deserialize)]
struct Request<'a> {
    method: String,
    #[serde(default)]
    params: Option<Value>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
}

impl Binance {
    /// `streams`: those named in the path.
    pub(crate) fn new(combined: bool, streams: impl IntoIterator<Item = String>) -> Self {
        Self {
            combined,
            streams: streams.into_iter().filter(|s| !s.is_empty()).collect(),
            opened: 0,
            noticed: false,
            ping_due: 0,
            unanswered: Vec::new(),
            pong_due: i64::MAX,
            received: Vec::new(),
        }
    }

    fn subscribe(&mut self, names: Vec<String>, out: &mut Output) {
        self.streams.extend(names.iter().cloned());
        if self.streams.len() > STREAMS {
            out.close = Some((1008, "Too many streams"));
        }
        out.follow.extend(names.iter().map(|name| symbol_of(name)));
    }

    fn unsubscribe(&mut self, names: &[String], out: &mut Output) {
        for name in names {
            self.streams.remove(name);
            let symbol = symbol_of(name);
            if !self.streams.iter().any(|other| symbol_of(other) == symbol) {
                out.unfollow.push(symbol);
            }
        }
    }

    fn answer(&mut self, request: Request<'_>, context: Context<'_>, out: &mut Output) {
        let id = request.id.map_or("null", RawValue::get);
        let names: Option<Vec<String>> = request.params.and_then(|params| {
            params
                .as_array()?
                .iter()
                .map(|v| v.as_str().map(str::to_owned))
                .collect()
        });
        match (request.method.as_str(), names) {
            ("SUBSCRIBE", Some(names)) => {
                let faults = &context.hub.faults;
                let refused =
                    |name: &String| faults.refused_subscription(Venue::Binance, &symbol_of(name));
                if names.iter().any(refused) {
                    crate::hub::Counters::add(&context.hub.counters.refused_subscriptions, 1);
                    out.send(error(2, "Invalid request: invalid stream", id));
                    return;
                }
                out.send(format!(r#"{{"result":null,"id":{id}}}"#));
                self.subscribe(names, out);
            }
            ("UNSUBSCRIBE", Some(names)) => {
                self.unsubscribe(&names, out);
                out.send(format!(r#"{{"result":null,"id":{id}}}"#));
            }
            ("LIST_SUBSCRIPTIONS", _) => {
                let list = json!(self.streams);
                out.send(format!(r#"{{"result":{list},"id":{id}}}"#));
            }
            ("SUBSCRIBE" | "UNSUBSCRIBE", None) => {
                out.send(error(2, "Invalid request: missing field `params`", id));
            }
            (other, _) => {
                let text = format!(
                    "Invalid request: unknown variant `{}`, expected one of `SUBSCRIBE`, \
                     `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`",
                    other.escape_default()
                );
                out.send(error(2, &text, id));
            }
        }
    }

    fn wrap(&self, stream: &str, data: String) -> String {
        if self.combined {
            format!(r#"{{"stream":"{stream}","data":{data}}}"#)
        } else {
            data
        }
    }

    fn shutdown_notice(&self, context: Context<'_>) -> String {
        let text = format!(
            r#"{{"e":"serverShutdown","E":{}}}"#,
            context.venue_now / 1_000
        );
        self.wrap("!serverShutdown", text)
    }
}

fn error(code: i32, message: &str, id: &str) -> String {
    let message = Value::from(message);
    format!(r#"{{"error":{{"code":{code},"msg":{message}}},"id":{id}}}"#)
}

fn symbol_of(stream: &str) -> String {
    stream.split('@').next().unwrap_or_default().to_uppercase()
}

impl Protocol for Binance {
    fn wire(&self) -> Wire {
        Wire::Binance
    }

    fn greet(&mut self, context: Context<'_>, out: &mut Output) {
        self.opened = context.now;
        self.ping_due = context.now + PING_EVERY;
        let named: Vec<String> = self.streams.iter().cloned().collect();
        self.subscribe(named, out);
    }

    fn receive(&mut self, text: &str, context: Context<'_>, out: &mut Output) {
        self.received.retain(|&at| at > context.now - SECOND);
        self.received.push(context.now);
        if self.received.len() > MESSAGES_A_SECOND {
            out.close = Some((1008, "Too many requests"));
            return;
        }
        match serde_json::from_str::<Request<'_>>(text) {
            Ok(request) => self.answer(request, context, out),
            Err(e) if e.is_data() => out.send(error(2, &format!("Invalid request: {e}"), "null")),
            Err(e) => out.send(error(3, &format!("Invalid JSON: {e}"), "null")),
        }
    }

    fn pong(&mut self, payload: &[u8]) {
        // "Unsolicited pong frames are allowed, but will not prevent disconnection."
        if self.unanswered.iter().any(|sent| sent == payload) {
            self.unanswered.clear();
            self.pong_due = i64::MAX;
        }
    }

    fn trades(&mut self, events: &[Event<'_>], _context: Context<'_>, out: &mut Output) {
        let mut stream = String::new();
        for Event { instrument, trade } in events {
            for kind in ["trade", "aggTrade"] {
                stream.clear();
                stream.push_str(&instrument.symbol);
                stream.make_ascii_lowercase();
                // Writing into a string cannot fail.
                let _ = write!(stream, "@{kind}");
                if !self.streams.contains(&stream) {
                    continue;
                }
                let (ms, id, maker) = (trade.time.div_euclid(1_000), trade.id, !trade.taker_buys);
                // The event leaves a little after the trade, most often in the same millisecond.
                let event = ms + i64::from(id % 4 == 0);
                let symbol = &instrument.symbol;
                let price = padded(i128::from(trade.price), instrument.price_digits, 8);
                let quantity = padded(i128::from(trade.quantity), instrument.quantity_digits, 8);
                let data = if kind == "trade" {
                    format!(
                        r#"{{"e":"trade","E":{event},"s":"{symbol}","t":{id},"p":"{price}","q":"{quantity}","T":{ms},"m":{maker},"M":true}}"#
                    )
                } else {
                    format!(
                        r#"{{"e":"aggTrade","E":{event},"s":"{symbol}","a":{id},"p":"{price}","q":"{quantity}","f":{id},"l":{id},"T":{ms},"m":{maker},"M":true}}"#
                    )
                };
                out.frames.push(Frame {
                    text: self.wrap(&stream, data),
                    symbol: symbol.clone(),
                    ids: vec![id],
                });
            }
        }
    }

    fn replayed(&mut self, recorded: &Recorded, _context: Context<'_>, out: &mut Output) {
        if self.streams.contains(&recorded.channel) {
            out.frames.push(Frame {
                text: self.wrap(&recorded.channel, recorded.text.clone()),
                symbol: recorded.symbols.first().cloned().unwrap_or_default(),
                ids: recorded.ids.clone(),
            });
        }
    }

    fn due(&self) -> i64 {
        let life = self.opened + LONGEST_LIFE - if self.noticed { 0 } else { NOTICE };
        self.ping_due.min(self.pong_due).min(life)
    }

    fn tick(&mut self, context: Context<'_>, out: &mut Output) {
        let now = context.now;
        if self.pong_due <= now {
            out.close = Some((1008, "Pong timeout"));
            return;
        }
        if self.ping_due <= now {
            self.ping_due = now + PING_EVERY;
            let payload = (context.venue_now / 1_000).to_string().into_bytes();
            if self.unanswered.is_empty() {
                self.pong_due = now + PONG_WITHIN;
            }
            self.unanswered.push(payload.clone());
            out.ping = Some(payload);
        }
        if now >= self.opened + LONGEST_LIFE {
            out.close = Some((1000, "Connection expired"));
        } else if now >= self.opened + LONGEST_LIFE - NOTICE && !self.noticed {
            self.noticed = true;
            out.send(self.shutdown_notice(context));
        }
    }

    fn farewell(&mut self, context: Context<'_>, out: &mut Output) {
        out.send(self.shutdown_notice(context));
    }
}
