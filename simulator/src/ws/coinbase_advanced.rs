//! Coinbase Advanced Trade feed: channels `market_trades` (batches of 250 ms) and `heartbeats`.
//!
//! Rules: docs.cdp.coinbase.com, Advanced Trade WebSocket channels. Ids and prices are strings,
//! an update lists the newest trade first, `side` is the maker's, and `sequence_num` counts the
//! messages of the connection over all channels.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use serde::Deserialize;
use serde_json::json;

use super::{Context, Event, Frame, Output, Protocol, Wire, rfc3339_trimmed};
use crate::decimal::trimmed;
use crate::market::Venue;
use crate::replay::Recorded;

const SECOND: i64 = 1_000_000;
const BATCH: i64 = 250_000;
const SUBSCRIBE_WITHIN: i64 = 5 * SECOND;
/// "Most channels close within 60-90 seconds if no updates are sent."
const QUIET: i64 = 90 * SECOND;
/// Trades from before the subscription in the snapshot.
const SNAPSHOT: u64 = 50;
const CHANNELS: [&str; 6] = [
    "market_trades",
    "heartbeats",
    "ticker",
    "ticker_batch",
    "level2",
    "candles",
];

/// One connection of a Coinbase Advanced Trade client.
#[derive(Debug, Default)]
pub(crate) struct CoinbaseAdvanced {
    channels: BTreeMap<String, BTreeSet<String>>,
    subscribed: bool,
    subscribe_by: i64,
    sequence: u64,
    opened: i64,
    heartbeat_due: i64,
    batch_due: i64,
    last_update: i64,
    /// Trades of the current batch, oldest first, as JSON, by product.
    batch: BTreeMap<String, Vec<(u64, String)>>,
}

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    product_ids: Vec<String>,
    #[serde(default)]
    channel: String,
}

impl CoinbaseAdvanced {
    fn envelope(&mut self, channel: &str, events: &str, context: Context<'_>) -> String {
        let number = self.sequence;
        self.sequence += 1;
        // The envelope's time has ns on the wire; ours has µs and a made-up rest.
        let time = DateTime::from_timestamp_micros(context.venue_now)
            .unwrap_or_default()
            .format("%Y-%m-%dT%H:%M:%S%.6f");
        let rest = 1 + number * 7 % 999;
        format!(
            r#"{{"channel":"{channel}","timestamp":"{time}{rest:03}Z","sequence_num":{number},"events":[{events}]}}"#
        )
    }

    fn subscribe(&mut self, request: Request, context: Context<'_>, out: &mut Output) {
        if !CHANNELS.contains(&request.channel.as_str()) {
            out.send(r#"{"type":"error","message":"channel does not exist"}"#);
            return;
        }
        if request.channel == "heartbeats" {
            self.channels
                .insert(request.channel, BTreeSet::from(["heartbeats".to_owned()]));
            self.heartbeat_due = context.now;
            self.acknowledge(context, out);
            return;
        }
        let refused = request
            .product_ids
            .iter()
            .find(|p| !context.accepts(Venue::Coinbase, p));
        if let Some(product) = refused {
            let message = json!(format!("{product} is not a valid product"));
            out.send(format!(r#"{{"type":"error","message":{message}}}"#));
            return;
        }
        let own = self.channels.entry(request.channel.clone()).or_default();
        let fresh: Vec<String> = request
            .product_ids
            .into_iter()
            .filter(|product| own.insert(product.clone()))
            .collect();
        self.acknowledge(context, out);
        if request.channel == "market_trades" {
            for product in &fresh {
                let trades = context.last_trades(Venue::Coinbase, product, SNAPSHOT);
                if !trades.is_empty() {
                    let rows: Vec<String> = trades.iter().rev().map(row).collect();
                    let event = event("snapshot", &rows);
                    let text = self.envelope("market_trades", &event, context);
                    out.send(text);
                }
            }
        }
        out.follow.extend(fresh);
    }

    fn unsubscribe(&mut self, request: &Request, context: Context<'_>, out: &mut Output) {
        if let Some(own) = self.channels.get_mut(&request.channel) {
            own.retain(|p| !request.product_ids.is_empty() && !request.product_ids.contains(p));
            if own.is_empty() {
                self.channels.remove(&request.channel);
            }
        }
        if request.channel == "market_trades" {
            out.unfollow.extend(request.product_ids.iter().cloned());
        }
        self.acknowledge(context, out);
    }

    fn acknowledge(&mut self, context: Context<'_>, out: &mut Output) {
        self.subscribed = true;
        self.last_update = context.now;
        let event = format!(r#"{{"subscriptions":{}}}"#, json!(self.channels));
        let text = self.envelope("subscriptions", &event, context);
        out.send(text);
    }

    fn flush(&mut self, context: Context<'_>, out: &mut Output) {
        for (symbol, trades) in std::mem::take(&mut self.batch) {
            let (ids, mut rows): (Vec<u64>, Vec<String>) = trades.into_iter().unzip();
            rows.reverse();
            let text = self.envelope("market_trades", &event("update", &rows), context);
            out.frames.push(Frame { text, symbol, ids });
            self.last_update = context.now;
        }
    }

    fn heartbeat(&mut self, context: Context<'_>, out: &mut Output) {
        let counter = 21_697 + (context.now - self.opened) / SECOND;
        let time = DateTime::from_timestamp_micros(context.venue_now).unwrap_or_default();
        let time = time.format("%Y-%m-%d %H:%M:%S%.9f +0000 UTC");
        let event = format!(
            r#"{{"current_time":"{time} m=+{counter}.195984854","heartbeat_counter":{counter}}}"#
        );
        let text = self.envelope("heartbeats", &event, context);
        out.send(text);
        self.last_update = context.now;
    }

    fn heartbeats(&self) -> bool {
        self.channels.contains_key("heartbeats")
    }

    fn wants(&self, channel: &str, product: &str) -> bool {
        self.channels
            .get(channel)
            .is_some_and(|products| products.contains(product))
    }
}

fn event(kind: &str, rows: &[String]) -> String {
    format!(r#"{{"type":"{kind}","trades":[{}]}}"#, rows.join(","))
}

fn row(Event { instrument, trade }: &Event<'_>) -> String {
    format!(
        r#"{{"product_id":"{}","trade_id":"{}","price":"{}","size":"{}","time":"{}","side":"{}"}}"#,
        instrument.symbol,
        trade.id,
        trimmed(i128::from(trade.price), instrument.price_digits),
        trimmed(i128::from(trade.quantity), instrument.quantity_digits),
        rfc3339_trimmed(trade.time),
        if trade.taker_buys { "SELL" } else { "BUY" },
    )
}

impl Protocol for CoinbaseAdvanced {
    fn wire(&self) -> Wire {
        Wire::CoinbaseAdvanced
    }

    fn greet(&mut self, context: Context<'_>, _out: &mut Output) {
        self.opened = context.now;
        self.subscribe_by = context.now + SUBSCRIBE_WITHIN;
        self.batch_due = i64::MAX;
    }

    fn receive(&mut self, text: &str, context: Context<'_>, out: &mut Output) {
        match serde_json::from_str::<Request>(text) {
            Ok(request) if request.kind == "subscribe" => self.subscribe(request, context, out),
            Ok(request) if request.kind == "unsubscribe" => {
                self.unsubscribe(&request, context, out);
            }
            Ok(_) => out.send(r#"{"type":"error","message":"unknown message type"}"#),
            Err(_) => out.send(r#"{"type":"error","message":"malformed message"}"#),
        }
    }

    fn trades(&mut self, events: &[Event<'_>], context: Context<'_>, _out: &mut Output) {
        for event in events {
            let symbol = &event.instrument.symbol;
            if !self.wants("market_trades", symbol) {
                continue;
            }
            if self.batch.is_empty() {
                self.batch_due = context.now + BATCH;
            }
            self.batch
                .entry(symbol.clone())
                .or_default()
                .push((event.trade.id, row(event)));
        }
    }

    fn replayed(&mut self, recorded: &Recorded, context: Context<'_>, out: &mut Output) {
        let heartbeat = recorded.channel == "heartbeats" && self.heartbeats();
        if heartbeat
            || recorded
                .symbols
                .iter()
                .any(|p| self.wants(&recorded.channel, p))
        {
            self.last_update = context.now;
            out.frames.push(Frame {
                text: recorded.text.clone(),
                symbol: recorded.symbols.first().cloned().unwrap_or_default(),
                ids: recorded.ids.clone(),
            });
        }
    }

    fn due(&self) -> i64 {
        if !self.subscribed {
            return self.subscribe_by;
        }
        let alive = if self.heartbeats() {
            self.heartbeat_due
        } else {
            self.last_update + QUIET
        };
        alive.min(if self.batch.is_empty() {
            i64::MAX
        } else {
            self.batch_due
        })
    }

    fn tick(&mut self, context: Context<'_>, out: &mut Output) {
        let now = context.now;
        if !self.subscribed {
            if self.subscribe_by <= now {
                out.close = Some((1008, "no subscribe message within 5 seconds"));
            }
            return;
        }
        if !self.batch.is_empty() && self.batch_due <= now {
            self.flush(context, out);
        }
        if self.heartbeats() {
            if self.heartbeat_due <= now {
                self.heartbeat_due = now + SECOND;
                self.heartbeat(context, out);
            }
        } else if self.last_update + QUIET <= now {
            out.close = Some((1000, "no updates"));
        }
    }
}
