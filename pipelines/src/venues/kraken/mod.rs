//! Kraken WebSocket v2: the `trade` channel. How the venue is reached, what it allows and how to
//! subscribe.
//!
//! Sources: docs.kraken.com, `exchange/api-reference/spot-websocket-v2/{trade,heartbeat,ping}`
//! ("v2" below) and `exchange/guides/websockets/reconnection` ("reconnection").

mod decode;
mod messages;
mod rest;
mod trades;

pub(super) use rest::rest_pair;

use std::time::Duration;

use serde_json::json;

use super::protocol::{FrameDecoder, Limits, Outgoing, SessionPlan, VenueProtocol, WrongSpelling};
use crate::market::{Symbol, Venue};

/// Kraken's protocol.
#[derive(Debug, Clone, Copy)]
pub struct Kraken;

/// Symbols in one subscription; each is acknowledged on its own.
const SYMBOLS_PER_MESSAGE: usize = 50;

impl VenueProtocol for Kraken {
    fn venue(&self) -> Venue {
        Venue::new("kraken")
    }

    fn default_endpoint(&self) -> &'static str {
        "wss://ws.kraken.com/v2"
    }

    fn limits(&self) -> Limits {
        Limits {
            // Neither of the two is a published number; both are modest.
            symbols_per_connection: 200,
            messages_per_second: 5,
            max_age: None,
            // Reconnection: no message of any kind for 5 s means reconnect. Heartbeats come about
            // every second in the absence of other updates (v2, heartbeat).
            silence: Duration::from_secs(5),
            text_heartbeats: true,
            acknowledge_within: Duration::from_secs(10),
            // v2, ping: keeps a connection alive that is subscribed to nothing yet.
            ping: Some((Duration::from_secs(30), r#"{"method":"ping"}"#)),
            // Not published by Kraken; its CDN is said to refuse more than 150 in ten minutes.
            connections: (100, Duration::from_secs(600)),
            // v2, trade: "The trade identifier is a sequence number, unique per book".
        }
    }

    fn major(&self, ticker: &str) -> String {
        format!("{ticker}/USD")
    }

    // v2, migrating: "BTC/USD", where v1 and REST have XBT/USD; likewise DOGE for XDG.
    fn spelling(&self, symbol: &Symbol) -> Result<Symbol, WrongSpelling> {
        let wrong = |likely| WrongSpelling {
            venue: self.venue(),
            symbol: symbol.clone(),
            rule: "its symbols are in capitals with a slash, e.g. BTC/USD",
            likely,
        };
        let text = symbol.as_str();
        let upper = text.replace(['-', '_', ':'], "/").to_ascii_uppercase();
        let assets = upper.split_once('/');
        let Some((base, quote)) = assets.filter(|(b, q)| !b.is_empty() && !q.is_empty()) else {
            return Err(wrong(None));
        };
        let own = format!("{}/{}", asset_of_today(base), asset_of_today(quote));
        if upper != text {
            return Err(wrong(Some(own)));
        }
        Symbol::new(&own).map_err(|_| wrong(None))
    }

    fn alias(&self) -> fn(&Symbol) -> Option<Symbol> {
        |symbol| {
            let (base, quote) = symbol.as_str().split_once('/')?;
            let old = format!("{}/{}", old_asset(base), old_asset(quote));
            Symbol::new(&old).ok().filter(|old| old != symbol)
        }
    }

    fn session(&self, endpoint: &str, symbols: &[Symbol]) -> SessionPlan {
        let opening = symbols
            .chunks(SYMBOLS_PER_MESSAGE)
            .zip(1_u64..)
            .map(|(chunk, request)| Outgoing {
                text: json!({
                    "method": "subscribe",
                    "params": {"channel": "trade", "symbol": chunk, "snapshot": false},
                    "req_id": request,
                })
                .to_string(),
                request: Some(request),
                symbols: chunk.to_vec(),
            })
            .collect();
        SessionPlan {
            url: endpoint.to_owned(),
            opening,
        }
    }

    fn decoder(&self) -> Box<dyn FrameDecoder> {
        Box::<decode::Decoder>::default()
    }

    fn trade_stream(&self) -> &'static str {
        "trade"
    }
}

/// Assets that v2 calls by another name than v1 and REST do.
const RENAMED: [(&str, &str); 2] = [("XBT", "BTC"), ("XDG", "DOGE")];

fn asset_of_today(asset: &str) -> &str {
    let renamed = RENAMED.iter().find(|(old, _)| *old == asset);
    renamed.map_or(asset, |(_, new)| new)
}

fn old_asset(asset: &str) -> &str {
    let renamed = RENAMED.iter().find(|(_, new)| *new == asset);
    renamed.map_or(asset, |(old, _)| old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_are_those_of_today() {
        let symbol = |text| Symbol::new(text).unwrap();
        for (old, new) in [
            ("XBT/USD", "BTC/USD"),
            ("XDG/XBT", "DOGE/BTC"),
            ("ETH/EUR", "ETH/EUR"),
        ] {
            assert_eq!(Kraken.spelling(&symbol(old)), Ok(symbol(new)));
        }
        for (text, likely) in [
            ("xbt/usd", Some("BTC/USD")),
            ("BTC-USD", Some("BTC/USD")),
            ("XBTUSD", None),
        ] {
            let wrong = Kraken.spelling(&symbol(text)).unwrap_err();
            assert_eq!(wrong.likely.as_deref(), likely, "{wrong}");
        }
        assert_eq!(
            (Kraken.alias())(&symbol("BTC/USD")),
            Some(symbol("XBT/USD"))
        );
        assert_eq!((Kraken.alias())(&symbol("ETH/USD")), None);
    }

    #[test]
    fn subscribes_without_a_snapshot() {
        let symbols = [
            Symbol::new("BTC/USD").unwrap(),
            Symbol::new("ETH/USD").unwrap(),
        ];
        let plan = Kraken.session(Kraken.default_endpoint(), &symbols);
        assert_eq!(plan.url, "wss://ws.kraken.com/v2");
        let message: serde_json::Value = serde_json::from_str(&plan.opening[0].text).unwrap();
        assert_eq!(
            message,
            json!({
                "method": "subscribe",
                "params": {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"], "snapshot": false},
                "req_id": 1,
            })
        );
    }
}
