//! TimescaleDB: policies of the extension compress, drop and refresh; ours is only the refresh of
//! what changes where no policy will look again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::{RETENTION, dirty_ranges, forget_ranges, table};
use crate::market::{Interval, Timestamp};
use crate::store::error::{StoreError, failed};
use crate::store::pool::{ConnectionPool, query};
use crate::store::rows::Upkeep;

/// When a minute that changes may leave the continuous aggregates stale: when a refresh may have
/// looked at its time already, or be looking at it while the change is not yet visible. Policies
/// look at nothing younger than 15 minutes, and no commit takes the 5 between; an operator's
/// refresh may have gone further, which the watermark tells (the catalogue is readable by all).
/// Above the watermark the aggregates read the minutes themselves.
pub(super) const STALE_WHEN: &str = "changed.open_time < greatest( \
     now() - INTERVAL '10 minutes', \
     (SELECT CASE WHEN max(watermark) > 0 THEN to_timestamp(max(watermark) / 1000000.0) END \
      FROM _timescaledb_catalog.continuous_aggs_watermark))";

/// Each level and how far its refresh policy stays behind; the migration says the same.
const LEVELS: [(Interval, Duration); 5] = [
    (Interval::Minute5, Duration::from_secs(15 * 60)),
    (Interval::Minute15, Duration::from_secs(30 * 60)),
    (Interval::Hour1, Duration::from_secs(2 * 3_600)),
    (Interval::Hour4, Duration::from_secs(8 * 3_600)),
    (Interval::Day1, Duration::from_secs(2 * 86_400)),
];

/// Number of instrument-days that one call looks at.
const RANGES_PER_CALL: i64 = 512;

/// Number of separate stretches of time that one call refreshes, each at five levels.
const STRETCHES_PER_CALL: usize = 8;

/// Refreshes exactly the stale stretches at each level, the shortest first. A refresh may not run
/// in a transaction; the ranges are forgotten afterwards, and refreshing one twice changes nothing.
pub(super) async fn keep_up(pool: &ConnectionPool, now: Timestamp) -> Result<Upkeep, StoreError> {
    let ranges = {
        let session = pool.get().await?;
        dirty_ranges(&session, RANGES_PER_CALL, "").await?
    };
    if ranges.is_empty() {
        return Ok(Upkeep::default());
    }
    // Instruments share the days: one refresh covers them all.
    let mut days = BTreeMap::new();
    for range in &ranges {
        let stretch = days.entry(range.day).or_insert((range.from, range.to));
        *stretch = (stretch.0.min(range.from), stretch.1.max(range.to));
    }
    let chosen: BTreeMap<_, _> = days.into_iter().take(STRETCHES_PER_CALL).collect();

    let mut owner = pool.owner().await?;
    for &(from, to) in chosen.values() {
        if from < now - RETENTION && !minutes_are_whole(owner.client(), from, to).await? {
            // Refreshing over dropped minutes would delete the history that was made of them.
            continue;
        }
        for (interval, behind) in LEVELS {
            // Not beyond what is or soon will be materialised: the candle of today would be stale
            // again with every minute.
            let until = watermark(owner.client(), interval)
                .await?
                .max(interval.open_of(now - behind));
            match refresh(owner.client(), interval, from, to, until).await {
                Err(StoreError::Statement { source, .. })
                    if source.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) =>
                {
                    return Ok(Upkeep {
                        deferred: true,
                        ..Upkeep::default()
                    });
                }
                outcome => outcome?,
            }
        }
    }
    owner.close().await;

    let (refreshed, waiting): (Vec<_>, Vec<_>) = ranges
        .into_iter()
        .partition(|range| chosen.contains_key(&range.day));
    let session = pool.get().await?;
    forget_ranges(&session, &refreshed).await?;
    let unread = query(
        &session,
        "look for stale ranges",
        "SELECT EXISTS (SELECT FROM dirty_ranges)",
        &[],
    )
    .await?
    .first()
    .is_some_and(|row| row.get(0));
    Ok(Upkeep {
        refreshed_ranges: refreshed.len() as u64,
        more: unread || !waiting.is_empty(),
        ..Upkeep::default()
    })
}

async fn refresh(
    owner: &tokio_postgres::Client,
    interval: Interval,
    from: Timestamp,
    to: Timestamp,
    until: Timestamp,
) -> Result<(), StoreError> {
    let from = interval.open_of(from);
    // `to` is the exclusive end of a minute: the last bucket is the one that minute is in.
    let to = interval.end_of(interval.open_of(to - Interval::Minute1.duration()));
    let to = to.min(interval.open_of(until));
    if from >= to {
        return Ok(());
    }
    // One pass: cut into batches, as 2.28 does it unless asked not to, a change that ends exactly
    // where a batch begins is left out (it takes the inclusive end of a change for an exclusive
    // one). Versions from 2.21 on, which know no batches here, take the options and ignore this.
    let sql = format!(
        "CALL refresh_continuous_aggregate('{}', '{}'::timestamptz, '{}'::timestamptz, \
             options => '{{\"buckets_per_batch\": 0}}')",
        table(interval),
        from.to_utc().to_rfc3339(),
        to.to_utc().to_rfc3339(),
    );
    tracing::debug!(view = table(interval), %from, %to, "refreshing");
    owner
        .batch_execute(&sql)
        .await
        .map_err(failed("refresh longer candles"))
}

/// Up to where a level is materialised; the beginning of time if it never was.
async fn watermark(
    owner: &tokio_postgres::Client,
    interval: Interval,
) -> Result<Timestamp, StoreError> {
    let sql = "SELECT w.watermark FROM _timescaledb_catalog.continuous_agg a \
               JOIN _timescaledb_catalog.continuous_aggs_watermark w \
                   ON w.mat_hypertable_id = a.mat_hypertable_id \
               WHERE a.user_view_schema = 'public' AND a.user_view_name = $1";
    let row = owner
        .query_opt(sql, &[&table(interval)])
        .await
        .map_err(failed("ask how far longer candles are materialised"))?;
    // Microseconds since 1970; far in the past if nothing is materialised.
    Ok(row
        .and_then(|row| Timestamp::from_micros(row.get(0)))
        .unwrap_or(Timestamp::MIN))
}

/// Returns whether the minutes of these days still hold every trade that the daily candles count.
async fn minutes_are_whole(
    owner: &tokio_postgres::Client,
    from: Timestamp,
    to: Timestamp,
) -> Result<bool, StoreError> {
    let day = Interval::Day1;
    let (from, to) = (
        day.open_of(from).to_utc(),
        day.end_of(day.open_of(to - Interval::Minute1.duration()))
            .to_utc(),
    );
    let sql = "SELECT NOT EXISTS ( \
                   SELECT FROM price_1d d \
                   WHERE d.open_time >= $1 AND d.open_time < $2 AND d.trades > ( \
                       SELECT coalesce(sum(p.trades), 0) FROM price_data p \
                       WHERE p.instrument_id = d.instrument_id \
                         AND p.open_time >= d.open_time AND p.open_time < d.open_time + INTERVAL '1 day'))";
    owner
        .query_one(sql, &[&from, &to])
        .await
        .map(|row| row.get(0))
        .map_err(failed("compare the daily candles with their minutes"))
}
