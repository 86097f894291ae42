//! Candles from before this program listened: asked of a venue's REST interface and imported where
//! nothing whole is stored. What is there already is not asked again, so a loader that was stopped
//! goes on where it was, and a stretch that was missed while the program was off is filled.
//!
//! It knows nothing of forecasts; who wants which history says so.

mod klines;
mod rest;

use std::collections::BTreeSet;
use std::time::Duration;

pub use klines::{Klines, rest_endpoint};
pub use rest::RestError;

use crate::clock::SharedClock;
use crate::market::{Candle, InstrumentKey, Interval, Timestamp};
use crate::store::{
    CandleSource, ImportTarget, ImportedCandle, InstrumentId, MAX_PAGE, Store, StoreError,
};

/// The least time between two requests: an eighth of what Binance allows.
const PACE: Duration = Duration::from_millis(150);

/// Which history is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Of which instrument.
    pub instrument: InstrumentKey,
    /// Of which length.
    pub interval: Interval,
    /// How many closed candles back from now.
    pub candles: u32,
}

/// Why history could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The venue did not give it.
    #[error("cannot load {interval} candles of {instrument}: {source}")]
    Venue {
        /// Of which instrument.
        instrument: InstrumentKey,
        /// Of which length.
        interval: Interval,
        /// Why not.
        source: RestError,
    },
    /// It could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store does not know the instrument.
    #[error("there is no instrument {0}; nothing was loaded")]
    UnknownInstrument(InstrumentKey),
}

impl HistoryError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Venue { source, .. } => source.is_retriable(),
            Self::Store(error) => error.is_retriable(),
            Self::UnknownInstrument(_) => false,
        }
    }
}

/// What loading came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Loaded {
    /// Requests made.
    pub requests: u64,
    /// Candles that are new or different.
    pub candles: u64,
}

/// Loads history of one venue.
#[derive(Debug)]
pub struct HistoryLoader {
    venue: Klines,
    clock: SharedClock,
    /// What the venue was asked for and did not have: not asked again by this process.
    absent: BTreeSet<(InstrumentKey, Interval, Timestamp)>,
}

/// Absent candles remembered at most; beyond that they are asked for again.
const REMEMBERED: usize = 100_000;

impl HistoryLoader {
    /// A loader that asks this venue.
    #[must_use]
    pub const fn new(venue: Klines, clock: SharedClock) -> Self {
        Self {
            venue,
            clock,
            absent: BTreeSet::new(),
        }
    }

    /// Imports what is wanted and not stored whole. Bounded by what is wanted; each page is stored
    /// before the next is asked for.
    ///
    /// # Errors
    /// When the venue or the store fails; what was loaded before stays.
    pub async fn load(&mut self, store: &Store, wanted: &Wanted) -> Result<Loaded, HistoryError> {
        let instrument = store
            .instrument(&wanted.instrument)
            .await?
            .ok_or_else(|| HistoryError::UnknownInstrument(wanted.instrument.clone()))?;
        let now = wanted.interval.open_of(self.clock.now());
        let span = wanted.interval.duration() * wanted.candles;
        let from = now - span;
        let stored = stored_times(store, instrument.id, wanted.interval, from).await?;
        let mut loaded = Loaded::default();
        let mut at = from;
        while let Some(start) = self.next_missing(wanted, &stored, at, now) {
            let page = self
                .venue
                .candles(&wanted.instrument.symbol, wanted.interval, start, now)
                .await
                .map_err(|source| HistoryError::Venue {
                    instrument: wanted.instrument.clone(),
                    interval: wanted.interval,
                    source,
                })?;
            loaded.requests += 1;
            metrics::counter!("coinsphere_history_requests_total").increment(1);
            let end = page.covered_until.min(now);
            let fresh: Vec<ImportedCandle> = page
                .candles
                .into_iter()
                .filter(|candle| candle.open_time < now && !stored.contains(&candle.open_time))
                .map(|candle| self.imported(wanted.interval, candle))
                .collect();
            let times: BTreeSet<Timestamp> = fresh.iter().map(|f| f.candle.open_time).collect();
            let written = store
                .import(&ImportTarget::Instrument(instrument.id), &fresh)
                .await?;
            loaded.candles += written;
            metrics::counter!("coinsphere_history_candles_total").increment(written);
            let mut gone = start;
            while gone < end {
                if !times.contains(&gone)
                    && !stored.contains(&gone)
                    && self.absent.len() < REMEMBERED
                {
                    self.absent
                        .insert((wanted.instrument.clone(), wanted.interval, gone));
                }
                gone = wanted.interval.end_of(gone);
            }
            // Past what was answered, even if that was nothing: the loop ends.
            at = end.max(wanted.interval.end_of(start));
        }
        Ok(loaded)
    }

    fn imported(&self, interval: Interval, candle: Candle) -> ImportedCandle {
        ImportedCandle {
            candle,
            interval,
            source: self.venue.name().to_owned(),
        }
    }

    /// The first time from `at` on, before `now`, whose candle is neither stored nor known to be
    /// absent.
    fn next_missing(
        &self,
        wanted: &Wanted,
        stored: &BTreeSet<Timestamp>,
        mut at: Timestamp,
        now: Timestamp,
    ) -> Option<Timestamp> {
        while at < now {
            let key = (wanted.instrument.clone(), wanted.interval, at);
            if !stored.contains(&at) && !self.absent.contains(&key) {
                return Some(at);
            }
            at = wanted.interval.end_of(at);
        }
        None
    }
}

/// The opening times from `from` on of which a whole candle is stored.
async fn stored_times(
    store: &Store,
    instrument: InstrumentId,
    interval: Interval,
    from: Timestamp,
) -> Result<BTreeSet<Timestamp>, StoreError> {
    let mut times = BTreeSet::new();
    let mut next = Some(from);
    while let Some(from) = next {
        let page = store
            .closed_candles(instrument, interval, from, MAX_PAGE)
            .await?;
        let whole = page.candles.into_iter().filter(|stored| {
            stored.candle.complete || matches!(stored.source, CandleSource::Imported(_))
        });
        times.extend(whole.map(|stored| stored.candle.open_time));
        next = page.next;
    }
    Ok(times)
}
