//! Inputs of the evaluator: what happened to an instrument.

use std::fmt;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::time::EventTime;

/// An instrument: a venue's lower-case name and the venue's own symbol. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// The venue, e.g. `binance`.
    #[serde(with = "arc_text")]
    pub venue: Arc<str>,
    /// The venue's spelling, e.g. `BTCUSDT`.
    #[serde(with = "arc_text")]
    pub symbol: Arc<str>,
}

impl Instrument {
    /// Puts the two together.
    #[must_use]
    pub fn new(venue: &str, symbol: &str) -> Self {
        Self {
            venue: venue.into(),
            symbol: symbol.into(),
        }
    }
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.venue, self.symbol)
    }
}

/// A trade of an instrument that the context names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The venue's number.
    pub id: u64,
    /// When the venue says it happened.
    pub time: EventTime,
    /// In the quote asset.
    pub price: Decimal,
    /// In the base asset.
    pub quantity: Decimal,
}

/// A closed candle of one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// When it began.
    pub open_time: EventTime,
    /// The first price.
    pub open: Decimal,
    /// The highest.
    pub high: Decimal,
    /// The lowest.
    pub low: Decimal,
    /// The last.
    pub close: Decimal,
    /// In the base asset.
    pub volume: Decimal,
}

impl Candle {
    /// When it ended.
    pub(crate) const fn end(&self) -> EventTime {
        self.open_time.plus_seconds(60)
    }
}

/// A stretch in which trades of an instrument are or may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The last trade before it, or when listening ended.
    pub from: EventTime,
    /// The first trade after it, or when listening began again.
    pub to: EventTime,
}

pub(crate) mod arc_text {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(text: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(from).map(Into::into)
    }
}
