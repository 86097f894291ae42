//! Requests of candle building to the store. Every effect is absolute (a whole candle, a whole
//! gap), so that writing one twice changes nothing.

use crate::log::Offset;
use crate::market::{Candle, InstrumentKey, Timestamp, TradeId};

/// Everything that the records of one partition below `next_offset` changed since the last commit;
/// written in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// The partition.
    pub partition: u32,
    /// Where to go on after a restart: all records below are reflected in this and earlier commits.
    pub next_offset: Offset,
    /// Closed 1-minute candles, new or corrected: the whole row, replacing any there is.
    pub closed: Vec<CandleWrite>,
    /// The open 1-minute candles of every instrument listed in `checkpoints`, replacing all open
    /// candles stored for those instruments.
    pub open: Vec<CandleWrite>,
    /// Gaps, new or changed.
    pub gaps: Vec<Gap>,
    /// The state of every instrument that changed.
    pub checkpoints: Vec<Checkpoint>,
}

/// A 1-minute candle of an instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandleWrite {
    /// The instrument.
    pub instrument: InstrumentKey,
    /// The candle.
    pub candle: Candle,
}

/// State of an instrument that is needed to go on after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The instrument.
    pub instrument: InstrumentKey,
    /// Its newest trade, for people and queries.
    pub last_trade_id: Option<TradeId>,
    /// Every minute that opens before this has closed, whether it had trades or not.
    pub closed_until: Option<Timestamp>,
    /// The builder's own state, opaque to the store (JSON).
    pub state: Vec<u8>,
}

/// A stretch of time in which trades of an instrument are or may be missing, or not all counted.
///
/// Identified by (instrument, reason, from, first missing id).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The instrument.
    pub instrument: InstrumentKey,
    /// Why.
    pub reason: GapReason,
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive; `None` while it lasts.
    pub to: Option<Timestamp>,
    /// The missing trade ids, first and last inclusive, where the venue numbers its trades and both
    /// ends are known.
    pub missing: Option<(TradeId, TradeId)>,
    /// When it was noticed, by the receive time of the record that showed it.
    pub detected_at: Timestamp,
    /// When it turned out to be filled after all (late trades arrived, or it was repaired): such a
    /// gap touches no candle any more.
    pub filled_at: Option<Timestamp>,
}

/// Why trades are or may be missing, or are not all counted.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Trade ids were skipped.
    MissingTrades,
    /// The venue began its trade numbers again: from the last trade of the old numbering to the
    /// first of the new one, ids cannot show whether trades are missing.
    NumberingRestart,
    /// There was no connection.
    Disconnect,
    /// The connection was silent for longer than the venue's heartbeat allows.
    Silence,
    /// We began to listen inside the interval; `from` is the start of the UTC day, so that every
    /// interval that began before we listened is touched.
    LateStart,
    /// The log could take no more (disk full or byte limit).
    LogFull,
    /// The log no longer held the trades that a correction needed.
    LogTruncated,
    /// The candle's volumes need more digits than an exact decimal holds.
    Overflow,
    /// The venue's own history lacks candles that it otherwise has for every interval.
    VenueHole,
}

impl GapReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::MissingTrades,
        Self::NumberingRestart,
        Self::Disconnect,
        Self::Silence,
        Self::LateStart,
        Self::LogFull,
        Self::LogTruncated,
        Self::Overflow,
        Self::VenueHole,
    ];

    /// Returns whether nobody listened meanwhile.
    #[must_use]
    pub const fn is_outage(self) -> bool {
        matches!(self, Self::Disconnect | Self::Silence | Self::LogFull)
    }

    /// The name used in the `gaps` table, in answers and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingTrades => "missing_trades",
            Self::NumberingRestart => "numbering_restart",
            Self::Disconnect => "disconnect",
            Self::Silence => "silence",
            Self::LateStart => "late_start",
            Self::LogFull => "log_full",
            Self::LogTruncated => "log_truncated",
            Self::Overflow => "overflow",
            Self::VenueHole => "venue_hole",
        }
    }
}
