//! TimescaleDB: policies of the extension compress, drop and refresh; ours is only the refresh of
//! what changes where no policy will look again.

use std::collections::BTreeMap;

use super::{RETENTION, dirty_ranges, forget_ranges, sql_interval, table};
use crate::market::{Interval, Timestamp};
use crate::store::error::{StoreError, failed};
use crate::store::rows::Upkeep;
use crate::store::sessions::{Sessions, query};

/// A minute is stale in the continuous aggregates when it lies below what they have materialised
/// (above it they read the minutes themselves), or before the window of their refresh policies
/// (30 days), which soon will have been passed over. The catalogue is the documented place of the
/// watermark and readable by everyone.
pub(super) const STALE_WHEN: &str = "changed.open_time < greatest( \
     now() - INTERVAL '29 days', \
     (SELECT CASE WHEN max(watermark) > 0 THEN to_timestamp(max(watermark) / 1000000.0) END \
      FROM _timescaledb_catalog.continuous_aggs_watermark))";

/// How many instrument-days one call looks at.
const RANGES_PER_CALL: i64 = 512;

/// How many separate stretches of time one call refreshes, each at five levels.
const STRETCHES_PER_CALL: usize = 8;

/// Refreshes exactly the stale stretches at each level, the shortest first. A refresh may not run
/// in a transaction; the ranges are forgotten afterwards, and refreshing one twice changes nothing.
pub(super) async fn keep_up(sessions: &Sessions, now: Timestamp) -> Result<Upkeep, StoreError> {
    let ranges = {
        let session = sessions.get().await?;
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

    let mut owner = sessions.owner().await?;
    for &(from, to) in chosen.values() {
        if from < now - RETENTION && !minutes_are_whole(owner.client(), from, to).await? {
            // Refreshing over dropped minutes would delete the history that was made of them.
            continue;
        }
        for interval in Interval::ALL.into_iter().skip(1) {
            refresh(owner.client(), interval, from, to).await?;
        }
    }
    owner.close().await;

    let (refreshed, waiting): (Vec<_>, Vec<_>) = ranges
        .into_iter()
        .partition(|range| chosen.contains_key(&range.day));
    let session = sessions.get().await?;
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
) -> Result<(), StoreError> {
    let from = interval.open_of(from);
    // `to` is the exclusive end of a minute: the last bucket is the one that minute is in.
    let to = interval.end_of(interval.open_of(to - Interval::Minute1.duration()));
    let sql = format!(
        "CALL refresh_continuous_aggregate('{}', '{}'::timestamptz, '{}'::timestamptz)",
        table(interval),
        from.to_utc().to_rfc3339(),
        to.to_utc().to_rfc3339(),
    );
    tracing::debug!(view = table(interval), %from, %to, bucket = sql_interval(interval), "refreshing");
    owner
        .batch_execute(&sql)
        .await
        .map_err(failed("refresh longer candles"))
}

/// Whether the minutes of these days still hold every trade that the daily candles count.
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
