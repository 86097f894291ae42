//! State of a feed, for `/health` and tests.

use std::collections::{BTreeMap, BTreeSet};

use crate::market::{Symbol, Timestamp, Venue};
use crate::venues::frame_assembler::{FrameAssembler, FrameCounts, UNHEARD_AFTER};
use crate::venues::protocol::{VenueProtocol, likely_name, likely_symbol};

/// Troubles that a message spells out; all are in the state.
const MOST_SHOWN: usize = 4;

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
    /// Returns whether every connection is live.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.connections
            .iter()
            .all(|connection| connection.phase == ConnectionPhase::Live)
    }

    /// Faults of its subscriptions, in one line: instruments that the venue refused, with
    /// its words, that it never names, or that it sends unasked. `None` if nothing is.
    #[must_use]
    pub fn subscription_trouble(&self) -> Option<String> {
        let wrong: Vec<&str> = self
            .connections
            .iter()
            .flat_map(|connection| connection.subscription_troubles.values())
            .map(String::as_str)
            .collect();
        let more = wrong.len().saturating_sub(MOST_SHOWN);
        let shown = wrong.get(..MOST_SHOWN).unwrap_or(&wrong).join("; ");
        match (wrong.is_empty(), more) {
            (true, _) => None,
            (false, 0) => Some(shown),
            (false, more) => Some(format!("{shown}; and {more} more")),
        }
    }

    /// Trades written to the log since the start.
    #[must_use]
    pub fn trades(&self) -> u64 {
        self.connections.iter().map(|c| c.trades).sum()
    }
}

/// Activity of a connection.
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
    /// Asked to stop.
    Stopped,
}

/// One connection, through all its reconnections. Counts are since the start.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConnectionState {
    /// Its present activity.
    pub phase: ConnectionPhase,
    /// Since when it is connected.
    pub connected_since: Option<Timestamp>,
    /// When the newest frame arrived, control frames included.
    pub last_frame_at: Option<Timestamp>,
    /// Number of instruments it should serve.
    pub instruments: usize,
    /// Number that the venue has acknowledged.
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
    /// Fault of an instrument's subscription, or of one that arrives unasked.
    pub subscription_troubles: BTreeMap<Symbol, String>,
    /// Instruments that the venue has named since the start.
    #[serde(skip)]
    pub(super) named: BTreeSet<Symbol>,
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
            subscription_troubles: BTreeMap::new(),
            named: BTreeSet::new(),
        }
    }

    /// Notes what a session knows of its subscriptions. Returns the troubles that are new.
    pub(super) fn judge(
        &mut self,
        protocol: &dyn VenueProtocol,
        assembler: &mut FrameAssembler,
    ) -> Vec<String> {
        for symbol in assembler.take_named() {
            self.subscription_troubles.remove(&symbol);
            self.named.insert(symbol);
        }
        let mut new = Vec::new();
        let mut add = |state: &mut Self, symbol: &Symbol, what: String| {
            if state.subscription_troubles.get(symbol) != Some(&what) {
                new.push(what.clone());
                state.subscription_troubles.insert(symbol.clone(), what);
            }
        };
        // While answers are awaited, what was refused before is what is known.
        if assembler.is_answered() && assembler.refused_count() != self.refused_symbols.len() {
            self.refused_symbols = assembler
                .refused()
                .map(|(symbol, reason)| (symbol.clone(), reason.to_owned()))
                .collect();
            for (symbol, reason) in self.refused_symbols.clone() {
                let likely = likely_symbol(protocol, &symbol);
                let likely = likely_name(likely.as_deref());
                add(
                    self,
                    &symbol,
                    format!("the venue refused {symbol}: {reason}{likely}"),
                );
            }
        }
        for symbol in assembler.unheard() {
            if !self.named.contains(symbol) {
                let minutes = UNHEARD_AFTER.as_secs() / 60;
                let likely = likely_symbol(protocol, symbol);
                let likely = likely_name(likely.as_deref());
                add(
                    self,
                    symbol,
                    format!(
                        "nothing of {symbol} arrived in {minutes} minutes: does the venue list it?{likely}"
                    ),
                );
            }
        }
        for symbol in assembler.strangers() {
            add(
                self,
                symbol,
                format!(
                    "trades of {symbol} arrive, which was not subscribed: subscribe it by this name"
                ),
            );
        }
        new
    }

    /// Adds what a session counted since the last time.
    pub(super) fn count(&mut self, new: &FrameCounts) {
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
