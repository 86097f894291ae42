//! Coinbase Exchange feed: channels `matches` and `heartbeat`.
//!
//! Rules: docs.cdp.coinbase.com/exchange/websocket-feed. `side` of a match is the maker's.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::json;

use super::{Context, Event, Frame, Output, Protocol, Wire, order_id, rfc3339};
use crate::decimal::trimmed;
use crate::market::Venue;
use crate::replay::Recorded;

const SECOND: i64 = 1_000_000;
/// "To begin receiving feed messages, you must first send a subscribe message … within 5 seconds."
const SUBSCRIBE_WITHIN: i64 = 5 * SECOND;
/// Channels that one can subscribe to; all but the first two are silent unless replayed.
const CHANNELS: [&str; 7] = [
    "matches",
    "heartbeat",
    "ticker",
    "ticker_batch",
    "level2",
    "level2_batch",
    "status",
];

/// One connection of a Coinbase Exchange client.
#[derive(Debug, Default)]
pub(crate) struct CoinbaseExchange {
    channels: BTreeMap<String, BTreeSet<String>>,
    subscribed: bool,
    subscribe_by: i64,
    heartbeat_due: i64,
    /// Replay: last (trade id, sequence) per product, for heartbeats.
    replayed: HashMap<String, (u64, u64)>,
}

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    product_ids: Vec<String>,
    #[serde(default)]
    channels: Vec<Channel>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Channel {
    Name(String),
    Own {
        name: String,
        #[serde(default)]
        product_ids: Vec<String>,
    },
}

impl Channel {
    /// Its name and products: its own ones and those named for all channels.
    fn resolve(self, shared: &[String]) -> (String, BTreeSet<String>) {
        let (name, mut products) = match self {
            Self::Name(name) => (name, Vec::new()),
            Self::Own { name, product_ids } => (name, product_ids),
        };
        products.extend_from_slice(shared);
        (name, products.into_iter().collect())
    }
}

/// The sequence counts messages of all kinds, so it has holes for who follows trades only.
fn sequence(id: u64) -> u64 {
    id * 7 + id % 5
}

impl CoinbaseExchange {
    fn wants(&self, channel: &str, product: &str) -> bool {
        self.channels
            .get(channel)
            .is_some_and(|products| products.contains(product))
    }

    fn subscribe(&mut self, request: Request, context: Context<'_>, out: &mut Output) {
        let asked: Vec<_> = request
            .channels
            .into_iter()
            .map(|c| c.resolve(&request.product_ids))
            .collect();
        for (channel, products) in &asked {
            if !CHANNELS.contains(&channel.as_str()) {
                out.send(refusal(&format!("{channel} is not a valid channel")));
                return;
            }
            let unknown = products
                .iter()
                .find(|p| !context.accepts(Venue::Coinbase, p));
            if let Some(product) = unknown {
                out.send(refusal(&format!("{product} is not a valid product")));
                return;
            }
        }
        let mut fresh = Vec::new();
        for (channel, products) in asked {
            let own = self.channels.entry(channel.clone()).or_default();
            for product in products {
                if own.insert(product.clone()) && channel == "matches" {
                    fresh.push(product);
                }
            }
        }
        self.subscribed = true;
        self.acknowledge(out);
        for product in &fresh {
            if let Some(event) = context.last_trades(Venue::Coinbase, product, 1).last() {
                out.send(frame("last_match", event));
            }
        }
        out.follow.extend(fresh);
        if context.replaying && out.follow.is_empty() {
            // Any subscription takes part in a replay, not only one to trades.
            out.follow
                .extend(self.channels.values().flatten().take(1).cloned());
        }
    }

    fn unsubscribe(&mut self, request: Request, out: &mut Output) {
        for channel in request.channels {
            let (name, products) = channel.resolve(&request.product_ids);
            let Some(own) = self.channels.get_mut(&name) else {
                continue;
            };
            let gone: Vec<String> = if products.is_empty() {
                own.iter().cloned().collect()
            } else {
                products.into_iter().collect()
            };
            own.retain(|p| !gone.contains(p));
            if name == "matches" {
                out.unfollow.extend(gone);
            }
        }
        self.channels.retain(|_, products| !products.is_empty());
        self.acknowledge(out);
    }

    fn acknowledge(&self, out: &mut Output) {
        let channels: Vec<_> = self
            .channels
            .iter()
            .map(|(name, products)| {
                format!(r#"{{"name":"{name}","product_ids":{}}}"#, json!(products))
            })
            .collect();
        out.send(format!(
            r#"{{"type":"subscriptions","channels":[{}]}}"#,
            channels.join(",")
        ));
    }

    fn heartbeats(&self, context: Context<'_>, out: &mut Output) {
        let time = rfc3339(context.venue_now);
        for product in self.channels.get("heartbeat").into_iter().flatten() {
            let last = if context.replaying {
                self.replayed.get(product).copied()
            } else {
                let market = &context.hub.market;
                market
                    .find(Venue::Coinbase, product)
                    .map(|i| market.count_before(i, context.now))
                    .map(|id| (id, sequence(id) + 1))
            };
            let product = json!(product);
            if let Some((id, sequence)) = last {
                out.send(format!(
                    r#"{{"type":"heartbeat","last_trade_id":{id},"product_id":{product},"sequence":{sequence},"time":"{time}"}}"#
                ));
            }
        }
    }
}

fn refusal(reason: &str) -> String {
    let reason = json!(reason);
    format!(r#"{{"type":"error","message":"Failed to subscribe","reason":{reason}}}"#)
}

fn frame(kind: &str, Event { instrument, trade }: &Event<'_>) -> String {
    let id = trade.id;
    let key = instrument.index as u64;
    format!(
        r#"{{"type":"{kind}","trade_id":{id},"maker_order_id":"{}","taker_order_id":"{}","side":"{}","size":"{}","price":"{}","product_id":"{}","sequence":{},"time":"{}"}}"#,
        order_id(key * 2 + 1_000, id),
        order_id(key * 2 + 1_001, id),
        if trade.taker_buys { "sell" } else { "buy" },
        trimmed(i128::from(trade.quantity), instrument.quantity_digits),
        trimmed(i128::from(trade.price), instrument.price_digits),
        instrument.symbol,
        sequence(id),
        rfc3339(trade.time),
    )
}

impl Protocol for CoinbaseExchange {
    fn wire(&self) -> Wire {
        Wire::CoinbaseExchange
    }

    fn greet(&mut self, context: Context<'_>, _out: &mut Output) {
        self.subscribe_by = context.now + SUBSCRIBE_WITHIN;
        self.heartbeat_due = context.now + SECOND;
    }

    fn receive(&mut self, text: &str, context: Context<'_>, out: &mut Output) {
        match serde_json::from_str::<Request>(text) {
            Ok(request) if request.kind == "subscribe" => self.subscribe(request, context, out),
            Ok(request) if request.kind == "unsubscribe" => self.unsubscribe(request, out),
            Ok(_) => out.send(r#"{"type":"error","message":"Unknown message type"}"#),
            Err(_) => out.send(r#"{"type":"error","message":"Malformed JSON"}"#),
        }
    }

    fn trades(&mut self, events: &[Event<'_>], _context: Context<'_>, out: &mut Output) {
        for event in events {
            let symbol = &event.instrument.symbol;
            if self.wants("matches", symbol) {
                out.frames.push(Frame {
                    text: frame("match", event),
                    symbol: symbol.clone(),
                    ids: vec![event.trade.id],
                });
            }
        }
    }

    fn replayed(&mut self, recorded: &Recorded, _context: Context<'_>, out: &mut Output) {
        let Some(product) = recorded.symbols.first() else {
            return;
        };
        if !self.wants(&recorded.channel, product) {
            return;
        }
        if let Some(&id) = recorded.ids.first() {
            self.replayed.insert(product.clone(), (id, sequence(id)));
        }
        out.frames.push(Frame {
            text: recorded.text.clone(),
            symbol: product.clone(),
            ids: recorded.ids.clone(),
        });
    }

    fn due(&self) -> i64 {
        if self.subscribed {
            self.heartbeat_due
        } else {
            self.subscribe_by
        }
    }

    fn tick(&mut self, context: Context<'_>, out: &mut Output) {
        if !self.subscribed {
            if self.subscribe_by <= context.now {
                out.close = Some((1008, "no subscribe message within 5 seconds"));
            }
            return;
        }
        if self.heartbeat_due <= context.now {
            self.heartbeat_due = context.now + SECOND;
            self.heartbeats(context, out);
        }
    }
}
