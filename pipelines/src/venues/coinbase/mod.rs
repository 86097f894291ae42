//! Coinbase: the Exchange feed (`matches` and `heartbeat`) and Advanced Trade (`market_trades` and
//! `heartbeats`). How the venue is reached, what it allows and how to subscribe.
//!
//! Sources: docs.cdp.coinbase.com, `exchange/websocket-feed/{overview,channels,rate-limits}`
//! ("Exchange" below) and `coinbase-app/advanced-trade-apis/websocket/…` ("Advanced").

mod decode;
mod messages;
mod rest;
mod trades;

pub(super) use messages::AdvancedMarks;

use std::time::Duration;

use serde_json::json;

use super::protocol::{FrameDecoder, Limits, Outgoing, SessionPlan, VenueProtocol, WrongSpelling};
use crate::market::{Symbol, Venue};

/// Coinbase's protocol.
#[derive(Debug, Clone, Copy)]
pub struct Coinbase;

/// Products in one Advanced Trade subscription: few messages, since the venue takes 8 a second.
const ADVANCED_PRODUCTS_PER_MESSAGE: usize = 25;

impl VenueProtocol for Coinbase {
    fn venue(&self) -> Venue {
        Venue::new("coinbase")
    }

    fn default_endpoint(&self) -> &'static str {
        "wss://ws-feed.exchange.coinbase.com"
    }

    fn limits(&self) -> Limits {
        Limits {
            // Not published as a number; kept low so that a lost connection touches few instruments.
            symbols_per_connection: 100,
            // Exchange, rate limits: 100 client messages a second and address, which several
            // connections share.
            messages_per_second: 25,
            max_age: None,
            // Both kinds of heartbeat come every second.
            silence: Duration::from_secs(10),
            text_heartbeats: true,
            acknowledge_within: Duration::from_secs(10),
            ping: None,
            // Exchange, rate limits: 8 requests a second and address.
            connections: (8, Duration::from_secs(1)),
            // Measured on recorded matches: trade ids are contiguous per product.
        }
    }

    fn major(&self, ticker: &str) -> String {
        format!("{ticker}-USD")
    }

    fn spelling(&self, symbol: &Symbol) -> Result<Symbol, WrongSpelling> {
        let text = symbol.as_str();
        let lower = text.contains(|c: char| c.is_ascii_lowercase());
        let parted = text.split_once('-').is_some_and(|(base, quote)| {
            !base.is_empty() && !quote.is_empty() && !text.contains(['/', '_', ':'])
        });
        if parted && !lower {
            return Ok(symbol.clone());
        }
        let likely = text.replace(['/', '_', ':'], "-").to_ascii_uppercase();
        Err(WrongSpelling {
            venue: self.venue(),
            symbol: symbol.clone(),
            rule: "its symbols are in capitals with a hyphen, e.g. BTC-USD",
            likely: likely.contains('-').then_some(likely),
        })
    }

    // Advanced, products: USDC books are those of USD ("alias"), and answers name the latter.
    fn alias(&self) -> fn(&Symbol) -> Option<Symbol> {
        |symbol| {
            let base = symbol.as_str().strip_suffix("-USD")?;
            Symbol::new(&format!("{base}-USDC")).ok()
        }
    }

    fn session(&self, endpoint: &str, symbols: &[Symbol]) -> SessionPlan {
        let endpoint = endpoint.trim_end_matches('/');
        let opening = if speaks_advanced(endpoint) {
            advanced_opening(symbols)
        } else {
            exchange_opening(symbols)
        };
        SessionPlan {
            url: endpoint.to_owned(),
            opening,
        }
    }

    fn decoder(&self) -> Box<dyn FrameDecoder> {
        Box::<decode::Decoder>::default()
    }

    fn trade_stream(&self) -> &'static str {
        "matches and market_trades"
    }
}

/// `wss://advanced-trade-ws.coinbase.com`, or a path that says `coinbase-advanced`, as a simulator has.
fn speaks_advanced(endpoint: &str) -> bool {
    endpoint.contains("advanced-trade") || endpoint.contains("coinbase-advanced")
}

/// A message for each product: one that the venue does not know fails the whole message it is in.
fn exchange_opening(symbols: &[Symbol]) -> Vec<Outgoing> {
    symbols
        .iter()
        .map(|symbol| Outgoing {
            text: json!({
                "type": "subscribe",
                "product_ids": [symbol],
                "channels": ["matches", "heartbeat"],
            })
            .to_string(),
            request: None,
            symbols: vec![symbol.clone()],
        })
        .collect()
}

/// Advanced, overview: one channel a message; "subscribe to heartbeats" or the other channels close
/// after 60 to 90 s without updates.
fn advanced_opening(symbols: &[Symbol]) -> Vec<Outgoing> {
    let heartbeats = Outgoing {
        text: json!({"type": "subscribe", "channel": "heartbeats"}).to_string(),
        request: None,
        symbols: Vec::new(),
    };
    let trades = symbols
        .chunks(ADVANCED_PRODUCTS_PER_MESSAGE)
        .map(|chunk| Outgoing {
            text: json!({"type": "subscribe", "channel": "market_trades", "product_ids": chunk})
                .to_string(),
            request: None,
            symbols: chunk.to_vec(),
        });
    std::iter::once(heartbeats).chain(trades).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(count: usize) -> Vec<Symbol> {
        (0..count)
            .map(|i| Symbol::new(&format!("C{i}-USD")).unwrap())
            .collect()
    }

    #[test]
    fn spellings_and_the_alias() {
        let symbol = |text| Symbol::new(text).unwrap();
        assert_eq!(Coinbase.spelling(&symbol("BTC-USD")), Ok(symbol("BTC-USD")));
        for (text, likely) in [
            ("btc-usd", Some("BTC-USD")),
            ("BTC/USD", Some("BTC-USD")),
            ("BTCUSD", None),
        ] {
            let wrong = Coinbase.spelling(&symbol(text)).unwrap_err();
            assert_eq!(wrong.likely.as_deref(), likely, "{wrong}");
        }
        assert_eq!(
            (Coinbase.alias())(&symbol("BTC-USD")),
            Some(symbol("BTC-USDC"))
        );
        assert_eq!((Coinbase.alias())(&symbol("BTC-EUR")), None);
    }

    #[test]
    fn exchange_subscribes_product_by_product() {
        let plan = Coinbase.session(Coinbase.default_endpoint(), &symbols(3));
        assert_eq!(plan.opening.len(), 3);
        let message: serde_json::Value = serde_json::from_str(&plan.opening[1].text).unwrap();
        assert_eq!(
            message,
            json!({"type": "subscribe", "product_ids": ["C1-USD"], "channels": ["matches", "heartbeat"]})
        );
    }

    #[test]
    fn the_endpoint_selects_advanced_trade() {
        for endpoint in [
            "wss://advanced-trade-ws.coinbase.com",
            "ws://127.0.0.1:9000/coinbase-advanced/",
        ] {
            let plan = Coinbase.session(endpoint, &symbols(30));
            let messages: Vec<serde_json::Value> = plan
                .opening
                .iter()
                .map(|m| serde_json::from_str(&m.text).unwrap())
                .collect();
            assert_eq!(messages.len(), 3);
            assert_eq!(messages[0]["channel"], "heartbeats");
            assert_eq!(messages[1]["channel"], "market_trades");
            assert_eq!(messages[2]["product_ids"].as_array().unwrap().len(), 5);
        }
    }
}
