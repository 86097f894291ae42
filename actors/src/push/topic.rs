//! Topics that a client can subscribe to, and their notation.

use std::fmt;
use std::str::FromStr;

use coinsphere_pipelines::market::{InstrumentKey, Interval, Symbol, SymbolError, UnknownInterval};
use coinsphere_pipelines::venues;
use uuid::Uuid;

/// A stream of messages about one instrument (`trades:binance:BTCUSDT`, `candles:kraken:BTC/USD:1m`,
/// `forecasts:binance:BTCUSDT:1h`), about one portfolio (`portfolio:ID`), or about somebody's alerts (`alerts`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Of an instrument.
    Instrument {
        /// The instrument, in the venue's own spelling.
        instrument: InstrumentKey,
        /// The kind of data.
        channel: Channel,
    },
    /// The live value of a portfolio, for its owner: the hub does not know whose it is, so whoever
    /// subscribes a client has looked.
    Portfolio(Uuid),
    /// Events of the alerts of a user: none in what a client sends, for whoever subscribes it knows who that
    /// is.
    Alerts(Option<Uuid>),
}

/// A kind of news of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Every trade.
    Trades,
    /// Candles of this length, open and closed.
    Candles(Interval),
    /// Forecasts that rest on candles of this length.
    Forecasts(Interval),
}

/// A text that is no topic.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TopicError {
    /// Not one of the forms.
    #[error(
        "{0:?} is not a topic: use trades:VENUE:SYMBOL, candles:VENUE:SYMBOL:INTERVAL, forecasts:VENUE:SYMBOL:INTERVAL, portfolio:ID or alerts"
    )]
    Form(String),
    /// No such venue.
    #[error("there is no venue {0:?}")]
    Venue(String),
    /// The symbol cannot be one.
    #[error(transparent)]
    Symbol(#[from] SymbolError),
    /// No such interval.
    #[error(transparent)]
    Interval(#[from] UnknownInterval),
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || TopicError::Form(text.chars().take(80).collect());
        if text == "alerts" {
            return Ok(Self::Alerts(None));
        }
        let (channel, rest) = text.split_once(':').ok_or_else(form)?;
        if channel == "portfolio" {
            let id = rest.parse::<Uuid>().map_err(|_| form())?;
            return Ok(Self::Portfolio(id));
        }
        let (venue, rest) = rest.split_once(':').ok_or_else(form)?;
        // A symbol may hold a colon, an interval may not: it is what follows the last one.
        let (symbol, channel) = match channel {
            "trades" => (rest, Channel::Trades),
            "candles" | "forecasts" => {
                let (symbol, interval) = rest.rsplit_once(':').ok_or_else(form)?;
                let interval = interval.parse()?;
                let channel = match channel {
                    "candles" => Channel::Candles(interval),
                    _ => Channel::Forecasts(interval),
                };
                (symbol, channel)
            }
            _ => return Err(form()),
        };
        let venue = venues::named(venue)
            .ok_or_else(|| TopicError::Venue(venue.chars().take(40).collect()))?;
        Ok(Self::Instrument {
            instrument: InstrumentKey::new(venue, Symbol::new(symbol)?),
            channel,
        })
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (instrument, channel) = match self {
            Self::Portfolio(id) => return write!(f, "portfolio:{id}"),
            Self::Alerts(_) => return f.write_str("alerts"),
            Self::Instrument {
                instrument,
                channel,
            } => (instrument, channel),
        };
        match channel {
            Channel::Trades => write!(f, "trades:{instrument}"),
            Channel::Candles(interval) => write!(f, "candles:{instrument}:{interval}"),
            Channel::Forecasts(interval) => write!(f, "forecasts:{instrument}:{interval}"),
        }
    }
}

impl serde::Serialize for Topic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_round_trip() {
        for text in [
            "trades:binance:BTCUSDT",
            "candles:kraken:BTC/USD:1m",
            "candles:coinbase:BTC-USD:1d",
            "candles:binance:A:B:4h",
            "forecasts:binance:BTCUSDT:1h",
            "candles:binance:测试456:1m",
            "portfolio:0195f5e2-6a6b-7c3e-9d43-6a2f6b1f0c11",
            "alerts",
        ] {
            assert_eq!(text.parse::<Topic>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, wanted) in [
            ("", "is not a topic"),
            ("trades", "is not a topic"),
            ("trades:binance", "is not a topic"),
            ("books:binance:BTCUSDT", "is not a topic"),
            ("portfolio:7", "is not a topic"),
            ("candles:binance:BTCUSDT", "is not a topic"),
            ("trades:bitmex:XBT", "no venue \"bitmex\""),
            ("trades:binance:", "is not a symbol"),
            ("candles:binance:BTCUSDT:2m", "1m, 5m, 15m"),
            ("forecasts:binance:BTCUSDT", "is not a topic"),
        ] {
            let error = text.parse::<Topic>().unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
