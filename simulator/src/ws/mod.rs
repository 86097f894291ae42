//! WebSocket connections: one loop (`engine`) for all venues, and each venue's protocol as the
//! loop sees it. The protocols know frames, subscriptions and timers; the loop knows sockets,
//! faults and the market. Neither knows the other's part.

mod binance;
mod coinbase;
mod coinbase_advanced;
mod engine;
mod kraken;
mod text;
mod trade_cursor;

use crate::hub::Hub;
use crate::market::{Instrument, Trade, Venue};
use crate::replay::Recorded;

pub(crate) use binance::Binance;
pub(crate) use coinbase::CoinbaseExchange;
pub(crate) use coinbase_advanced::CoinbaseAdvanced;
pub(crate) use engine::run;
pub(crate) use kraken::Kraken;
pub(crate) use text::{order_id, rfc3339, rfc3339_trimmed};

/// A protocol spoken over one WebSocket path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wire {
    Binance,
    CoinbaseExchange,
    CoinbaseAdvanced,
    Kraken,
}

impl Wire {
    pub(crate) fn venue(self) -> Venue {
        match self {
            Self::Binance => Venue::Binance,
            Self::CoinbaseExchange | Self::CoinbaseAdvanced => Venue::Coinbase,
            Self::Kraken => Venue::Kraken,
        }
    }
}

/// A text frame on its way out, with the trades it carries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    pub(crate) text: String,
    /// Symbol and ids of the trades inside, for the faults; empty for everything else.
    pub(crate) symbol: String,
    pub(crate) ids: Vec<u64>,
}

impl Frame {
    /// A frame without trades.
    pub(crate) fn control(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }
}

/// Output that a protocol asks for.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) frames: Vec<Frame>,
    pub(crate) ping: Option<Vec<u8>>,
    /// Symbols whose trades to send from now on, in the venue's spelling.
    pub(crate) follow: Vec<String>,
    pub(crate) unfollow: Vec<String>,
    /// Close code and reason.
    pub(crate) close: Option<(u16, &'static str)>,
}

impl Output {
    pub(crate) fn send(&mut self, text: impl Into<String>) {
        self.frames.push(Frame::control(text));
    }
}

/// The present, as one connection sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) hub: &'a Hub,
    /// µs; what timers go by.
    pub(crate) now: i64,
    /// µs; what frames say, which a skewed clock makes differ from `now`.
    pub(crate) venue_now: i64,
    /// True if this path serves a recording, whose symbols the market need not know.
    pub(crate) replaying: bool,
}

impl Context<'_> {
    /// Returns whether subscribing to `symbol` succeeds: it is listed, and no fault refuses it.
    pub(crate) fn accepts(&self, venue: Venue, symbol: &str) -> bool {
        let listed = self.replaying || self.hub.market.find(venue, symbol).is_some();
        if listed && self.hub.faults.refused_subscription(venue, symbol) {
            crate::hub::Counters::add(&self.hub.counters.refused_subscriptions, 1);
            return false;
        }
        listed
    }

    /// The last trade of `symbol`, as a venue shows it to a new subscriber.
    pub(crate) fn last_trades(&self, venue: Venue, symbol: &str, n: u64) -> Vec<Event<'_>> {
        if self.replaying {
            return Vec::new();
        }
        let Some(instrument) = self.hub.market.find(venue, symbol) else {
            return Vec::new();
        };
        let last = self.hub.market.count_before(instrument, self.now);
        let first = last.saturating_sub(n) + 1;
        let skew = self.venue_now - self.now;
        self.hub
            .market
            .trades_from(instrument, first, n as usize, self.now)
            .into_iter()
            .map(|trade| Event {
                instrument,
                trade: Trade {
                    time: trade.time + skew,
                    ..trade
                },
            })
            .collect()
    }
}

/// A trade to be sent; its time is the venue's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) instrument: &'a Instrument,
    pub(crate) trade: Trade,
}

/// One venue's protocol on one connection.
pub(crate) trait Protocol: Send {
    fn wire(&self) -> Wire;

    /// The connection is open.
    fn greet(&mut self, context: Context<'_>, out: &mut Output);

    /// The client sent a text message.
    fn receive(&mut self, text: &str, context: Context<'_>, out: &mut Output);

    /// The client answered a ping, or sent a pong of its own accord.
    fn pong(&mut self, _payload: &[u8]) {}

    /// Trades of followed symbols happened.
    fn trades(&mut self, events: &[Event<'_>], context: Context<'_>, out: &mut Output);

    /// A recorded frame is due; it is sent if the client subscribed to it.
    fn replayed(&mut self, recorded: &Recorded, context: Context<'_>, out: &mut Output);

    /// When [`Protocol::tick`] has something to do next.
    fn due(&self) -> i64;

    /// Time passed: heartbeats, pings, batches, limits.
    fn tick(&mut self, context: Context<'_>, out: &mut Output);

    /// The server is about to stop.
    fn farewell(&mut self, _context: Context<'_>, _out: &mut Output) {}
}
