//! Settings of market data.

use std::fmt;
use std::time::Duration;

use coinsphere_pipelines::market::Symbol;
use coinsphere_pipelines::store::PrimaryOrder;
use coinsphere_pipelines::venues;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which instrument stands for a token, in charts and forecasts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MarketSettings {
    /// The venues whose instruments are preferred, best first; others come behind these.
    pub venues: Vec<String>,
    /// The quotes that are preferred within a venue, best first; others come behind these.
    pub quotes: Vec<String>,
}

impl Default for MarketSettings {
    fn default() -> Self {
        let order = PrimaryOrder::default();
        Self {
            venues: order.venues.iter().map(ToString::to_string).collect(),
            quotes: order.quotes,
        }
    }
}

impl MarketSettings {
    /// The order of preference. A venue that is not known has no instruments.
    #[must_use]
    pub fn order(&self) -> PrimaryOrder {
        PrimaryOrder {
            venues: self
                .venues
                .iter()
                .filter_map(|name| venues::named(name))
                .collect(),
            quotes: self.quotes.clone(),
        }
    }
}

/// One venue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VenueSettings {
    /// True to listen to it.
    pub enabled: bool,
    /// Where to connect instead of the venue's public endpoint.
    pub endpoint: Option<String>,
    /// The instruments to listen to.
    pub instruments: Instruments,
}

/// Which of a venue's instruments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruments {
    /// Those of the seeded tokens.
    Seeded,
    /// These, in the venue's own spelling.
    Only(Vec<Symbol>),
}

/// The building of candles.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandleSettings {
    /// The time after its end that a minute waits for late trades, in milliseconds.
    pub grace_ms: u64,
    /// Trades further ahead of our clock are refused, in seconds.
    pub max_ahead_seconds: u64,
    /// True to ask the venues for what their streams have missed.
    pub repair: bool,
}

impl Default for VenueSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            endpoint: None,
            instruments: Instruments::Seeded,
        }
    }
}

impl Default for CandleSettings {
    fn default() -> Self {
        Self {
            grace_ms: 2_000,
            max_ahead_seconds: 60,
            repair: true,
        }
    }
}

impl CandleSettings {
    /// The time after its end that a minute waits for late trades.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }

    /// Time that a trade may be ahead of our clock.
    #[must_use]
    pub const fn max_ahead(&self) -> Duration {
        Duration::from_secs(self.max_ahead_seconds)
    }
}

impl Serialize for Instruments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seeded => serializer.serialize_str("seeded"),
            Self::Only(symbols) => symbols.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Instruments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Instruments;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"seeded\" or a list of symbols")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Instruments, E> {
                if text == "seeded" {
                    return Ok(Instruments::Seeded);
                }
                Err(E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Instruments, A::Error> {
                let mut symbols = Vec::new();
                while let Some(text) = seq.next_element::<String>()? {
                    symbols.push(Symbol::new(&text).map_err(de::Error::custom)?);
                }
                Ok(Instruments::Only(symbols))
            }
        }
        deserializer.deserialize_any(Read)
    }
}
