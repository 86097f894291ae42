//! Reading candles: one snapshot of everything that a page is made of.

use chrono::{DateTime, Utc};
use deadpool_postgres::{GenericClient, Transaction};
use tokio::try_join;
use tokio_postgres::{IsolationLevel, Row};

use super::gaps::unfilled;
use super::merge::{Kept, Sources, apply_gaps, page};
use crate::market::{Candle, Interval, Timestamp};
use crate::store::Store;
use crate::store::error::{StoreError, failed};
use crate::store::exact::Numeric;
use crate::store::flavour::{COMBINED, RETENTION, sql_interval, table};
use crate::store::rows::{CandlePage, CandleQuery, InstrumentId, MAX_PAGE};
use crate::store::sessions::query;

const COLUMNS: &str = "open_time, open, high, low, close, volume, quote_volume, \
     taker_buy_volume, trades, complete";

/// What every source is asked for.
struct Window {
    instrument: i32,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    /// One more than the page holds, to see whether there is more.
    rows: i64,
    direction: &'static str,
}

impl Store {
    /// A page of candles of one instrument: built ones first, imported where there are none, the
    /// open candle included.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn candles(&self, asked: &CandleQuery) -> Result<CandlePage, StoreError> {
        let limit = asked.limit.clamp(1, MAX_PAGE);
        let window = Window {
            instrument: asked.instrument.0,
            from: asked.from.unwrap_or(Timestamp::MIN).to_utc(),
            to: asked.to.unwrap_or(Timestamp::MAX).to_utc(),
            // At most MAX_PAGE + 1.
            rows: limit as i64 + 1,
            direction: if asked.from.is_some() { "ASC" } else { "DESC" },
        };
        let mut session = self.sessions.get().await?;
        // One snapshot: a minute that closes meanwhile must be found exactly once.
        let snapshot = session
            .build_transaction()
            .isolation_level(IsolationLevel::RepeatableRead)
            .read_only(true)
            .start()
            .await
            .map_err(failed("begin to read candles"))?;
        let (sources, kept) = read(&snapshot, asked, &window).await?;
        let mut answer = page(asked, limit, sources, &kept);
        if let Some((from, to)) = span(asked, &answer) {
            let gaps = unfilled(&snapshot, asked.instrument, from, to).await?;
            apply_gaps(&mut answer, asked.interval, gaps);
        }
        snapshot
            .rollback()
            .await
            .map_err(failed("end reading candles"))?;
        Ok(answer)
    }
}

/// The time that the page speaks about: what was asked for, except where there is more to come.
fn span(asked: &CandleQuery, answer: &CandlePage) -> Option<(Timestamp, Timestamp)> {
    let first = answer.candles.first().map(|first| first.candle.open_time);
    let last = answer
        .candles
        .last()
        .map(|last| asked.interval.end_of(last.candle.open_time));
    let from = asked.from.or(first)?;
    let to = match (answer.next, asked.to) {
        (Some(next), _) => next,
        (None, Some(to)) => to,
        (None, None) => last?,
    };
    (from < to).then_some((from, to))
}

async fn read(
    snapshot: &Transaction<'_>,
    asked: &CandleQuery,
    window: &Window,
) -> Result<(Sources, Kept), StoreError> {
    let (built, imported, live, (closed_until, now)) = try_join!(
        built(snapshot, asked.interval, window),
        imported(snapshot, asked, window),
        live(snapshot, window),
        progress(snapshot, window),
    )?;
    let recomputed = if asked.interval == Interval::Minute1 {
        Vec::new()
    } else {
        recomputed(snapshot, asked.interval, window).await?
    };
    let sources = Sources {
        built,
        recomputed,
        imported,
        live,
        closed_until,
    };
    let kept = Kept {
        from: Some(now - RETENTION),
    };
    Ok((sources, kept))
}

async fn built<C: GenericClient>(
    session: &C,
    interval: Interval,
    window: &Window,
) -> Result<Vec<(Candle, i64)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS}, revision::bigint FROM {} \
         WHERE instrument_id = $1 AND open_time >= $2 AND open_time < $3 \
         ORDER BY open_time {} LIMIT $4",
        table(interval),
        window.direction
    );
    let rows = query(
        session,
        "read candles",
        &sql,
        &[&window.instrument, &window.from, &window.to, &window.rows],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((candle(row)?, row.get(10))))
        .collect()
}

/// The candles in stale ranges, computed from their minutes.
async fn recomputed<C: GenericClient>(
    session: &C,
    interval: Interval,
    window: &Window,
) -> Result<Vec<(Candle, i64)>, StoreError> {
    let sql = "SELECT from_time, to_time FROM dirty_ranges \
               WHERE instrument_id = $1 ORDER BY from_time";
    let rows = query(session, "read the stale ranges", sql, &[&window.instrument]).await?;
    let (mut from, mut to): (Vec<DateTime<Utc>>, Vec<DateTime<Utc>>) = Default::default();
    for row in &rows {
        let start = interval.open_of(Timestamp::from_utc(row.get(0))).to_utc();
        // The end is exclusive: the last bucket is the one the last minute is in.
        let last = Timestamp::from_utc(row.get(1)) - Interval::Minute1.duration();
        let end = interval.end_of(interval.open_of(last)).to_utc();
        if end <= window.from || start >= window.to {
            continue;
        }
        match to.last_mut() {
            // Two ranges in one bucket must not give two candles.
            Some(previous) if start <= *previous => *previous = end.max(*previous),
            _ => {
                from.push(start);
                to.push(end);
            }
        }
    }
    if from.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT fresh.* FROM unnest($2::timestamptz[], $3::timestamptz[]) AS stale (from_time, to_time) \
         CROSS JOIN LATERAL ( \
             SELECT date_bin('{}', open_time, 'epoch'::timestamptz) AS bucket, {COMBINED} \
             FROM price_data p WHERE p.instrument_id = $1 \
               AND p.open_time >= stale.from_time AND p.open_time < stale.to_time \
             GROUP BY bucket) AS fresh \
         WHERE fresh.bucket >= $4 AND fresh.bucket < $5 \
         ORDER BY fresh.bucket {} LIMIT $6",
        sql_interval(interval),
        window.direction
    );
    let rows = query(
        session,
        "read candles of stale ranges",
        &sql,
        &[
            &window.instrument,
            &from,
            &to,
            &window.from,
            &window.to,
            &window.rows,
        ],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((candle(row)?, row.get(10))))
        .collect()
}

async fn imported<C: GenericClient>(
    session: &C,
    asked: &CandleQuery,
    window: &Window,
) -> Result<Vec<(Candle, i64, String)>, StoreError> {
    // An import for the instrument itself counts before one for the asset as a whole.
    let sql = format!(
        "SELECT {COLUMNS}, revision::bigint, source FROM ( \
             (SELECT {COLUMNS}, revision, source, 1 AS rank FROM price_history \
              WHERE instrument_id = $1 AND asset_id IS NULL AND interval = $5 \
                AND open_time >= $2 AND open_time < $3 ORDER BY open_time {0} LIMIT $4) \
             UNION ALL \
             (SELECT {COLUMNS}, revision, source, 0 AS rank FROM price_history \
              WHERE instrument_id IS NULL AND asset_id = $6 AND interval = $5 \
                AND open_time >= $2 AND open_time < $3 ORDER BY open_time {0} LIMIT $4)) AS both_kinds \
         ORDER BY open_time, rank",
        window.direction
    );
    let asset = asked.asset.as_ref().map(|asset| asset.as_str());
    let rows = query(
        session,
        "read imported candles",
        &sql,
        &[
            &window.instrument,
            &window.from,
            &window.to,
            &window.rows,
            &asked.interval.name(),
            &asset,
        ],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((candle(row)?, row.get(10), row.get(11))))
        .collect()
}

/// The candles imported for an instrument that open between two times, both inclusive.
pub(super) async fn imported_between(
    store: &Store,
    instrument: InstrumentId,
    interval: Interval,
    (first, last): (Timestamp, Timestamp),
) -> Result<Vec<(Candle, i64, String)>, StoreError> {
    let asked = CandleQuery {
        instrument,
        asset: None,
        interval,
        from: Some(first),
        to: None,
        limit: MAX_PAGE,
    };
    let window = Window {
        instrument: instrument.0,
        from: first.to_utc(),
        to: interval.end_of(last).to_utc(),
        // A page's worth: MAX_PAGE.
        rows: MAX_PAGE as i64,
        direction: "ASC",
    };
    let session = store.sessions.get().await?;
    imported(&session, &asked, &window).await
}

async fn live<C: GenericClient>(session: &C, window: &Window) -> Result<Vec<Candle>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM live_candles WHERE instrument_id = $1");
    let rows = query(session, "read open candles", &sql, &[&window.instrument]).await?;
    rows.iter().map(candle).collect()
}

/// Until when the instrument's minutes are closed, and the database's own time.
async fn progress<C: GenericClient>(
    session: &C,
    window: &Window,
) -> Result<(Option<Timestamp>, Timestamp), StoreError> {
    let sql = "SELECT (SELECT closed_until FROM instrument_state WHERE instrument_id = $1), now()";
    let rows = query(session, "read the progress", sql, &[&window.instrument]).await?;
    rows.first()
        .map(|row| {
            let closed_until = row.get::<_, Option<_>>(0).map(Timestamp::from_utc);
            (closed_until, Timestamp::from_utc(row.get(1)))
        })
        .ok_or_else(|| StoreError::Unreadable("a query without a table gave no row".to_owned()))
}

fn candle(row: &Row) -> Result<Candle, StoreError> {
    let number = |column: usize| {
        row.try_get::<_, Numeric>(column)
            .map_err(|error| StoreError::Unreadable(error.to_string()))
    };
    let (volume, quote_volume) = (number(5)?, number(6)?);
    let trades: i64 = row.get(8);
    let complete: bool = row.get(9);
    Ok(Candle {
        open_time: Timestamp::from_utc(row.get(0)),
        open: number(1)?.value,
        high: number(2)?.value,
        low: number(3)?.value,
        close: number(4)?.value,
        volume: volume.value,
        quote_volume: quote_volume.value,
        // A part of `volume`, exact if that is.
        taker_buy_volume: number(7)?.value,
        trades: u64::try_from(trades).unwrap_or(0),
        // As `candles::merge` has it: what no decimal holds exactly is not complete.
        complete: complete && volume.exact && quote_volume.exact,
    })
}
