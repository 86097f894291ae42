//! Reading back where a model's inference stands.

use super::{ForecastSeries, ForecastState};
use crate::market::Timestamp;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::pool::query;

impl Store {
    /// The newest state of a model whose last candle opened at or before `until` (`None`: the newest
    /// of all).
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn forecast_state(
        &self,
        series: &ForecastSeries,
        model: &str,
        until: Option<Timestamp>,
    ) -> Result<Option<ForecastState>, StoreError> {
        let sql = "SELECT open_time, state, inputs FROM forecast_states \
                   WHERE instrument_id = $1 AND interval = $2 AND model = $3 AND open_time <= $4 \
                   ORDER BY open_time DESC LIMIT 1";
        let session = self.pool.get().await?;
        let rows = query(
            &session,
            "read the state of a model",
            sql,
            &[
                &series.instrument.0,
                &series.interval.name(),
                &model,
                &until.unwrap_or(Timestamp::MAX).to_utc(),
            ],
        )
        .await?;
        Ok(rows.first().map(|row| ForecastState {
            open_time: Timestamp::from_utc(row.get(0)),
            state: row.get(1),
            inputs: row.get(2),
        }))
    }

    /// The opening times of the last candles of all states kept of a model, ascending.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn forecast_state_times(
        &self,
        series: &ForecastSeries,
        model: &str,
    ) -> Result<Vec<Timestamp>, StoreError> {
        let sql = "SELECT open_time FROM forecast_states \
                   WHERE instrument_id = $1 AND interval = $2 AND model = $3 ORDER BY open_time";
        let session = self.pool.get().await?;
        let rows = query(
            &session,
            "list the states of a model",
            sql,
            &[&series.instrument.0, &series.interval.name(), &model],
        )
        .await?;
        Ok(rows
            .iter()
            .map(|row| Timestamp::from_utc(row.get(0)))
            .collect())
    }
}
