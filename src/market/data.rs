//! The port for market data, in the market's vocabulary. The store implements it; tests have an
//! implementation in memory.

use async_trait::async_trait;
use coinsphere_pipelines::candles::GapReason;
use coinsphere_pipelines::coverage::Coverage;
use coinsphere_pipelines::market::{
    AssetId, Candle, InstrumentKey, Interval, Symbol, Timestamp, TradeId, Venue,
};
use coinsphere_pipelines::time_ranges::TimeRange;

/// Reads tokens, instruments, candles and gaps.
#[async_trait]
pub trait MarketData: Send + Sync + 'static {
    /// Listed tokens by ascending id, at most `limit`, those after `after` only.
    ///
    /// # Errors
    /// When the records cannot be read.
    async fn tokens(&self, after: Option<&str>, limit: usize) -> Result<Vec<Token>, ReadError>;

    /// The token with this CoinGecko id, else the listed token with this symbol, in whatever case.
    ///
    /// # Errors
    /// When the records cannot be read.
    async fn token(&self, id_or_symbol: &str) -> Result<TokenLookup, ReadError>;

    /// Listed instruments by ascending `venue:symbol`, at most `limit`, those after `after` only.
    ///
    /// # Errors
    /// When the records cannot be read.
    async fn instruments(
        &self,
        filter: &InstrumentFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Instrument>, ReadError>;

    /// The venue's instrument with the first of these spellings that there is, listed or not.
    ///
    /// # Errors
    /// When the records cannot be read.
    async fn instrument(
        &self,
        venue: Venue,
        spellings: &[Symbol],
    ) -> Result<Option<Instrument>, ReadError>;

    /// A page of candles.
    ///
    /// # Errors
    /// When the records cannot be read.
    async fn candles(&self, query: &CandlesQuery) -> Result<Candles, ReadError>;

    /// The coverage of a window of an instrument's time.
    ///
    /// # Errors
    /// When the records cannot be read.
    async fn coverage(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
        window: TimeRange,
    ) -> Result<Coverage, ReadError>;

    /// The listed instruments that trade a token, the one that stands for it first.
    ///
    /// # Errors
    /// When the records cannot be read.
    async fn instruments_of(&self, token: &AssetId) -> Result<Vec<Instrument>, ReadError>;
}

/// Why the records could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// They cannot be reached now, and may be later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// Something is wrong with them or with us.
    #[error("cannot read from the database: {0}")]
    Failed(String),
}

impl ReadError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// An asset that is traded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The CoinGecko id.
    pub id: AssetId,
    /// The ticker in upper case.
    pub symbol: String,
    /// The name for people.
    pub name: String,
    /// Rank by market capitalisation, 1 being the largest.
    pub rank: Option<u32>,
}

/// The result of looking a token up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenLookup {
    /// Exactly one.
    Found(Token),
    /// Several listed tokens have this symbol: their ids.
    Ambiguous(Vec<AssetId>),
    /// None.
    Unknown,
}

/// Which instruments to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstrumentFilter {
    /// Of this venue only.
    pub venue: Option<Venue>,
    /// With this base asset only.
    pub token: Option<AssetId>,
}

/// An instrument: what trades where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instrument {
    /// Venue and the venue's own symbol.
    pub key: InstrumentKey,
    /// The base asset, where it is known.
    pub token: Option<AssetId>,
    /// Ticker of what is traded, where it is known.
    pub base: Option<String>,
    /// Ticker of what it is priced in, where it is known.
    pub quote: Option<String>,
    /// True if this program follows it by default.
    pub listed: bool,
}

/// Which candles to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandlesQuery {
    /// Of which instrument.
    pub instrument: InstrumentKey,
    /// Also candles imported for this asset as a whole, where nothing else is stored.
    pub asset: Option<AssetId>,
    /// Of which length.
    pub interval: Interval,
    /// The earliest opening time, inclusive. With it the page is the earliest `limit` candles from
    /// here; without, the newest `limit` before `to`.
    pub from: Option<Timestamp>,
    /// The end, exclusive; absent: up to the open candle.
    pub to: Option<Timestamp>,
    /// Page size, at least 1.
    pub limit: usize,
}

/// A page of candles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Candles {
    /// Ascending; intervals without trades are absent.
    pub candles: Vec<SeriesCandle>,
    /// There are later candles in the range, from here.
    pub next: Option<Timestamp>,
    /// There are earlier candles in the range, before here.
    pub previous: Option<Timestamp>,
    /// The unfilled gaps that overlap the time the page speaks about, earliest first: from its first
    /// candle's start or the asked `from` to `next`, or the asked `to`, or without an end.
    pub gaps: Vec<Gap>,
}

/// A candle and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesCandle {
    /// The candle.
    pub candle: Candle,
    /// The number of times it was replaced by a different one.
    pub revision: u32,
    /// True if its interval has not closed yet.
    pub open: bool,
}

/// A stretch of time in which trades are or may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive; `None` while it lasts.
    pub to: Option<Timestamp>,
    /// The missing trade ids, first and last inclusive, where they are known.
    pub missing: Option<(TradeId, TradeId)>,
}

impl Gap {
    /// Returns whether it overlaps `[from, to)`.
    #[must_use]
    pub fn touches(&self, from: Timestamp, to: Timestamp) -> bool {
        self.from < to && self.to.is_none_or(|end| end > from)
    }
}
