//! What the actors ask of the store, answered by the database as it is at the moment.

use std::collections::HashMap;

use async_trait::async_trait;
use coinsphere_actors::pusher::CandleHistory;
use coinsphere_actors::store::{CandleStore, StoreFault};
use coinsphere_pipelines::candles::{Checkpoint, Commit, derive};
use coinsphere_pipelines::log::{EventLog, Offset};
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Timestamp};
use coinsphere_pipelines::store::{CandleQuery, InstrumentId, Store, StoreError};

use super::database::Database;

/// Minutes read at a time.
const PAGE: usize = 1_440;

impl Database {
    pub(super) fn reached(&self) -> Result<Store, StoreFault> {
        self.store().ok_or_else(|| {
            StoreFault::new("the database has not been reached yet".to_owned(), true)
        })
    }
}

pub(super) fn fault(error: StoreError) -> StoreFault {
    StoreFault::new(error.to_string(), error.is_retriable())
}

#[async_trait]
impl CandleStore for Database {
    async fn load(
        &self,
        log: &dyn EventLog,
        partition: u32,
    ) -> Result<(Option<Offset>, Vec<Checkpoint>), StoreFault> {
        let resume = self
            .reached()?
            .load(log.identity(), partition)
            .await
            .map_err(fault)?;
        let checkpoints = resume
            .checkpoints
            .into_iter()
            .filter(|checkpoint| checkpoint.instrument.partition(log.partitions()) == partition)
            .collect();
        Ok((resume.next_offset, checkpoints))
    }

    async fn commit(
        &self,
        log: &dyn EventLog,
        commit: &Commit,
    ) -> Result<Vec<(usize, u32)>, StoreFault> {
        let outcome = self
            .reached()?
            .commit(log.identity(), commit)
            .await
            .map_err(fault)?;
        let corrected: HashMap<(&InstrumentKey, Timestamp), u32> = outcome
            .changed
            .iter()
            .filter(|changed| changed.revision > 0)
            .map(|changed| ((&changed.instrument, changed.open_time), changed.revision))
            .collect();
        if corrected.is_empty() {
            return Ok(Vec::new());
        }
        let places = commit.closed.iter().enumerate().filter_map(|(at, write)| {
            let revision = corrected.get(&(&write.instrument, write.candle.open_time))?;
            Some((at, *revision))
        });
        Ok(places.collect())
    }
}

impl Database {
    pub(super) async fn number(
        &self,
        key: &InstrumentKey,
    ) -> Result<Option<InstrumentId>, StoreFault> {
        let instrument = self.reached()?.instrument(key).await.map_err(fault)?;
        Ok(instrument.map(|instrument| instrument.id))
    }
}

#[async_trait]
impl CandleHistory for Database {
    async fn minutes(
        &self,
        instrument: &InstrumentKey,
        from: Timestamp,
    ) -> Result<Vec<Candle>, StoreFault> {
        let Some(number) = self.number(instrument).await? else {
            return Ok(Vec::new());
        };
        let query = CandleQuery {
            instrument: number,
            asset: None,
            interval: Interval::Minute1,
            from: Some(from),
            to: None,
            limit: PAGE,
        };
        let page = self.reached()?.candles(&query).await.map_err(fault)?;
        let closed = page.candles.into_iter().filter(|stored| !stored.open);
        Ok(closed.map(|stored| stored.candle).collect())
    }

    async fn candle(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
        open_time: Timestamp,
    ) -> Result<Option<(Candle, u32)>, StoreFault> {
        let Some(number) = self.number(instrument).await? else {
            return Ok(None);
        };
        // From its minutes, because longer candles are brought up to date a moment later.
        let end = interval.end_of(open_time);
        let query = CandleQuery {
            instrument: number,
            asset: None,
            interval: Interval::Minute1,
            from: Some(open_time),
            to: Some(end),
            limit: PAGE,
        };
        let page = self.reached()?.candles(&query).await.map_err(fault)?;
        if page.candles.iter().any(|stored| stored.open) {
            return Ok(None);
        }
        let revision = page.candles.iter().map(|stored| stored.revision).sum();
        let minutes: Vec<Candle> = page
            .candles
            .into_iter()
            .map(|stored| stored.candle)
            .collect();
        let touched = page.gaps.iter().any(|gap| gap.touches(open_time, end));
        let candle = derive(&minutes, interval).pop();
        Ok(candle.map(|candle| {
            (
                Candle {
                    complete: candle.complete && !touched,
                    ..candle
                },
                revision,
            )
        }))
    }
}
