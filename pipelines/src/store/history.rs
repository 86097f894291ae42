//! Candles of the past as a source gave them, and which stretches of time are proven by them: written
//! together, so that a stretch is proven exactly when its candles are there. Minutes go where those built
//! here are, so that the longer candles follow; longer ones are kept as imported.

use std::pin::pin;

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use tokio_postgres::Row;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use super::Store;
use super::commit::{CANDLE_COLUMNS, REPLACE_IF_DIFFERENT, insert_instrument, mark_stale};
use super::error::{StoreError, failed};
use super::pool::{execute, query};
use super::rows::InstrumentId;
use crate::candles::GapReason;
use crate::market::{Candle, InstrumentKey, Interval, Timestamp};
use crate::time_ranges::TimeRange;

/// Candles that a source gave of one instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryBatch {
    /// Of which length.
    pub interval: Interval,
    /// Who gave it, e.g. `binance`.
    pub source: String,
    /// Closed candles, ascending.
    pub candles: Vec<Candle>,
    /// The stretches of which these are all candles that there are.
    pub proven: Vec<TimeRange>,
    /// The stretches of which the source should have candles and has none.
    pub holes: Vec<TimeRange>,
}

/// Outcome of writing.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct HistoryWritten {
    /// Candles that are new or replaced another one.
    pub changed: u64,
    /// Candles built here, and whole, whose prices or volume are not the source's. They were kept.
    pub differing: u64,
    /// Gaps that are filled by this.
    pub filled_gaps: u64,
    /// The minutes that replaced another one, with their revisions.
    #[serde(skip)]
    pub corrected: Vec<(Candle, u32)>,
}

/// A stretch of time of which a source gave every candle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenSpan {
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
    /// Who gave it.
    pub source: String,
    /// When it was last extended.
    pub proven_at: Timestamp,
}

/// When holes of a source are looked at again.
const HOLE_RETRY: &str = "1 day";

/// The rows of a batch on their way into the tables of candles.
const STAGING: &str = "CREATE TEMP TABLE IF NOT EXISTS history_batch ( \
     open_time timestamptz NOT NULL, open numeric NOT NULL, high numeric NOT NULL, \
     low numeric NOT NULL, close numeric NOT NULL, volume numeric NOT NULL, \
     quote_volume numeric NOT NULL, taker_buy_volume numeric NOT NULL, trades bigint NOT NULL, \
     complete boolean NOT NULL) ON COMMIT DELETE ROWS";

const STAGED: [Type; 10] = [
    Type::TIMESTAMPTZ,
    Type::NUMERIC,
    Type::NUMERIC,
    Type::NUMERIC,
    Type::NUMERIC,
    Type::NUMERIC,
    Type::NUMERIC,
    Type::NUMERIC,
    Type::INT8,
    Type::BOOL,
];

impl Store {
    /// The number of an instrument, which is added if it is not known yet.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn ensure_instrument(&self, key: &InstrumentKey) -> Result<InstrumentId, StoreError> {
        if let Some(known) = self.instrument(key).await? {
            return Ok(known.id);
        }
        let session = self.pool.get().await?;
        let number = insert_instrument(&session, key).await?;
        drop(session);
        self.instruments_added().await;
        Ok(InstrumentId(number))
    }

    /// The stretches of an instrument's time that sources of history have proven, ascending. Those of
    /// different sources may overlap.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn proven_spans(
        &self,
        instrument: InstrumentId,
        interval: Interval,
    ) -> Result<Vec<ProvenSpan>, StoreError> {
        let sql = "SELECT from_time, to_time, source, proven_at FROM history_spans \
                   WHERE instrument_id = $1 AND interval = $2 ORDER BY from_time, source";
        let session = self.pool.get().await?;
        let params: super::Params<'_> = &[&instrument.0, &interval.name()];
        let rows = query(&session, "read what history is proven", sql, params).await?;
        Ok(rows
            .iter()
            .map(|row| ProvenSpan {
                from: Timestamp::from_utc(row.get(0)),
                to: Timestamp::from_utc(row.get(1)),
                source: row.get(2),
                proven_at: Timestamp::from_utc(row.get(3)),
            })
            .collect())
    }

    /// Writes what a source gave, in one transaction. A candle that was built here and is whole stays; one
    /// that a gap touches is replaced, and its revision grows. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the database is unreachable or refuses; then nothing is written.
    pub async fn write_history(
        &self,
        instrument: InstrumentId,
        batch: &HistoryBatch,
        now: Timestamp,
    ) -> Result<HistoryWritten, StoreError> {
        let written = self.try_write_history(instrument, batch, now).await;
        match &written {
            Err(StoreError::Statement { source, .. })
                if source.code() == Some(&SqlState::CHECK_VIOLATION) =>
            {
                // Another process has dropped a partition that was believed to exist.
                self.months.clear();
                self.try_write_history(instrument, batch, now).await
            }
            _ => written,
        }
    }

    async fn try_write_history(
        &self,
        instrument: InstrumentId,
        batch: &HistoryBatch,
        now: Timestamp,
    ) -> Result<HistoryWritten, StoreError> {
        let minutes = batch.interval == Interval::Minute1;
        if minutes {
            let times = batch.candles.iter().map(|candle| candle.open_time);
            self.flavour
                .make_room(&self.pool, &self.months, times)
                .await?;
        }
        let mut session = self.pool.get().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("begin to write history"))?;
        // Two jobs may work on the same instrument: their spans are merged one after the other.
        let lock = "SELECT pg_advisory_xact_lock(hashtext('coinsphere.history'), $1)";
        query(
            &transaction,
            "wait for others' history",
            lock,
            &[&instrument.0],
        )
        .await?;
        let mut written = HistoryWritten::default();
        if !batch.candles.is_empty() {
            stage(&transaction, &batch.candles).await?;
            written = if minutes {
                self.merge_minutes(&transaction, instrument, batch).await?
            } else {
                merge_longer(&transaction, instrument, batch).await?
            };
        }
        let at = now.to_utc();
        for hole in &batch.holes {
            note_hole(&transaction, instrument, *hole, at).await?;
        }
        for span in &batch.proven {
            let whole = extend_span(&transaction, instrument, batch, *span, at).await?;
            if minutes {
                written.filled_gaps += fill_gaps(&transaction, instrument, whole, at).await?;
            }
        }
        transaction
            .commit()
            .await
            .map_err(failed("commit history"))?;
        Ok(written)
    }

    async fn merge_minutes(
        &self,
        transaction: &Transaction<'_>,
        instrument: InstrumentId,
        batch: &HistoryBatch,
    ) -> Result<HistoryWritten, StoreError> {
        let columns = staged_columns();
        let mark_stale = mark_stale(
            self.flavour.stale_when(),
            "(SELECT $1::int AS instrument_id, open_time FROM written) AS changed",
        );
        let sql = format!(
            "WITH written AS ( \
                 INSERT INTO price_data AS old ({CANDLE_COLUMNS}, source) \
                 SELECT $1::int, {columns}, $2::text FROM history_batch ORDER BY open_time \
                 ON CONFLICT (instrument_id, open_time) {REPLACE_IF_DIFFERENT} \
                     AND (old.source IS NOT NULL OR NOT old.complete OR EXISTS ( \
                         SELECT FROM gaps g WHERE g.instrument_id = $1::int AND g.filled_at IS NULL \
                             AND g.from_time < old.open_time + INTERVAL '1 minute' \
                             AND coalesce(g.to_time, 'infinity') > old.open_time)) \
                 RETURNING open_time, revision), \
             stale AS ({mark_stale}) \
             SELECT count(*), array_agg(open_time) FILTER (WHERE revision > 0), \
                 array_agg(revision) FILTER (WHERE revision > 0) FROM written"
        );
        let params: super::Params<'_> = &[&instrument.0, &batch.source];
        let rows = query(transaction, "write history", &sql, params).await?;
        let changed: i64 = rows.first().map_or(0, |row| row.get(0));
        let corrected = rows.first().map(|row| corrected(row, &batch.candles));
        let sql = "SELECT count(*) FROM history_batch new JOIN price_data old \
                   ON old.instrument_id = $1 AND old.open_time = new.open_time \
                   WHERE old.source IS NULL AND old.complete \
                     AND (old.open, old.high, old.low, old.close, old.volume) \
                         IS DISTINCT FROM (new.open, new.high, new.low, new.close, new.volume)";
        let rows = query(transaction, "compare history", sql, &[&instrument.0]).await?;
        let differing: i64 = rows.first().map_or(0, |row| row.get(0));
        Ok(HistoryWritten {
            changed: u64::try_from(changed).unwrap_or(0),
            differing: u64::try_from(differing).unwrap_or(0),
            filled_gaps: 0,
            corrected: corrected.unwrap_or_default(),
        })
    }
}

/// The candles (ascending) whose times and revisions are in the second and third column.
fn corrected(row: &Row, candles: &[Candle]) -> Vec<(Candle, u32)> {
    let times: Option<Vec<DateTime<Utc>>> = row.get(1);
    let revisions: Option<Vec<i32>> = row.get(2);
    let changes = times
        .into_iter()
        .flatten()
        .zip(revisions.into_iter().flatten());
    changes
        .filter_map(|(time, revision)| {
            let time = Timestamp::from_utc(time);
            let at = candles.binary_search_by_key(&time, |candle| candle.open_time);
            let candle = candles.get(at.ok()?)?;
            Some((candle.clone(), u32::try_from(revision).unwrap_or(0)))
        })
        .collect()
}

/// The columns of [`STAGING`] in the order of [`CANDLE_COLUMNS`].
fn staged_columns() -> &'static str {
    CANDLE_COLUMNS.trim_start_matches("instrument_id, ")
}

async fn stage(transaction: &Transaction<'_>, candles: &[Candle]) -> Result<(), StoreError> {
    const DOING: &str = "copy history into the database";
    transaction
        .batch_execute(STAGING)
        .await
        .map_err(failed("prepare to copy history"))?;
    let copy = format!(
        "COPY history_batch ({}) FROM STDIN (FORMAT binary)",
        staged_columns()
    );
    let sink = transaction.copy_in(&copy).await.map_err(failed(DOING))?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &STAGED));
    for candle in candles {
        let trades = i64::try_from(candle.trades).unwrap_or(i64::MAX);
        let row: [&(dyn ToSql + Sync); 10] = [
            &candle.open_time.to_utc(),
            &candle.open,
            &candle.high,
            &candle.low,
            &candle.close,
            &candle.volume,
            &candle.quote_volume,
            &candle.taker_buy_volume,
            &trades,
            &candle.complete,
        ];
        writer.as_mut().write(&row).await.map_err(failed(DOING))?;
    }
    writer.finish().await.map_err(failed(DOING))?;
    Ok(())
}

async fn merge_longer(
    transaction: &Transaction<'_>,
    instrument: InstrumentId,
    batch: &HistoryBatch,
) -> Result<HistoryWritten, StoreError> {
    let columns = staged_columns();
    let sql = format!(
        "INSERT INTO price_history AS old (instrument_id, {columns}, interval, source) \
         SELECT $1::int, {columns}, $2::text, $3::text FROM history_batch ORDER BY open_time \
         ON CONFLICT (instrument_id, interval, open_time) WHERE instrument_id IS NOT NULL \
         {REPLACE_IF_DIFFERENT}"
    );
    let params: super::Params<'_> = &[&instrument.0, &batch.interval.name(), &batch.source];
    let changed = execute(transaction, "write history", &sql, params).await?;
    Ok(HistoryWritten {
        changed,
        ..HistoryWritten::default()
    })
}

/// Merges a proven stretch with those of the same source that it touches; answers the whole.
async fn extend_span(
    transaction: &Transaction<'_>,
    instrument: InstrumentId,
    batch: &HistoryBatch,
    (from, to): TimeRange,
    now: DateTime<Utc>,
) -> Result<TimeRange, StoreError> {
    let (number, interval) = (instrument.0, batch.interval.name());
    let sql = "DELETE FROM history_spans WHERE instrument_id = $1 AND interval = $2 \
               AND source = $3 AND from_time <= $5 AND to_time >= $4 RETURNING from_time, to_time";
    let (start, end) = (from.to_utc(), to.to_utc());
    let params: super::Params<'_> = &[&number, &interval, &batch.source, &start, &end];
    let touched = query(transaction, "merge what is proven", sql, params).await?;
    let (mut start, mut end) = (start, end);
    for row in &touched {
        start = start.min(row.get(0));
        end = end.max(row.get(1));
    }
    let sql = "INSERT INTO history_spans (instrument_id, interval, source, from_time, to_time, \
               proven_at) VALUES ($1, $2, $3, $4, $5, $6)";
    let params: super::Params<'_> = &[&number, &interval, &batch.source, &start, &end, &now];
    execute(transaction, "note what is proven", sql, params).await?;
    Ok((Timestamp::from_utc(start), Timestamp::from_utc(end)))
}

/// Ends the gaps all of whose minutes lie in a proven stretch.
async fn fill_gaps(
    transaction: &Transaction<'_>,
    instrument: InstrumentId,
    (from, to): TimeRange,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let sql = "UPDATE gaps SET filled_at = $4, next_attempt_at = NULL, last_error = NULL \
               WHERE instrument_id = $1 AND filled_at IS NULL AND to_time IS NOT NULL \
                 AND date_trunc('minute', from_time) >= $2 \
                 AND date_trunc('minute', to_time + INTERVAL '59.999999 seconds') <= $3";
    let params: super::Params<'_> = &[&instrument.0, &from.to_utc(), &to.to_utc(), &now];
    execute(transaction, "end filled gaps", sql, params).await
}

async fn note_hole(
    transaction: &Transaction<'_>,
    instrument: InstrumentId,
    (from, to): TimeRange,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO gaps AS known (instrument_id, reason, from_time, to_time, detected_at, attempts, \
             next_attempt_at, last_error) \
         VALUES ($1, $2, $3, $4, $5::timestamptz, 1, $5::timestamptz + INTERVAL '{HOLE_RETRY}', 'the venue has no candle') \
         ON CONFLICT (instrument_id, reason, from_time, first_missing_id) DO UPDATE SET \
             to_time = excluded.to_time, filled_at = NULL, attempts = known.attempts + 1, \
             next_attempt_at = excluded.next_attempt_at, last_error = excluded.last_error"
    );
    let reason = GapReason::VenueHole.name();
    let params: super::Params<'_> = &[&instrument.0, &reason, &from.to_utc(), &to.to_utc(), &now];
    execute(transaction, "note a hole", &sql, params).await?;
    Ok(())
}
