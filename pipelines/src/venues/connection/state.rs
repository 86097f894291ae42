//! What a feed shows of itself to `/health` and tests.

use std::collections::BTreeMap;

use crate::market::{Symbol, Timestamp, Venue};
use crate::venues::feed::FeedCounts;

/// One venue's feed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FeedState {
    /// The venue.
    pub venue: Venue,
    /// Where it is reached.
    pub endpoint: String,
    /// Its connections; each serves other instruments.
    pub connections: Vec<ConnectionState>,
}

impl FeedState {
    /// Whether every connection is live.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.connections
            .iter()
            .all(|connection| connection.phase == ConnectionPhase::Live)
    }

    /// Trades written to the log since the start.
    #[must_use]
    pub fn trades(&self) -> u64 {
        self.connections.iter().map(|c| c.trades).sum()
    }
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionPhase {
    /// Waiting before the next attempt.
    Waiting,
    /// Connecting.
    Connecting,
    /// Connected, not yet acknowledged.
    Subscribing,
    /// Every subscription was answered and at least one is in force.
    Live,
    /// Paused: the log takes no more.
    LogFull,
    /// Told to stop.
    Stopped,
}

/// One connection, through all its reconnections. Counts are since the start.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConnectionState {
    /// What it is doing.
    pub phase: ConnectionPhase,
    /// Since when it is connected.
    pub connected_since: Option<Timestamp>,
    /// When the newest frame arrived, control frames included.
    pub last_frame_at: Option<Timestamp>,
    /// How many instruments it should serve.
    pub instruments: usize,
    /// How many the venue has acknowledged.
    pub subscribed: usize,
    /// Frames other than control frames.
    pub frames: u64,
    /// Trades written to the log.
    pub trades: u64,
    /// Frames not, or not wholly, decoded, by reason.
    pub decode_errors: BTreeMap<&'static str, u64>,
    /// Trades refused, by reason.
    pub refused_trades: BTreeMap<&'static str, u64>,
    /// Times the venue complained.
    pub complaints: u64,
    /// Connections that ended without our wish, failed attempts included.
    pub reconnects: u64,
    /// The newest trouble.
    pub last_error: Option<String>,
    /// Instruments the venue refused, with its words.
    pub refused_symbols: BTreeMap<Symbol, String>,
}

impl ConnectionState {
    pub(super) fn new(instruments: usize) -> Self {
        Self {
            phase: ConnectionPhase::Waiting,
            connected_since: None,
            last_frame_at: None,
            instruments,
            subscribed: 0,
            frames: 0,
            trades: 0,
            decode_errors: BTreeMap::new(),
            refused_trades: BTreeMap::new(),
            complaints: 0,
            reconnects: 0,
            last_error: None,
            refused_symbols: BTreeMap::new(),
        }
    }

    /// Adds what a session counted since the last time.
    pub(super) fn count(&mut self, new: &FeedCounts) {
        self.frames += new.frames;
        self.trades += new.trades;
        self.complaints += new.complaints;
        for (reason, frames) in new.decode_errors().filter(|&(_, n)| n > 0) {
            *self.decode_errors.entry(reason).or_default() += frames;
        }
        for (reason, trades) in new.refused_trades().filter(|&(_, n)| n > 0) {
            *self.refused_trades.entry(reason).or_default() += trades;
        }
    }
}
