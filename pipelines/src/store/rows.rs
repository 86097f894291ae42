//! The store's requests and answers, in the market's own vocabulary. No SQL here.

use crate::candles::GapReason;
use crate::market::{AssetId, Candle, InstrumentKey, Interval, Symbol, Timestamp, TradeId};

/// The most candles that one page holds.
pub const MAX_PAGE: usize = 5_000;

/// An instrument's number in the database. Never leaves the program: paths and topics name
/// instruments by [`InstrumentKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentId(pub(crate) i32);

impl InstrumentId {
    /// The instrument with this number: for stores in memory.
    #[must_use]
    pub const fn new(number: i32) -> Self {
        Self(number)
    }
}

/// An asset as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The CoinGecko id.
    pub id: AssetId,
    /// The ticker in upper case, e.g. `BTC`. Tickers collide.
    pub symbol: String,
    /// The name for people, e.g. `Bitcoin`.
    pub name: String,
    /// Rank by market capitalisation when it was last written, 1 being the largest.
    pub rank: Option<u32>,
    /// True if at least one listed instrument trades it.
    pub listed: bool,
}

/// An instrument as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// Its number in the database.
    pub id: InstrumentId,
    /// Venue and the venue's own symbol.
    pub key: InstrumentKey,
    /// The base asset, where it is known.
    pub base_asset: Option<AssetId>,
    /// Ticker of what is traded, e.g. `BTC`, where it is known.
    pub base: Option<String>,
    /// Ticker of what it is priced in, e.g. `USDT`, where it is known.
    pub quote: Option<String>,
    /// True if it is one of the instruments this program follows by default; one that merely
    /// appeared in a recording is not.
    pub listed: bool,
}

/// Result of looking an asset up by id or ticker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssetLookup {
    /// Exactly one.
    Found(Asset),
    /// Several listed assets share this ticker: these are their ids.
    Ambiguous(Vec<AssetId>),
    /// None.
    Unknown,
}

/// Which candles to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandleQuery {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Also candles imported for this asset as a whole, where nothing else is stored.
    pub asset: Option<AssetId>,
    /// Of which length.
    pub interval: Interval,
    /// The earliest opening time wanted, inclusive. When given, the page is the earliest
    /// `limit` candles from here; when absent, the newest `limit` before `to`.
    pub from: Option<Timestamp>,
    /// The end of the range, exclusive; absent: up to the open candle.
    pub to: Option<Timestamp>,
    /// Page size, 1 to [`MAX_PAGE`]; more is cut to that.
    pub limit: usize,
}

/// Which gaps to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapQuery {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Start of the range, inclusive.
    pub from: Timestamp,
    /// End of the range, exclusive.
    pub to: Timestamp,
    /// Also those that were filled.
    pub with_filled: bool,
    /// Page size, 1 to [`MAX_PAGE`]; more is cut to that.
    pub limit: usize,
}

/// A candle as stored or derived from what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCandle {
    /// The candle. `complete` is false for the open one and for one that a gap touches.
    pub candle: Candle,
    /// 0 for a candle that was never replaced by a different one; it grows with every correction
    /// (of a longer interval: with every correction of one of its minutes).
    pub revision: u32,
    /// True if it may still change without being a correction: its interval has not closed.
    pub open: bool,
    /// Where it comes from.
    pub source: CandleSource,
}

/// Where a candle comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CandleSource {
    /// Built from trades by this program.
    Built,
    /// Imported, from what the text names, e.g. `coingecko`.
    Imported(String),
}

/// A page of candles and what is known to be missing from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandlePage {
    /// Ascending by opening time; intervals without trades are absent.
    pub candles: Vec<StoredCandle>,
    /// There are later candles in the asked range: ask again with this `from`.
    pub next: Option<Timestamp>,
    /// There are earlier candles in the asked range: ask again with this `to` and no `from`.
    pub previous: Option<Timestamp>,
    /// The unfilled gaps that overlap the time the page speaks about, earliest first: from its first
    /// candle's start, or the asked `from`, to `next`, or the asked `to`, or without an end; all of
    /// them before `to` if there are neither candles nor `from`.
    pub gaps: Vec<StoredGap>,
}

/// A gap as stored. Times are kept to the microsecond: starts rounded down, ends up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGap {
    /// Why.
    pub reason: GapReason,
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive; `None` while it lasts.
    pub to: Option<Timestamp>,
    /// The missing trade ids, first and last inclusive, where they are known.
    pub missing: Option<(TradeId, TradeId)>,
    /// When it was noticed.
    pub detected_at: Timestamp,
    /// When it was filled, if it was.
    pub filled_at: Option<Timestamp>,
}

impl StoredGap {
    /// Returns whether trades may be missing in `[from, to)` because of this gap.
    #[must_use]
    pub fn touches(&self, from: Timestamp, to: Timestamp) -> bool {
        self.filled_at.is_none() && self.from < to && self.to.is_none_or(|end| end > from)
    }
}

/// A 1-minute candle that a commit changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedCandle {
    /// Of this instrument.
    pub instrument: InstrumentKey,
    /// The minute.
    pub open_time: Timestamp,
    /// Its revision now: 0 when it is new, more when it replaced a different one.
    pub revision: u32,
}

/// Outcome of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommitOutcome {
    /// The closed candles that are new or differ from what was stored; a repeated commit has
    /// none.
    pub changed: Vec<ChangedCandle>,
}

/// Where to go on after a restart.
#[derive(Debug, Clone, Default)]
pub struct Resume {
    /// The next offset to read of the asked partition; `None` if nothing of this log was ever
    /// committed.
    pub next_offset: Option<crate::log::Offset>,
    /// The state of every instrument of every partition and of earlier logs too.
    pub checkpoints: Vec<crate::candles::Checkpoint>,
}

/// One imported candle of a coarser interval or of a time before the 1-minute retention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedCandle {
    /// The candle.
    pub candle: Candle,
    /// Its length.
    pub interval: Interval,
    /// Where it comes from, e.g. `coingecko`.
    pub source: String,
}

/// Owner of imported candles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportTarget {
    /// One instrument.
    Instrument(InstrumentId),
    /// An asset as a whole, whatever the venue.
    Asset(AssetId),
}

/// Which assets or instruments to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListQuery {
    /// Only what comes after this one in the list's order (asset id; `venue:symbol`).
    pub after: Option<String>,
    /// Page size, 1 to [`MAX_PAGE`].
    pub limit: usize,
    /// Only listed ones.
    pub listed_only: bool,
}

/// Work done by one round of upkeep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Upkeep {
    /// Changed ranges whose aggregates were brought up to date.
    pub refreshed_ranges: u64,
    /// Aggregate candles written (plain PostgreSQL only).
    pub rewritten_aggregates: u64,
    /// Partitions dropped because they are older than the retention (plain PostgreSQL only).
    pub dropped_partitions: u64,
    /// True if more is waiting: call again at once.
    pub more: bool,
    /// A policy of TimescaleDB is refreshing the same time: what is left waits for a later call.
    pub deferred: bool,
}

/// The venue spellings that a symbol in a request's path may stand for, the literal one first.
#[must_use]
pub fn spellings(symbol: &str) -> Vec<Symbol> {
    let mut spellings = vec![symbol.to_owned()];
    if symbol.contains('-') {
        // In a path `BTC/USD` is reachable as `BTC-USD`.
        spellings.push(symbol.replace('-', "/"));
    }
    spellings
        .iter()
        .filter_map(|text| Symbol::new(text).ok())
        .collect()
}
