//! Binance spot: `@trade` streams. How the venue is reached, what it allows and how to subscribe.
//!
//! Sources: `web-socket-streams.md` of binance/binance-spot-api-docs ("WSS" below).

mod decode;
mod messages;
mod rest;
mod trades;
mod usual;

use std::time::Duration;

use serde_json::json;

use super::protocol::{FrameDecoder, Limits, Outgoing, SessionPlan, VenueProtocol, WrongSpelling};
use crate::market::{Symbol, Venue};

/// Binance's protocol.
#[derive(Debug, Clone, Copy)]
pub struct Binance;

/// Streams in one SUBSCRIBE message: keeps a message near 4 kB.
const STREAMS_PER_MESSAGE: usize = 200;

impl VenueProtocol for Binance {
    fn venue(&self) -> Venue {
        Venue::new("binance")
    }

    // WSS, "General WSS information": the base endpoint.
    fn default_endpoint(&self) -> &'static str {
        "wss://stream.binance.com:9443"
    }

    fn limits(&self) -> Limits {
        Limits {
            // WSS, "WebSocket Limits": "A single connection can listen to a maximum of 1024 streams".
            symbols_per_connection: 1024,
            // "WebSocket connections have a limit of 5 incoming messages per second", pings and
            // pongs included; two are left for those.
            messages_per_second: 3,
            // "A single connection [...] is only valid for 24 hours".
            max_age: Some(Duration::from_secs(24 * 3600)),
            // "The WebSocket server will send a ping frame every 20 seconds": two were missed.
            silence: Duration::from_secs(45),
            text_heartbeats: false,
            acknowledge_within: Duration::from_secs(10),
            ping: None,
            // "There is a limit of 300 connections per attempt every 5 minutes per IP".
            connections: (300, Duration::from_secs(300)),
            // Measured on recorded streams: `t` is contiguous per symbol.
        }
    }

    fn major(&self, ticker: &str) -> String {
        format!("{ticker}USDT")
    }

    // REST API, "Illegal characters found in parameter 'symbol'; legal range is
    // '^[\w\-._&&[^a-z]]{1,50}$'". Spot has none with a separator.
    fn spelling(&self, symbol: &Symbol) -> Result<Symbol, WrongSpelling> {
        let text = symbol.as_str();
        let separator = |c: char| matches!(c, '/' | '-' | '_' | ':');
        let lower = text.contains(|c: char| c.is_ascii_lowercase());
        if !lower && !text.contains(separator) {
            return Ok(symbol.clone());
        }
        Err(WrongSpelling {
            venue: self.venue(),
            symbol: symbol.clone(),
            rule: "its symbols are in capitals without a separator",
            likely: Some(text.replace(separator, "").to_ascii_uppercase()),
        })
    }

    /// Combined streams (`/stream`), subscribed by message, so that the URL stays short. An
    /// endpoint that already names a path, `…/ws` or `…/stream`, is taken as it is.
    fn session(&self, endpoint: &str, symbols: &[Symbol]) -> SessionPlan {
        let endpoint = endpoint.trim_end_matches('/');
        let url = if endpoint.ends_with("/ws") || endpoint.ends_with("/stream") {
            endpoint.to_owned()
        } else {
            format!("{endpoint}/stream")
        };
        let opening = symbols
            .chunks(STREAMS_PER_MESSAGE)
            .zip(1_u64..)
            .map(|(chunk, request)| {
                // WSS: "All symbols for streams are lowercase".
                let streams: Vec<String> = chunk
                    .iter()
                    .map(|symbol| format!("{}@trade", symbol.as_str().to_ascii_lowercase()))
                    .collect();
                Outgoing {
                    text: json!({"method": "SUBSCRIBE", "params": streams, "id": request})
                        .to_string(),
                    request: Some(request),
                    symbols: chunk.to_vec(),
                }
            })
            .collect();
        SessionPlan { url, opening }
    }

    fn decoder(&self) -> Box<dyn FrameDecoder> {
        Box::<decode::Decoder>::default()
    }

    fn trade_stream(&self) -> &'static str {
        "@trade"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscribes_in_chunks_by_lowercase_stream() {
        let symbols: Vec<Symbol> = (0..450)
            .map(|i| Symbol::new(&format!("COIN{i}USDT")).unwrap())
            .collect();
        let plan = Binance.session("wss://stream.binance.com:9443/", &symbols);
        assert_eq!(plan.url, "wss://stream.binance.com:9443/stream");
        let sizes: Vec<usize> = plan.opening.iter().map(|m| m.symbols.len()).collect();
        assert_eq!(sizes, [200, 200, 50]);
        let first: serde_json::Value = serde_json::from_str(&plan.opening[0].text).unwrap();
        assert_eq!(first["method"], "SUBSCRIBE");
        assert_eq!(first["params"][0], "coin0usdt@trade");
        assert_eq!(first["id"], 1);
        assert_eq!(plan.opening[2].request, Some(3));
    }

    #[test]
    fn a_spelling_that_cannot_be_is_refused_with_the_likely_one() {
        for (text, likely) in [
            ("btcusdt", "BTCUSDT"),
            ("BTC/USDT", "BTCUSDT"),
            ("btc-usdt", "BTCUSDT"),
        ] {
            let wrong = Binance.spelling(&Symbol::new(text).unwrap()).unwrap_err();
            assert!(
                wrong
                    .to_string()
                    .ends_with(&format!("did you mean {likely}?")),
                "{wrong}"
            );
        }
        for text in ["BTCUSDT", "1INCHUSDT", "测试456"] {
            let symbol = Symbol::new(text).unwrap();
            assert_eq!(Binance.spelling(&symbol), Ok(symbol));
        }
    }

    #[test]
    fn an_endpoint_with_a_path_is_kept() {
        assert_eq!(
            Binance.session("ws://127.0.0.1:9/ws", &[]).url,
            "ws://127.0.0.1:9/ws"
        );
    }
}
