//! Kraken WebSocket v2: the `trade` channel. How the venue is reached, what it allows and how to
//! subscribe.
//!
//! Sources: docs.kraken.com, `exchange/api-reference/spot-websocket-v2/{trade,heartbeat,ping}`
//! ("v2" below) and `exchange/guides/websockets/reconnection` ("reconnection").

mod decode;
mod messages;

use std::time::Duration;

use serde_json::json;

use super::protocol::{FrameDecoder, Limits, Outgoing, SessionPlan, VenueProtocol};
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
