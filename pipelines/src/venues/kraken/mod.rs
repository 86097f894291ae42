//! Kraken.

use std::time::Duration;

use super::protocol::{DecodeError, FrameDecoder, Limits, SessionPlan, VenueEvent, VenueProtocol};
use crate::market::{Symbol, Venue};

/// Kraken's protocol.
#[derive(Debug, Clone, Copy)]
pub struct Kraken;

impl VenueProtocol for Kraken {
    fn venue(&self) -> Venue {
        Venue::new("kraken")
    }

    fn default_endpoint(&self) -> &'static str {
        ""
    }

    fn limits(&self) -> Limits {
        Limits {
            symbols_per_connection: 1,
            messages_per_second: 1,
            max_age: None,
            silence: Duration::from_secs(60),
            text_heartbeats: false,
            acknowledge_within: Duration::from_secs(5),
            ping: None,
            connections: (1, Duration::from_secs(1)),
            contiguous_trade_ids: true,
        }
    }

    fn session(&self, endpoint: &str, _symbols: &[Symbol]) -> SessionPlan {
        SessionPlan {
            url: endpoint.to_owned(),
            opening: Vec::new(),
        }
    }

    fn decoder(&self) -> Box<dyn FrameDecoder> {
        Box::new(Decoder)
    }
}

struct Decoder;

impl FrameDecoder for Decoder {
    fn decode(&mut self, _: &str, _: &mut Vec<VenueEvent>) -> Result<(), DecodeError> {
        Ok(())
    }
}
