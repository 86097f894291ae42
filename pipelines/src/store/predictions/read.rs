//! Reading forecasts and what came of them.

use rust_decimal::Decimal;
use tokio_postgres::Row;

use super::write::horizon;
use super::{Forecast, ForecastQuery, ForecastSeries, Outcome, PriceRange, StoredForecast};
use crate::market::Timestamp;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::pool::query;
use crate::store::rows::MAX_PAGE;

const COLUMNS: &str = "horizon, open_time, target_time, model, method, base_price, \
     expected_return, price, low_50, high_50, low_80, high_80, low_95, high_95, made_at, revision, \
     actual_price, actual_return, realised_at";

impl Store {
    /// The newest forecast for each of these horizons that there is one for.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn newest_forecasts(
        &self,
        series: &ForecastSeries,
        horizons: &[u32],
    ) -> Result<Vec<StoredForecast>, StoreError> {
        let sql = format!(
            "SELECT newest.* FROM unnest($3::int[]) AS wanted CROSS JOIN LATERAL ( \
                 SELECT {COLUMNS} FROM predictions \
                 WHERE instrument_id = $1 AND interval = $2 AND horizon = wanted \
                 ORDER BY open_time DESC LIMIT 1) AS newest ORDER BY newest.horizon"
        );
        let horizons: Vec<i32> = horizons.iter().map(|candles| horizon(*candles)).collect();
        let session = self.pool.get().await?;
        let rows = query(
            &session,
            "read the newest forecasts",
            &sql,
            &[&series.instrument.0, &series.interval.name(), &horizons],
        )
        .await?;
        rows.iter().map(stored).collect()
    }

    /// A page of forecasts for one horizon, newest first.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn forecasts(
        &self,
        asked: &ForecastQuery,
    ) -> Result<Vec<StoredForecast>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM predictions \
             WHERE instrument_id = $1 AND interval = $2 AND horizon = $3 AND open_time < $4 \
               AND ($5::text IS NULL OR model = $5) \
               AND (NOT $6 OR (actual_price IS NOT NULL AND made_at < target_time)) \
             ORDER BY open_time DESC LIMIT $7"
        );
        let session = self.pool.get().await?;
        // At most MAX_PAGE, far below 2^63.
        let limit = asked.limit.clamp(1, MAX_PAGE) as i64;
        let rows = query(
            &session,
            "read forecasts",
            &sql,
            &[
                &asked.series.instrument.0,
                &asked.series.interval.name(),
                &horizon(asked.horizon),
                &asked.before.unwrap_or(Timestamp::MAX).to_utc(),
                &asked.model,
                &asked.realised_only,
                &limit,
            ],
        )
        .await?;
        rows.iter().map(stored).collect()
    }
}

fn stored(row: &Row) -> Result<StoredForecast, StoreError> {
    let number = |column: usize| {
        row.try_get::<_, Decimal>(column)
            .map(|value| value.normalize())
            .map_err(|error| StoreError::Unreadable(error.to_string()))
    };
    let count = |column: usize| u32::try_from(row.get::<_, i32>(column)).unwrap_or(0);
    let time = |column: usize| Timestamp::from_utc(row.get(column));
    let range = |column: usize| {
        Ok::<_, StoreError>(PriceRange {
            low: number(column)?,
            high: number(column + 1)?,
        })
    };
    let ranges = match row.get::<_, Option<Decimal>>(8) {
        None => None,
        Some(_) => Some([range(8)?, range(10)?, range(12)?]),
    };
    let outcome = row.get::<_, Option<Decimal>>(16).map(|price| Outcome {
        price: price.normalize(),
        log_return: row.get(17),
        realised_at: time(18),
    });
    Ok(StoredForecast {
        forecast: Forecast {
            horizon: count(0),
            open_time: time(1),
            target_time: time(2),
            model: row.get(3),
            method: row.get(4),
            base_price: number(5)?,
            expected_return: row.get(6),
            price: number(7)?,
            ranges,
            made_at: time(14),
        },
        revision: count(15),
        outcome,
    })
}
