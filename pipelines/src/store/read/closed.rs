//! Reading closed candles for models: the best version of each that is stored.

use std::collections::BTreeMap;

use crate::market::{Candle, Interval, Timestamp};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::rows::{CandleQuery, CandleSource, InstrumentId, StoredCandle};

use super::candles::imported_between;

/// A page of closed candles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClosedCandles {
    /// Ascending by opening time.
    pub candles: Vec<StoredCandle>,
    /// There are later ones: ask again from here.
    pub next: Option<Timestamp>,
}

impl Store {
    /// A page of an instrument's closed candles from `from` on, ascending. Where the one built here
    /// is not complete, because a gap touches it, and one was imported, it is the imported one.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn closed_candles(
        &self,
        instrument: InstrumentId,
        interval: Interval,
        from: Timestamp,
        limit: usize,
    ) -> Result<ClosedCandles, StoreError> {
        let asked = CandleQuery {
            instrument,
            asset: None,
            interval,
            from: Some(from),
            to: None,
            limit,
        };
        let mut page = self.candles(&asked).await?;
        let doubtful =
            |stored: &StoredCandle| !stored.candle.complete && stored.source == CandleSource::Built;
        let mut times = page.candles.iter().filter(|stored| doubtful(stored));
        if let Some(first) = times.next() {
            let first = first.candle.open_time;
            let last = times
                .next_back()
                .map_or(first, |last| last.candle.open_time);
            let whole: BTreeMap<Timestamp, (Candle, String)> =
                imported_between(self, instrument, interval, (first, last))
                    .await?
                    .into_iter()
                    .map(|(candle, source)| (candle.open_time, (candle, source)))
                    .collect();
            for stored in &mut page.candles {
                if doubtful(stored)
                    && let Some((candle, source)) = whole.get(&stored.candle.open_time)
                {
                    stored.candle = candle.clone();
                    stored.source = CandleSource::Imported(source.clone());
                    // Only closed candles are imported: this one was never followed to its end.
                    stored.open = false;
                }
            }
        }
        page.candles.retain(|stored| !stored.open);
        Ok(ClosedCandles {
            candles: page.candles,
            next: page.next,
        })
    }
}
