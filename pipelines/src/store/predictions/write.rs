//! Writing forecasts, outcomes and states in one transaction. All of it is absolute, so writing it
//! twice changes nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use rust_decimal::Decimal;

use super::{Forecast, ForecastCommit, ForecastSeries, Settlement};
use crate::market::Timestamp;
use crate::store::Store;
use crate::store::error::{StoreError, failed};
use crate::store::pool::{execute, query};

/// Rows per statement.
const ROWS_PER_STATEMENT: usize = 4_096;

const INSERT: &str = "INSERT INTO predictions AS old (instrument_id, interval, horizon, open_time, \
         target_time, model, method, base_price, expected_return, price, \
         low_50, high_50, low_80, high_80, low_95, high_95, made_at) \
     SELECT $1, $2, * FROM unnest($3::int[], $4::timestamptz[], $5::timestamptz[], $6::text[], \
         $7::text[], $8::numeric[], $9::float8[], $10::numeric[], $11::numeric[], $12::numeric[], \
         $13::numeric[], $14::numeric[], $15::numeric[], $16::numeric[], $17::timestamptz[]) \
     ON CONFLICT (instrument_id, interval, horizon, open_time) DO UPDATE SET \
         model = excluded.model, method = excluded.method, base_price = excluded.base_price, \
         expected_return = excluded.expected_return, price = excluded.price, \
         low_50 = excluded.low_50, high_50 = excluded.high_50, \
         low_80 = excluded.low_80, high_80 = excluded.high_80, \
         low_95 = excluded.low_95, high_95 = excluded.high_95, \
         made_at = excluded.made_at, revision = old.revision + 1 \
     WHERE excluded.made_at < old.target_time \
       AND (old.model, old.method, old.base_price, old.expected_return, old.price, old.low_50, \
            old.high_50, old.low_80, old.high_80, old.low_95, old.high_95) \
       IS DISTINCT FROM (excluded.model, excluded.method, excluded.base_price, \
            excluded.expected_return, excluded.price, excluded.low_50, excluded.high_50, \
            excluded.low_80, excluded.high_80, excluded.low_95, excluded.high_95)";

const SETTLE: &str = "UPDATE predictions p SET actual_price = s.price, \
         actual_return = ln((s.price / p.base_price)::float8), realised_at = $6 \
     FROM unnest($3::int[], $4::timestamptz[], $5::numeric[]) AS s (horizon, open_time, price) \
     WHERE p.instrument_id = $1 AND p.interval = $2 AND p.horizon = s.horizon \
       AND p.open_time = s.open_time AND p.actual_price IS DISTINCT FROM s.price";

const KEEP: &str = "INSERT INTO forecast_states (instrument_id, interval, model, open_time, state, \
         inputs) \
     SELECT $1, $2, $3, * FROM unnest($4::timestamptz[], $5::bytea[], $6::bytea[]) \
     ON CONFLICT (instrument_id, interval, model, open_time) DO UPDATE SET \
         state = excluded.state, inputs = excluded.inputs, updated_at = now()";

const DROP: &str = "DELETE FROM forecast_states WHERE instrument_id = $1 AND interval = $2 \
     AND NOT (model = $3 AND open_time = ANY($4::timestamptz[]))";

impl Store {
    /// Writes forecasts, outcomes and states in one transaction: all of it is there afterwards, or
    /// nothing. Answers how many forecasts are new or different. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn commit_forecasts(&self, commit: &ForecastCommit) -> Result<u64, StoreError> {
        let times = commit.forecasts.iter().map(|forecast| forecast.open_time);
        self.flavour
            .make_room_for_forecasts(&self.pool, times)
            .await?;
        let mut session = self.pool.get().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("begin to write forecasts"))?;
        let mut changed = 0;
        for chunk in commit.forecasts.chunks(ROWS_PER_STATEMENT) {
            changed += write_forecasts(&transaction, &commit.series, chunk).await?;
        }
        for chunk in commit.settlements.chunks(ROWS_PER_STATEMENT) {
            settle(&transaction, &commit.series, chunk, commit.now).await?;
        }
        write_states(&transaction, commit).await?;
        transaction
            .commit()
            .await
            .map_err(failed("commit forecasts"))?;
        Ok(changed)
    }
}

async fn write_forecasts(
    transaction: &Transaction<'_>,
    series: &ForecastSeries,
    forecasts: &[Forecast],
) -> Result<u64, StoreError> {
    // One statement must not meet a row twice: the last one counts.
    let rows: BTreeMap<_, &Forecast> = forecasts
        .iter()
        .map(|forecast| ((forecast.horizon, forecast.open_time), forecast))
        .collect();
    let horizons: Vec<i32> = column(&rows, |f| horizon(f.horizon));
    let opens: Vec<DateTime<Utc>> = column(&rows, |f| f.open_time.to_utc());
    let targets: Vec<DateTime<Utc>> = column(&rows, |f| f.target_time.to_utc());
    let models: Vec<&str> = rows.values().map(|f| f.model.as_str()).collect();
    let methods: Vec<&str> = rows.values().map(|f| f.method.as_str()).collect();
    let bases: Vec<Decimal> = column(&rows, |f| f.base_price);
    let returns: Vec<f64> = column(&rows, |f| f.expected_return);
    let prices: Vec<Decimal> = column(&rows, |f| f.price);
    let ranges: [Vec<Option<Decimal>>; 6] = std::array::from_fn(|at| {
        column(&rows, |f| {
            let range = f.ranges?[at / 2];
            Some(if at % 2 == 0 { range.low } else { range.high })
        })
    });
    let made: Vec<DateTime<Utc>> = column(&rows, |f| f.made_at.to_utc());
    let [low_50, high_50, low_80, high_80, low_95, high_95] = &ranges;
    execute(
        transaction,
        "write forecasts",
        INSERT,
        &[
            &series.instrument.0,
            &series.interval.name(),
            &horizons,
            &opens,
            &targets,
            &models,
            &methods,
            &bases,
            &returns,
            &prices,
            low_50,
            high_50,
            low_80,
            high_80,
            low_95,
            high_95,
            &made,
        ],
    )
    .await
}

fn column<T>(
    rows: &BTreeMap<(u32, Timestamp), &Forecast>,
    pick: impl Fn(&Forecast) -> T,
) -> Vec<T> {
    rows.values().map(|forecast| pick(forecast)).collect()
}

/// A horizon as the column holds it; none is near 2^31 candles.
pub(super) fn horizon(candles: u32) -> i32 {
    i32::try_from(candles).unwrap_or(i32::MAX)
}

async fn settle(
    transaction: &Transaction<'_>,
    series: &ForecastSeries,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: BTreeMap<_, Decimal> = settlements
        .iter()
        .map(|settled| ((settled.horizon, settled.open_time), settled.price))
        .collect();
    let horizons: Vec<i32> = rows.keys().map(|(candles, _)| horizon(*candles)).collect();
    let opens: Vec<DateTime<Utc>> = rows.keys().map(|(_, open)| open.to_utc()).collect();
    let prices: Vec<Decimal> = rows.values().copied().collect();
    execute(
        transaction,
        "write the outcomes of forecasts",
        SETTLE,
        &[
            &series.instrument.0,
            &series.interval.name(),
            &horizons,
            &opens,
            &prices,
            &now.to_utc(),
        ],
    )
    .await
    .map(|_| ())
}

async fn write_states(
    transaction: &Transaction<'_>,
    commit: &ForecastCommit,
) -> Result<(), StoreError> {
    let series = (&commit.series.instrument.0, commit.series.interval.name());
    let states: BTreeMap<_, _> = commit
        .states
        .iter()
        .map(|state| (state.open_time, state))
        .collect();
    let opens: Vec<DateTime<Utc>> = states.keys().map(|open| open.to_utc()).collect();
    let bytes: Vec<&[u8]> = states.values().map(|s| s.state.as_slice()).collect();
    let inputs: Vec<&[u8]> = states.values().map(|s| s.inputs.as_slice()).collect();
    query(
        transaction,
        "keep the state of a model",
        KEEP,
        &[series.0, &series.1, &commit.model, &opens, &bytes, &inputs],
    )
    .await?;
    let keep: Vec<DateTime<Utc>> = commit.keep.iter().map(|open| open.to_utc()).collect();
    query(
        transaction,
        "drop old states of models",
        DROP,
        &[series.0, &series.1, &commit.model, &keep],
    )
    .await?;
    Ok(())
}
