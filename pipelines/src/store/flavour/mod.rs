//! The one place that knows how TimescaleDB and plain PostgreSQL differ: which migrations, how the
//! longer candles are kept up to date, how old minutes go, and what a commit must do besides
//! writing rows. Everything else is one SQL dialect.

mod detect;
mod plain;
mod timescale;

use tokio_postgres::Row;

pub(super) use detect::detect;

use super::error::StoreError;
use super::pool::{ConnectionPool, query};
use super::rows::Upkeep;
use crate::market::{Interval, Timestamp};

/// Which of the two the database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flavour {
    /// Hypertables, compression, continuous aggregates.
    Timescale,
    /// Monthly partitions, aggregate tables that a job keeps up to date, no compression.
    Plain,
}

impl Flavour {
    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timescale => "TimescaleDB",
            Self::Plain => "plain PostgreSQL",
        }
    }

    /// Drawback of this flavour, for `doctor` and `/health`.
    #[must_use]
    pub const fn cost(self) -> &'static str {
        match self {
            Self::Timescale => "nothing: candles older than a week are compressed",
            Self::Plain => {
                "no compression: a year of 1-minute candles of one instrument takes about 75 MB instead of 10; \
                 everything else works the same"
            }
        }
    }

    /// More settings for each session of the pool.
    pub(super) const fn session_settings(self) -> &'static str {
        match self {
            // A correction of an old minute touches a compressed batch of up to a thousand rows an
            // instrument; the default limit is meant for statements without a key.
            Self::Timescale => "SET timescaledb.max_tuples_decompressed_per_dml_transaction = 0;",
            // With a partition a month, planning a statement for its very values takes several times as
            // long as running it; the plan for any values is the same.
            Self::Plain => "SET plan_cache_mode = force_generic_plan;",
        }
    }

    /// The condition under which a changed minute (`open_time`) leaves the longer candles stale.
    pub(super) const fn stale_when(self) -> &'static str {
        match self {
            Self::Timescale => timescale::STALE_WHEN,
            Self::Plain => "true",
        }
    }

    /// Makes room for candles of these times. Does nothing where the extension does it.
    pub(super) async fn make_room(
        self,
        pool: &ConnectionPool,
        months: &plain::KnownMonths,
        times: impl Iterator<Item = Timestamp> + Send,
    ) -> Result<(), StoreError> {
        match self {
            Self::Timescale => Ok(()),
            Self::Plain => plain::make_room(pool, months, times).await,
        }
    }

    /// Makes room for forecasts that rest on candles of these times.
    pub(super) async fn make_room_for_forecasts(
        self,
        pool: &ConnectionPool,
        times: impl Iterator<Item = Timestamp> + Send,
    ) -> Result<(), StoreError> {
        match self {
            Self::Timescale => Ok(()),
            Self::Plain => plain::make_room_for_forecasts(pool, times).await,
        }
    }

    /// Brings stale longer candles up to date and drops what is past the retention; bounded work
    /// per call.
    pub(super) async fn keep_up(
        self,
        pool: &ConnectionPool,
        months: &plain::KnownMonths,
        now: Timestamp,
    ) -> Result<Upkeep, StoreError> {
        match self {
            Self::Timescale => timescale::keep_up(pool, now).await,
            Self::Plain => plain::keep_up(pool, months, now).await,
        }
    }
}

pub(super) use plain::KnownMonths;

/// The table or view that holds candles of this length.
pub(super) const fn table(interval: Interval) -> &'static str {
    match interval {
        Interval::Minute1 => "price_data",
        Interval::Minute5 => "price_5m",
        Interval::Minute15 => "price_15m",
        Interval::Hour1 => "price_1h",
        Interval::Hour4 => "price_4h",
        Interval::Day1 => "price_1d",
    }
}

/// The interval as PostgreSQL writes it.
pub(super) const fn sql_interval(interval: Interval) -> &'static str {
    match interval {
        Interval::Minute1 => "1 minute",
        Interval::Minute5 => "5 minutes",
        Interval::Minute15 => "15 minutes",
        Interval::Hour1 => "1 hour",
        Interval::Hour4 => "4 hours",
        Interval::Day1 => "1 day",
    }
}

/// The select list that turns 1-minute rows into one longer candle, in the columns' usual order
/// after `open_time`. Works on both; on TimescaleDB only where no aggregate exists.
pub(super) const COMBINED: &str = "(array_agg(open ORDER BY open_time))[1] AS open, \
     max(high) AS high, min(low) AS low, \
     (array_agg(close ORDER BY open_time DESC))[1] AS close, \
     sum(volume) AS volume, sum(quote_volume) AS quote_volume, \
     sum(taker_buy_volume) AS taker_buy_volume, sum(trades)::bigint AS trades, \
     bool_and(complete) AS complete, sum(revision)::bigint AS revision";

/// The time for which 1-minute candles are kept; the migrations say the same.
pub(super) const RETENTION: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);

/// The time for which forecasts are kept; the migrations say the same.
pub(super) const FORECAST_RETENTION: std::time::Duration =
    std::time::Duration::from_secs(2 * 365 * 86_400);

/// A stale range of an instrument's day, as read for upkeep.
pub(super) struct DirtyRange {
    pub(super) instrument: i32,
    pub(super) day: chrono::NaiveDate,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) stamp: i64,
}

impl DirtyRange {
    fn read(row: &Row) -> Self {
        Self {
            instrument: row.get(0),
            day: row.get(1),
            from: Timestamp::from_utc(row.get(2)),
            to: Timestamp::from_utc(row.get(3)),
            stamp: row.get(4),
        }
    }
}

/// The oldest-written stale ranges, at most `limit`.
async fn dirty_ranges<C: deadpool_postgres::GenericClient>(
    session: &C,
    limit: i64,
    locking: &str,
) -> Result<Vec<DirtyRange>, StoreError> {
    let sql = format!(
        "SELECT instrument_id, day, from_time, to_time, stamp FROM dirty_ranges \
         ORDER BY stamp LIMIT $1 {locking}"
    );
    let rows = query(session, "read the stale ranges", &sql, &[&limit]).await?;
    Ok(rows.iter().map(DirtyRange::read).collect())
}

/// Removes the ranges that have not grown since they were read.
async fn forget_ranges<C: deadpool_postgres::GenericClient>(
    session: &C,
    ranges: &[DirtyRange],
) -> Result<(), StoreError> {
    let instruments: Vec<i32> = ranges.iter().map(|range| range.instrument).collect();
    let days: Vec<chrono::NaiveDate> = ranges.iter().map(|range| range.day).collect();
    let stamps: Vec<i64> = ranges.iter().map(|range| range.stamp).collect();
    let sql = "DELETE FROM dirty_ranges d \
               USING unnest($1::int[], $2::date[], $3::bigint[]) AS done (instrument_id, day, stamp) \
               WHERE (d.instrument_id, d.day, d.stamp) = (done.instrument_id, done.day, done.stamp)";
    super::pool::execute(
        session,
        "forget the refreshed ranges",
        sql,
        &[&instruments, &days, &stamps],
    )
    .await
    .map(|_| ())
}
