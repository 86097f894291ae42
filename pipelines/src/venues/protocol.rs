//! Interface of a venue's module: pure decoding and pure decisions. Sockets, timers, retries
//! and the log belong to `connection`, which treats all venues alike.

use std::fmt;
use std::time::Duration;

use crate::market::{Symbol, Trade, TradeId, Venue};

/// Protocol of one venue.
pub trait VenueProtocol: Send + Sync + 'static {
    /// The venue.
    fn venue(&self) -> Venue;

    /// The public endpoint for live market data, e.g. `wss://stream.binance.com:9443`.
    fn default_endpoint(&self) -> &'static str;

    /// Limits of the venue and its signs of life.
    fn limits(&self) -> Limits;

    /// The venue's symbol for a major asset against its principal dollar quote, by the asset's
    /// ticker.
    fn major(&self, ticker: &str) -> String;

    /// The venue's own spelling of a symbol that was asked for: itself, or the name that the venue
    /// gave it since.
    ///
    /// # Errors
    /// When the venue can have no symbol of that spelling.
    fn spelling(&self, symbol: &Symbol) -> Result<Symbol, WrongSpelling>;

    /// For a name in the venue's answers, the name that may have been asked for instead, where the
    /// venue answers to two.
    fn alias(&self) -> fn(&Symbol) -> Option<Symbol> {
        |_| None
    }

    /// Where to connect and what to say to subscribe `symbols` (at most
    /// `limits().symbols_per_connection`): the connection sends the messages in order, no faster
    /// than `limits().messages_per_second`.
    fn session(&self, endpoint: &str, symbols: &[Symbol]) -> SessionPlan;

    /// A decoder for the frames of one connection. It accepts every shape of the venue's trade
    /// stream, whichever `session` asks for, so that recordings of either can be read.
    fn decoder(&self) -> Box<dyn FrameDecoder>;

    /// The venue's name for the streams that trades are read from, for messages: `@trade`.
    fn trade_stream(&self) -> &'static str;
}

/// A symbol that a venue cannot have.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{venue} can have no symbol {:?}: {rule}{}", .symbol.as_str(), likely_name(.likely.as_deref()))]
pub struct WrongSpelling {
    /// The venue.
    pub venue: Venue,
    /// The symbol.
    pub symbol: Symbol,
    /// The venue's rule of spelling.
    pub rule: &'static str,
    /// The symbol that may have been meant.
    pub likely: Option<String>,
}

/// The end of a message that says what a symbol should likely have been.
pub(super) fn likely_name(likely: Option<&str>) -> String {
    likely.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}

/// The symbol that was likely meant, if the spelling shows it.
pub(super) fn likely_symbol(protocol: &dyn VenueProtocol, symbol: &Symbol) -> Option<String> {
    match protocol.spelling(symbol) {
        Ok(own) => (own != *symbol).then(|| own.to_string()),
        Err(wrong) => wrong.likely,
    }
}

/// Decodes the text frames of one connection. Never panics, whatever the bytes, and keeps nothing
/// from one frame for the next but caches: the parts of a recording are decoded side by side.
pub trait FrameDecoder: Send {
    /// Pushes what one frame says onto `events`, in order; nothing for frames of no interest.
    /// On an error some events may have been pushed: they are good, and one bad trade in a frame
    /// does not lose the others.
    ///
    /// # Errors
    /// When the frame, or a trade in it, cannot be understood; the first such trade if several.
    fn decode(&mut self, frame: &str, events: &mut Vec<VenueEvent>) -> Result<(), DecodeError>;

    /// The stream of a frame that says nothing of interest, as the venue calls it: `aggTrade`. `None`
    /// also for a frame that cannot be this venue's.
    fn stream(&self, frame: &str) -> Option<String>;
}

/// Meaning of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VenueEvent {
    /// A trade.
    Trade {
        /// Of this instrument.
        symbol: Symbol,
        /// The trade.
        trade: Trade,
    },
    /// The venue shows that the connection lives, and perhaps its newest trade of an instrument.
    Heartbeat(Option<(Symbol, TradeId)>),
    /// A subscription request was accepted.
    Subscribed(Scope),
    /// A subscription was refused.
    Refused {
        /// Extent of the refusal, where the venue states it.
        scope: Option<Scope>,
        /// The venue's words.
        reason: String,
    },
    /// The venue announces that it will close the connection soon.
    Closing,
    /// The venue asks us to slow down or complains about what we sent.
    Complaint(String),
}

/// Extent of an acknowledgement or a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// These instruments.
    Symbols(Vec<Symbol>),
    /// The request with this number (see [`Outgoing::request`]).
    Request(u64),
}

/// Where to connect and what to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPlan {
    /// The full WebSocket URL.
    pub url: String,
    /// Messages to send once connected, in order.
    pub opening: Vec<Outgoing>,
}

/// A message to the venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The text frame.
    pub text: String,
    /// The number the venue will repeat in its acknowledgement, if it numbers them.
    pub request: Option<u64>,
    /// The instruments that the message subscribes.
    pub symbols: Vec<Symbol>,
}

/// Limits of a venue. Sources: each venue's `limits` function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Subscriptions that one connection may hold.
    pub symbols_per_connection: usize,
    /// Messages a client may send per second and connection.
    pub messages_per_second: u32,
    /// The venue closes connections older than this; ours are renewed before.
    pub max_age: Option<Duration>,
    /// With no frame of any kind (control frames included) for this long, the connection is dead.
    pub silence: Duration,
    /// True if the venue sends text heartbeats, so that silence in a recording, which holds no
    /// control frames, means something.
    pub text_heartbeats: bool,
    /// The time the venue may take to acknowledge a subscription.
    pub acknowledge_within: Duration,
    /// An application-level ping to send when we have sent nothing for the interval.
    pub ping: Option<(Duration, &'static str)>,
    /// New connections allowed per window and address.
    pub connections: (u32, Duration),
}

/// A frame, or a trade in it, that cannot be used.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Not JSON, or not of a shape this venue sends.
    #[error("malformed frame: {0}")]
    Malformed(String),
    /// A trade with a price, quantity, time or symbol that no trade can have.
    #[error("impossible value: {0}")]
    ImpossibleValue(String),
    /// A trade of another market than spot.
    #[error("not a spot trade, and only those are supported: {0}")]
    NotSpot(String),
}

impl DecodeError {
    /// A frame that is not JSON or not of an expected shape, in the parser's words.
    pub(super) fn malformed(reason: impl fmt::Display) -> Self {
        Self::Malformed(shorten(&reason.to_string()))
    }

    /// A value that no trade can have.
    pub(super) fn impossible(reason: impl fmt::Display) -> Self {
        Self::ImpossibleValue(shorten(&reason.to_string()))
    }

    /// A trade of another market than spot.
    pub(super) fn not_spot(reason: impl fmt::Display) -> Self {
        Self::NotSpot(shorten(&reason.to_string()))
    }

    /// The label used in metrics.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::ImpossibleValue(_) => "impossible_value",
            Self::NotSpot(_) => "not_spot",
        }
    }
}

/// The beginning of a text that came from outside: a parser's words may quote a whole frame.
pub(super) fn shorten(text: &str) -> String {
    const LIMIT: usize = 160;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
