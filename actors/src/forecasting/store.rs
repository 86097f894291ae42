//! The forecasts' interface to a store. The program's database implements it; tests have one in
//! memory.

use async_trait::async_trait;
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Timestamp};
use coinsphere_pipelines::store::{ForecastCommit, ForecastSeries, ForecastState};

use crate::market::candle_store::StoreFault;

/// The forecasts' interface to a store.
#[async_trait]
pub trait ForecastStore: Send + Sync + 'static {
    /// The series of an instrument's candles; `None` if there is no such instrument.
    ///
    /// # Errors
    /// When the store is away.
    async fn series(
        &self,
        instrument: &InstrumentKey,
        interval: Interval,
    ) -> Result<Option<ForecastSeries>, StoreFault>;

    /// A page of closed candles from `from` on, ascending, and where the next begins.
    ///
    /// # Errors
    /// When the store is away.
    async fn closed(
        &self,
        series: &ForecastSeries,
        from: Timestamp,
    ) -> Result<(Vec<Candle>, Option<Timestamp>), StoreFault>;

    /// The newest state of a version whose last candle opened at or before `until`.
    ///
    /// # Errors
    /// When the store is away.
    async fn state(
        &self,
        series: &ForecastSeries,
        version: &str,
        until: Option<Timestamp>,
    ) -> Result<Option<ForecastState>, StoreFault>;

    /// The last candles of all states kept of a version.
    ///
    /// # Errors
    /// When the store is away.
    async fn state_times(
        &self,
        series: &ForecastSeries,
        version: &str,
    ) -> Result<Vec<Timestamp>, StoreFault>;

    /// Writes forecasts, outcomes and states in one transaction.
    ///
    /// # Errors
    /// When nothing was written.
    async fn commit(&self, commit: &ForecastCommit) -> Result<u64, StoreFault>;
}
