//! What the predictor and the trainer ask of the store, answered by the database as it is at the
//! moment.

use async_trait::async_trait;
use coinsphere_actors::predictor::ForecastStore;
use coinsphere_actors::store::StoreFault;
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Timestamp};
use coinsphere_pipelines::store::{ForecastCommit, ForecastSeries, ForecastState};

use crate::app::database::Database;
use crate::app::store::fault;

/// Candles read at a time.
const PAGE: usize = 5_000;

#[async_trait]
impl ForecastStore for Database {
    async fn series(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
    ) -> Result<Option<ForecastSeries>, StoreFault> {
        let number = self.number(instrument).await?;
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
        let page = self
            .reached()?
            .closed_candles(series.instrument, series.interval, from, PAGE)
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
        let found = self.reached()?.forecast_state(series, version, until).await;
        found.map_err(fault)
    }

    async fn state_times(
        &self,
        series: &ForecastSeries,
        version: &str,
    ) -> Result<Vec<Timestamp>, StoreFault> {
        let found = self.reached()?.forecast_state_times(series, version).await;
        found.map_err(fault)
    }

    async fn commit(&self, commit: &ForecastCommit) -> Result<u64, StoreFault> {
        self.reached()?
            .commit_forecasts(commit)
            .await
            .map_err(fault)
    }
}
