//! Contents of the event log: batches of trades, and control records that say what the connection
//! they came over was doing. Together they are all that candles are built from.

mod wire;

pub use wire::{DecodeRecordError, decode, encode};

use crate::market::{InstrumentKey, Symbol, Timestamp, Trade, TradeId, Venue};

/// One connection to one venue, for as long as it lasts: random, never reused.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// No connection: trades that the venue was asked for after the fact. They say nothing about listening.
    pub const REPAIR: Self = Self(0);
}

/// One entry of one partition of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The venue that was listened to.
    pub venue: Venue,
    /// The connection it came over.
    pub connection: ConnectionId,
    /// Our clock when it arrived, as far as it can be believed; never goes back within a connection.
    pub received_at: Timestamp,
    /// The event itself.
    pub body: Body,
}

/// Contents of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Trades of one or more instruments of this partition, in the order they arrived.
    Trades(Vec<InstrumentTrades>),
    /// The venue acknowledged the subscription of these instruments: from here on silence means
    /// that nothing traded.
    Subscribed(Vec<Symbol>),
    /// The connection, and with it every subscription made over it, ended.
    Disconnected {
        /// Why.
        reason: DisconnectReason,
        /// Receive time of its last frame of any kind: what came after may be lost.
        last_frame_at: Timestamp,
    },
    /// The venue's own word for the newest trade of an instrument.
    Heartbeat {
        /// The instrument.
        symbol: Symbol,
        /// Its newest trade.
        last_trade: TradeId,
    },
    /// Time passed while the connection was alive: event time of its instruments is at least
    /// `received_at`.
    Tick,
    /// The venue refused to subscribe an instrument.
    Refused {
        /// The instrument.
        symbol: Symbol,
        /// The venue's words.
        reason: String,
    },
}

/// Trades of one instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentTrades {
    /// The instrument's symbol at the record's venue.
    pub symbol: Symbol,
    /// At least one trade.
    pub trades: Vec<Trade>,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DisconnectReason {
    /// The venue closed it, or the network broke.
    Lost,
    /// Nothing arrived for longer than the venue allows.
    Silence,
    /// We closed it: its maximum age, a changed subscription.
    Renewed,
    /// The program is stopping.
    Shutdown,
    /// The log could take no more.
    LogFull,
    /// The recording ended.
    EndOfFile,
}

impl DisconnectReason {
    /// The name used in the `gaps` table and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Silence => "silence",
            Self::Renewed => "renewed",
            Self::Shutdown => "shutdown",
            Self::LogFull => "log_full",
            Self::EndOfFile => "end_of_file",
        }
    }
}

impl Record {
    /// The instrument with this symbol at the record's venue.
    #[must_use]
    pub fn instrument(&self, symbol: &Symbol) -> InstrumentKey {
        InstrumentKey::new(self.venue, symbol.clone())
    }

    /// The number of trades the record holds.
    #[must_use]
    pub fn trade_count(&self) -> usize {
        match &self.body {
            Body::Trades(batches) => batches.iter().map(|batch| batch.trades.len()).sum(),
            _ => 0,
        }
    }
}
