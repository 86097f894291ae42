//! Asks a venue for the candles that are missing, a page at a time, and stores each page before the next
//! is asked for.

use std::collections::BTreeSet;

use super::files::FileError;
use super::plan::{BackfillPlan, Wanted};
use crate::market::{InstrumentKey, Interval, Timestamp, Venue};
use crate::store::{
    CandleSource, ImportTarget, ImportedCandle, InstrumentId, MAX_PAGE, Store, StoreError,
};
use crate::venues::{RestClient, RestError};

/// Absent candles remembered at most; beyond that they are asked for again.
const REMEMBERED: usize = 100_000;

/// Why history could not be backfilled.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
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
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The store does not know the instrument.
    #[error("there is no instrument {0}; nothing was loaded")]
    UnknownInstrument(InstrumentKey),
    /// The venue does not know the instrument.
    #[error("there is no {instrument}: {} has {count} instruments{}", .instrument.venue, named(.like))]
    NoSuchInstrument {
        /// Which instrument.
        instrument: InstrumentKey,
        /// The number of instruments that the venue has.
        count: usize,
        /// Those whose names are like it.
        like: Vec<String>,
    },
    /// The venue has no candles of this length.
    #[error("{venue} has no candles of {interval}: use one of {served}")]
    NoSuchInterval {
        /// The venue.
        venue: Venue,
        /// The length.
        interval: Interval,
        /// The lengths that it has.
        served: String,
    },
}

fn named(names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    format!(", among them {}", names.join(", "))
}

impl BackfillError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Venue { source, .. } => source.is_retriable(),
            Self::Store(error) => error.is_retriable(),
            Self::File(_)
            | Self::UnknownInstrument(_)
            | Self::NoSuchInstrument { .. }
            | Self::NoSuchInterval { .. } => false,
        }
    }
}

/// Outcome of loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Loaded {
    /// Requests made.
    pub requests: u64,
    /// Candles that are new or different.
    pub candles: u64,
}

/// Loads history of one venue.
#[derive(Debug)]
pub struct BackfillLoader {
    rest: RestClient,
    /// Candles that the venue was asked for and did not have: not asked again by this process.
    absent: BTreeSet<(InstrumentKey, Interval, Timestamp)>,
}

impl BackfillLoader {
    /// A loader that asks with this client.
    #[must_use]
    pub const fn new(rest: RestClient) -> Self {
        Self {
            rest,
            absent: BTreeSet::new(),
        }
    }

    /// Imports what is wanted and not stored whole. Bounded by what is wanted; each page is stored
    /// before the next is asked for.
    ///
    /// # Errors
    /// When the venue or the store fails; what was loaded before stays.
    pub async fn load(&mut self, store: &Store, wanted: &Wanted) -> Result<Loaded, BackfillError> {
        let (key, interval) = (&wanted.instrument, wanted.interval);
        let instrument = store
            .instrument(key)
            .await?
            .ok_or_else(|| BackfillError::UnknownInstrument(key.clone()))?;
        let window = wanted.window(self.rest.now());
        let stored = stored_times(store, instrument.id, interval, window.0).await?;
        let absent = self.absent_of(key, interval, window.0);
        let mut plan = BackfillPlan::new(interval, window, stored, absent);
        let mut loaded = Loaded::default();
        let rows = self.rest.rows(interval).unwrap_or(0);
        while let Some((from, end)) = plan.next_request() {
            let ask = (from, end.min(from + interval.duration() * rows));
            let page = self.rest.candles(&key.symbol, interval, ask).await;
            let page = page.map_err(|source| BackfillError::Venue {
                instrument: key.clone(),
                interval,
                source,
            })?;
            loaded.requests += 1;
            let covered_until = page.covered.map_or(ask.1, |(_, until)| until);
            let (missing, gone) = plan.answered(page.candles, covered_until);
            let import = |candle| ImportedCandle {
                candle,
                interval,
                source: self.rest.venue().name().to_owned(),
            };
            let missing: Vec<ImportedCandle> = missing.into_iter().map(import).collect();
            let written = store
                .import(&ImportTarget::Instrument(instrument.id), &missing)
                .await?;
            loaded.candles += written;
            metrics::counter!("coinsphere_history_candles_total").increment(written);
            let room = REMEMBERED.saturating_sub(self.absent.len());
            let gone = gone.into_iter().take(room);
            self.absent
                .extend(gone.map(|time| (key.clone(), interval, time)));
        }
        Ok(loaded)
    }

    /// The times from `from` on that the venue has no candle of.
    fn absent_of(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
        from: Timestamp,
    ) -> BTreeSet<Timestamp> {
        let of_series = self.absent.range((instrument.clone(), interval, from)..);
        of_series
            .take_while(|(key, length, _)| key == instrument && *length == interval)
            .map(|(_, _, time)| *time)
            .collect()
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
