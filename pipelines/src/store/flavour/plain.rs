//! Plain PostgreSQL: monthly partitions made when needed and dropped when old, and aggregate
//! tables rebuilt where `dirty_ranges` says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use chrono::Datelike as _;
use deadpool_postgres::GenericClient;

use super::{
    COMBINED, FORECAST_RETENTION, RETENTION, dirty_ranges, forget_ranges, sql_interval, table,
};
use crate::market::{Interval, Timestamp};
use crate::store::error::{StoreError, failed};
use crate::store::pool::{ConnectionPool, execute, query};
use crate::store::rows::Upkeep;

/// Number of instrument-days that one call brings up to date: well under a second of work, during
/// which a commit that touches the same days waits.
const RANGES_PER_CALL: i64 = 128;

/// The months whose partition is known to exist. Others are asked for before they are written to.
#[derive(Debug, Default)]
pub(in crate::store) struct KnownMonths(Mutex<BTreeSet<(i32, u32)>>);

impl KnownMonths {
    /// Forgets all: another process has dropped one.
    pub(in crate::store) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<(i32, u32)>> {
        // A panic while a set of numbers is held leaves a usable set.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Makes the partitions that candles of these times need.
pub(super) async fn make_room(
    pool: &ConnectionPool,
    known: &KnownMonths,
    times: impl Iterator<Item = Timestamp> + Send,
) -> Result<(), StoreError> {
    let missing: BTreeMap<(i32, u32), Timestamp> = {
        let known = known.lock();
        times
            .map(|time| {
                let utc = time.to_utc();
                ((utc.year(), utc.month()), time)
            })
            .filter(|(month, _)| !known.contains(month))
            .collect()
    };
    if missing.is_empty() {
        return Ok(());
    }
    let session = pool.get().await?;
    for (month, time) in missing {
        let sql = "SELECT ensure_price_partition($1)";
        query(&session, "make a partition", sql, &[&time.to_utc()]).await?;
        known.lock().insert(month);
    }
    Ok(())
}

/// Makes the partitions that forecasts at these times need. There is one a year, so asking each time
/// costs next to nothing.
pub(super) async fn make_room_for_forecasts(
    pool: &ConnectionPool,
    times: impl Iterator<Item = Timestamp> + Send,
) -> Result<(), StoreError> {
    let years: BTreeMap<i32, Timestamp> = times.map(|time| (time.to_utc().year(), time)).collect();
    if years.is_empty() {
        return Ok(());
    }
    let session = pool.get().await?;
    for time in years.into_values() {
        let sql = "SELECT ensure_prediction_partition($1)";
        query(&session, "make a partition", sql, &[&time.to_utc()]).await?;
    }
    Ok(())
}

/// Rebuilds the aggregates of up to [`RANGES_PER_CALL`] instrument-days; when none are left, drops
/// old partitions.
pub(super) async fn keep_up(
    pool: &ConnectionPool,
    known: &KnownMonths,
    now: Timestamp,
) -> Result<Upkeep, StoreError> {
    let mut session = pool.get().await?;
    let transaction = session
        .transaction()
        .await
        .map_err(failed("begin the upkeep"))?;
    // Days that a commit is adding to at this moment are left for the next call: no waiting, and
    // so no deadlock.
    let ranges = dirty_ranges(&transaction, RANGES_PER_CALL, "FOR UPDATE SKIP LOCKED").await?;
    let mut done = Upkeep {
        refreshed_ranges: ranges.len() as u64,
        more: ranges.len() as i64 == RANGES_PER_CALL,
        ..Upkeep::default()
    };
    if ranges.is_empty() {
        drop(transaction);
        done.dropped_partitions = drop_old(&session, known, now).await?;
        return Ok(done);
    }
    let instruments: Vec<i32> = ranges.iter().map(|range| range.instrument).collect();
    let kept_from = (now - RETENTION).to_utc();
    // Each length from the one below, which this loop has just brought up to date.
    for pair in Interval::ALL.windows(2) {
        let (source, interval) = (pair[0], pair[1]);
        let bounds = |edge: fn(Interval, Timestamp) -> Timestamp,
                      pick: fn(&super::DirtyRange) -> Timestamp| {
            ranges
                .iter()
                .map(|range| edge(interval, pick(range)).to_utc())
                .collect::<Vec<_>>()
        };
        let from = bounds(Interval::open_of, |range| range.from);
        let to = bounds(ceiling, |range| range.to);
        done.rewritten_aggregates += execute(
            &transaction,
            "rebuild longer candles",
            &rebuild(source, interval),
            &[&instruments, &from, &to, &kept_from],
        )
        .await?;
    }
    forget_ranges(&transaction, &ranges).await?;
    transaction
        .commit()
        .await
        .map_err(failed("commit the upkeep"))?;
    Ok(done)
}

/// Rebuilds the candles of one length in the given ranges from shorter ones. A candle from before
/// the retention is only replaced by one that holds at least as many trades: some of its minutes
/// may have been dropped.
fn rebuild(source: Interval, interval: Interval) -> String {
    let (source, table, bucket) = (table(source), table(interval), sql_interval(interval));
    format!(
        "INSERT INTO {table} AS kept (instrument_id, open_time, open, high, low, close, volume, \
             quote_volume, taker_buy_volume, trades, complete, revision) \
         SELECT ranges.instrument_id, fresh.* \
         FROM unnest($1::int[], $2::timestamptz[], $3::timestamptz[]) AS ranges (instrument_id, from_time, to_time) \
         CROSS JOIN LATERAL ( \
             SELECT date_bin('{bucket}', open_time, 'epoch'::timestamptz) AS bucket, {COMBINED} \
             FROM {source} p \
             WHERE p.instrument_id = ranges.instrument_id \
               AND p.open_time >= ranges.from_time AND p.open_time < ranges.to_time \
             GROUP BY bucket) AS fresh \
         ON CONFLICT (instrument_id, open_time) DO UPDATE SET \
             open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, \
             volume = excluded.volume, quote_volume = excluded.quote_volume, \
             taker_buy_volume = excluded.taker_buy_volume, trades = excluded.trades, \
             complete = excluded.complete, revision = excluded.revision \
         WHERE kept.open_time >= $4 OR excluded.trades >= kept.trades"
    )
}

fn ceiling(interval: Interval, time: Timestamp) -> Timestamp {
    let open = interval.open_of(time);
    if open == time {
        time
    } else {
        interval.end_of(open)
    }
}

async fn drop_old<C: GenericClient>(
    session: &C,
    known: &KnownMonths,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let before = (now - RETENTION).to_utc();
    let sql = "SELECT drop_price_partitions($1)";
    let rows = query(session, "drop old partitions", sql, &[&before]).await?;
    let dropped: i32 = rows.first().map_or(0, |row| row.get(0));
    if dropped > 0 {
        known.clear();
        tracing::info!(dropped, %before, "dropped partitions of 1-minute candles past the retention");
    }
    let forecasts_before = (now - FORECAST_RETENTION).to_utc();
    let sql = "SELECT drop_prediction_partitions($1)";
    let rows = query(session, "drop old forecasts", sql, &[&forecasts_before]).await?;
    let forgotten: i32 = rows.first().map_or(0, |row| row.get(0));
    if forgotten > 0 {
        tracing::info!(forgotten, before = %forecasts_before, "dropped partitions of forecasts past the retention");
    }
    Ok(u64::try_from(dropped + forgotten).unwrap_or(0))
}
