//! Asks a venue for the candles that are missing, a page at a time, and stores each page before the next
//! is asked for.

use std::collections::BTreeSet;

use super::plan::{BackfillPlan, Wanted};
use crate::clock::SharedClock;
use crate::market::{InstrumentKey, Interval, Timestamp};
use crate::net::{PacedClient, RestError};
use crate::store::{
    CandleSource, ImportTarget, ImportedCandle, InstrumentId, MAX_PAGE, Store, StoreError,
};
use crate::venues::binance::rest::{PACE, SOURCE, klines_url, read_klines};

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
    /// The store does not know the instrument.
    #[error("there is no instrument {0}; nothing was loaded")]
    UnknownInstrument(InstrumentKey),
}

impl BackfillError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Venue { source, .. } => source.is_retriable(),
            Self::Store(error) => error.is_retriable(),
            Self::UnknownInstrument(_) => false,
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
    endpoint: String,
    client: PacedClient,
    clock: SharedClock,
    /// Candles that the venue was asked for and did not have: not asked again by this process.
    absent: BTreeSet<(InstrumentKey, Interval, Timestamp)>,
}

impl BackfillLoader {
    /// A loader that asks the REST interface at this endpoint, e.g. `http://127.0.0.1:9100/binance`.
    ///
    /// # Errors
    /// When encryption cannot be set up.
    pub fn new(endpoint: &str, clock: SharedClock) -> Result<Self, RestError> {
        Ok(Self {
            endpoint: endpoint.to_owned(),
            client: PacedClient::new(PACE)?,
            clock,
            absent: BTreeSet::new(),
        })
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
        let window = wanted.window(self.clock.now());
        let stored = stored_times(store, instrument.id, interval, window.0).await?;
        let absent = self.absent_of(key, interval, window.0);
        let mut plan = BackfillPlan::new(interval, window, stored, absent);
        let mut loaded = Loaded::default();
        while let Some(ask) = plan.next_request() {
            let url = klines_url(&self.endpoint, &key.symbol, interval, ask);
            let failed = |source: RestError| BackfillError::Venue {
                instrument: key.clone(),
                interval,
                source,
            };
            let body = self.client.get(&url).await.map_err(failed)?;
            let page = read_klines(&body, interval, ask)
                .map_err(|reason| failed(RestError::Unreadable { url, reason }))?;
            loaded.requests += 1;
            metrics::counter!("coinsphere_history_requests_total").increment(1);
            let (missing, gone) = plan.answered(page.candles, page.covered_until);
            let import = |candle| ImportedCandle {
                candle,
                interval,
                source: SOURCE.to_owned(),
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
