//! The database: kept reachable, and what the actors ask of it, answered as it is at the moment.

mod catalog;
mod keeper;

use std::collections::HashMap;

use async_trait::async_trait;
use coinsphere_pipelines::candles::{Checkpoint, Commit, derive};
use coinsphere_pipelines::log::{EventLog, Offset};
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Timestamp};
use coinsphere_pipelines::store::{
    CandleQuery, ForecastCommit, ForecastSeries, ForecastState, InstrumentId, Store, StoreError,
    StoreSource,
};

pub use keeper::{Database, DatabaseError, DatabasePlace, Keeper, START};

use crate::forecasting::store::ForecastStore;
use crate::market::candle_store::{CandleStore, StoreFault};
use crate::push::pusher::CandleHistory;

/// Candles read at a time.
const CANDLES: usize = 5_000;

/// Minutes read at a time.
const MINUTES: usize = 1_440;

fn reached(source: &impl StoreSource) -> Result<Store, StoreFault> {
    source
        .store()
        .ok_or_else(|| StoreFault::new("the database has not been reached yet".to_owned(), true))
}

async fn number(
    source: &impl StoreSource,
    key: &InstrumentKey,
) -> Result<Option<InstrumentId>, StoreFault> {
    let instrument = reached(source)?.instrument(key).await.map_err(fault)?;
    Ok(instrument.map(|instrument| instrument.id))
}

fn fault(error: StoreError) -> StoreFault {
    StoreFault::new(error.to_string(), error.is_retriable())
}

#[async_trait]
impl<S: StoreSource> CandleStore for S {
    async fn load(
        &self,
        log: &dyn EventLog,
        partition: u32,
    ) -> Result<(Option<Offset>, Vec<Checkpoint>), StoreFault> {
        let resume = reached(self)?
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
        let outcome = reached(self)?
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

#[async_trait]
impl<S: StoreSource> CandleHistory for S {
    async fn minutes(
        &self,
        instrument: &InstrumentKey,
        from: Timestamp,
    ) -> Result<Vec<Candle>, StoreFault> {
        let Some(number) = number(self, instrument).await? else {
            return Ok(Vec::new());
        };
        let query = CandleQuery {
            instrument: number,
            asset: None,
            interval: Interval::Minute1,
            from: Some(from),
            to: None,
            limit: MINUTES,
        };
        let page = reached(self)?.candles(&query).await.map_err(fault)?;
        let closed = page.candles.into_iter().filter(|stored| !stored.open);
        Ok(closed.map(|stored| stored.candle).collect())
    }

    async fn candle(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
        open_time: Timestamp,
    ) -> Result<Option<(Candle, u32)>, StoreFault> {
        let Some(number) = number(self, instrument).await? else {
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
            limit: MINUTES,
        };
        let page = reached(self)?.candles(&query).await.map_err(fault)?;
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

#[async_trait]
impl<S: StoreSource> ForecastStore for S {
    async fn series(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
    ) -> Result<Option<ForecastSeries>, StoreFault> {
        let number = number(self, instrument).await?;
        Ok(number.map(|instrument| ForecastSeries {
            instrument,
            interval,
        }))
    }

    async fn closed(
        &self,
        series: &ForecastSeries,
        from: Timestamp,
    ) -> Result<(Vec<Candle>, Option<Timestamp>), StoreFault> {
        let page = reached(self)?
            .closed_candles(series.instrument, series.interval, from, CANDLES)
            .await
            .map_err(fault)?;
        let candles = page.candles.into_iter().map(|stored| stored.candle);
        Ok((candles.collect(), page.next))
    }

    async fn state(
        &self,
        series: &ForecastSeries,
        version: &str,
        until: Option<Timestamp>,
    ) -> Result<Option<ForecastState>, StoreFault> {
        let found = reached(self)?.forecast_state(series, version, until).await;
        found.map_err(fault)
    }

    async fn state_times(
        &self,
        series: &ForecastSeries,
        version: &str,
    ) -> Result<Vec<Timestamp>, StoreFault> {
        let found = reached(self)?.forecast_state_times(series, version).await;
        found.map_err(fault)
    }

    async fn commit(&self, commit: &ForecastCommit) -> Result<u64, StoreFault> {
        reached(self)?.commit_forecasts(commit).await.map_err(fault)
    }
}
