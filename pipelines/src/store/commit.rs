//! Writing what a stretch of the log came to, in one transaction. All of it is absolute, so writing
//! it twice changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use deadpool_postgres::{GenericClient, Transaction};
use rust_decimal::Decimal;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

use super::Store;
use super::error::{StoreError, failed};
use super::pool::{execute, query};
use super::rows::{ChangedCandle, CommitOutcome};
use super::times::{down_to_micros, up_to_micros};
use crate::candles::{CandleWrite, Checkpoint, Commit, Gap};
use crate::log::Offset;
use crate::market::{Candle, InstrumentKey, Interval, Timestamp};

/// Rows per statement: more gain nothing and cost memory on both sides.
const ROWS_PER_STATEMENT: usize = 8_192;

/// The columns of a candle as arrays, for `unnest`.
#[derive(Default)]
pub(super) struct CandleColumns {
    pub(super) instrument: Vec<i32>,
    pub(super) open_time: Vec<DateTime<Utc>>,
    pub(super) prices: [Vec<Decimal>; 4],
    pub(super) volumes: [Vec<Decimal>; 3],
    pub(super) trades: Vec<i64>,
    pub(super) complete: Vec<bool>,
}

impl CandleColumns {
    pub(super) fn push(&mut self, instrument: i32, candle: &Candle) {
        self.instrument.push(instrument);
        self.open_time.push(candle.open_time.to_utc());
        let prices = [candle.open, candle.high, candle.low, candle.close];
        for (column, price) in self.prices.iter_mut().zip(prices) {
            column.push(price);
        }
        let volumes = [candle.volume, candle.quote_volume, candle.taker_buy_volume];
        for (column, volume) in self.volumes.iter_mut().zip(volumes) {
            column.push(volume);
        }
        // No minute has 2^63 trades.
        self.trades
            .push(i64::try_from(candle.trades).unwrap_or(i64::MAX));
        self.complete.push(candle.complete);
    }

    /// `$1` … `$11`, in the order of [`CANDLE_COLUMNS`].
    pub(super) fn params(&self) -> [&(dyn tokio_postgres::types::ToSql + Sync); 11] {
        let ([open, high, low, close], [volume, quote_volume, taker_buy_volume]) =
            (&self.prices, &self.volumes);
        [
            &self.instrument,
            &self.open_time,
            open,
            high,
            low,
            close,
            volume,
            quote_volume,
            taker_buy_volume,
            &self.trades,
            &self.complete,
        ]
    }
}

/// The columns that every table of candles begins with.
pub(super) const CANDLE_COLUMNS: &str = "instrument_id, open_time, open, high, low, close, volume, \
     quote_volume, taker_buy_volume, trades, complete";

/// The parameters of [`CandleColumns::params`] as a set of rows.
pub(super) const CANDLE_ROWS: &str = "unnest($1::int[], $2::timestamptz[], $3::numeric[], \
     $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[], $8::numeric[], $9::numeric[], \
     $10::bigint[], $11::boolean[])";

/// `SET` list and condition that replace a stored candle (alias `old`) only by a different one.
pub(super) const REPLACE_IF_DIFFERENT: &str = "DO UPDATE SET \
     open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, \
     volume = excluded.volume, quote_volume = excluded.quote_volume, \
     taker_buy_volume = excluded.taker_buy_volume, trades = excluded.trades, \
     complete = excluded.complete, source = excluded.source, revision = old.revision + 1 \
     WHERE (old.open, old.high, old.low, old.close, old.volume, old.quote_volume, \
            old.taker_buy_volume, old.trades, old.complete) \
     IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, \
            excluded.volume, excluded.quote_volume, excluded.taker_buy_volume, excluded.trades, \
            excluded.complete)";

/// Instruments and their numbers within one commit.
struct Numbers {
    known: HashMap<InstrumentKey, i32>,
    /// True if this commit found or made some that were not known.
    has_new: bool,
}

impl Numbers {
    fn of(&self, key: &InstrumentKey) -> Result<i32, StoreError> {
        self.known.get(key).copied().ok_or_else(|| {
            StoreError::Unreadable(format!(
                "instrument {key} has no number after its insertion"
            ))
        })
    }
}

impl Store {
    /// Writes everything that the log's records below `commit.next_offset` changed since the last
    /// commit, in one transaction: all of it is there afterwards, or nothing. Repeating a commit
    /// changes nothing (after a lost connection it is unknown whether the first try succeeded).
    ///
    /// # Errors
    /// When the database is unreachable or refuses, and [`StoreError::Stale`] when it already
    /// reflects more of this log than `commit` does: then somebody else is writing.
    pub async fn commit(&self, log: Uuid, commit: &Commit) -> Result<CommitOutcome, StoreError> {
        let outcome = self.try_commit(log, commit).await;
        match &outcome {
            Err(StoreError::Statement { source, .. })
                if source.code() == Some(&SqlState::CHECK_VIOLATION) =>
            {
                // Another process has dropped a partition we believed to exist.
                self.months.clear();
                self.try_commit(log, commit).await
            }
            _ => outcome,
        }
    }

    async fn try_commit(&self, log: Uuid, commit: &Commit) -> Result<CommitOutcome, StoreError> {
        let times = commit.closed.iter().map(|write| write.candle.open_time);
        self.flavour
            .make_room(&self.pool, &self.months, times)
            .await?;
        let mut session = self.pool.get().await?;
        let transaction = session
            .transaction()
            .await
            .map_err(failed("begin a commit"))?;
        // First, because it makes a second writer wait here, before it has written anything.
        advance_offset(&transaction, log, commit).await?;
        let numbers = self.number(&transaction, commit).await?;
        let changed = self
            .write_closed(&transaction, &numbers, &commit.closed)
            .await?;
        write_open(&transaction, &numbers, commit).await?;
        write_gaps(&transaction, &numbers, &commit.gaps).await?;
        write_states(&transaction, &numbers, commit).await?;
        transaction
            .commit()
            .await
            .map_err(failed("commit candles"))?;
        if numbers.has_new {
            drop(session);
            self.instruments_added().await;
        }
        Ok(CommitOutcome { changed })
    }

    /// The numbers of all instruments that the commit names, inserting those that are new.
    async fn number(
        &self,
        transaction: &Transaction<'_>,
        commit: &Commit,
    ) -> Result<Numbers, StoreError> {
        let candles = commit.closed.iter().chain(&commit.open);
        let keys: BTreeSet<&InstrumentKey> = candles
            .map(|write| &write.instrument)
            .chain(commit.gaps.iter().map(|gap| &gap.instrument))
            .chain(commit.checkpoints.iter().map(|state| &state.instrument))
            .collect();
        let mut numbers = Numbers {
            known: self.numbers_of(keys.iter().copied()),
            has_new: false,
        };
        for key in keys {
            if numbers.known.contains_key(key) {
                continue;
            }
            let number = insert_instrument(transaction, key).await?;
            numbers.known.insert(key.clone(), number);
            numbers.has_new = true;
        }
        Ok(numbers)
    }

    async fn write_closed(
        &self,
        transaction: &Transaction<'_>,
        numbers: &Numbers,
        closed: &[CandleWrite],
    ) -> Result<Vec<ChangedCandle>, StoreError> {
        // One statement must not meet a row twice: the last word on a minute counts. Sorted, so
        // that two writers lock rows in the same order and neighbours are written together.
        let mut rows = BTreeMap::new();
        for write in closed {
            let number = numbers.of(&write.instrument)?;
            rows.insert((number, write.candle.open_time), write);
        }
        let rows: Vec<_> = rows.into_iter().collect();
        let names: HashMap<i32, &InstrumentKey> = rows
            .iter()
            .map(|((number, _), write)| (*number, &write.instrument))
            .collect();
        // A correction only ever adds trades: one with fewer was built from a log that lacks some. And
        // what a venue gave whole is not replaced by what has a gap.
        let upsert = format!(
            "INSERT INTO price_data AS old ({CANDLE_COLUMNS}) SELECT * FROM {CANDLE_ROWS} \
             ON CONFLICT (instrument_id, open_time) {REPLACE_IF_DIFFERENT} \
                AND excluded.trades >= old.trades \
                AND (old.source IS NULL OR excluded.complete OR NOT old.complete) \
             RETURNING instrument_id, open_time, revision"
        );
        let mark_stale = mark_stale(
            self.flavour.stale_when(),
            "unnest($1::int[], $2::timestamptz[]) AS changed (instrument_id, open_time)",
        );
        let mut changed = Vec::new();
        for chunk in rows.chunks(ROWS_PER_STATEMENT) {
            let mut columns = CandleColumns::default();
            for ((number, _), write) in chunk {
                columns.push(*number, &write.candle);
            }
            let written = query(transaction, "write candles", &upsert, &columns.params()).await?;
            if written.is_empty() {
                continue;
            }
            let (mut instruments, mut times) = (Vec::new(), Vec::new());
            for row in &written {
                let (number, time): (i32, DateTime<Utc>) = (row.get(0), row.get(1));
                instruments.push(number);
                times.push(time);
                if let Some(key) = names.get(&number) {
                    changed.push(ChangedCandle {
                        instrument: (*key).clone(),
                        open_time: Timestamp::from_utc(time),
                        revision: u32::try_from(row.get::<_, i32>(2)).unwrap_or(0),
                    });
                }
            }
            execute(
                transaction,
                "note which longer candles are stale",
                &mark_stale,
                &[&instruments, &times],
            )
            .await?;
        }
        Ok(changed)
    }
}

/// Notes that the longer candles of changed minutes are stale. `changed` has the columns `instrument_id`
/// and `open_time`, and that alias.
pub(super) fn mark_stale(stale_when: &str, changed: &str) -> String {
    format!(
        "INSERT INTO dirty_ranges AS known (instrument_id, day, from_time, to_time, stamp) \
         SELECT stale.*, nextval('dirty_range_stamps') FROM ( \
             SELECT instrument_id, (open_time AT TIME ZONE 'UTC')::date AS day, \
                    min(open_time), max(open_time) + INTERVAL '1 minute' \
             FROM {changed} WHERE {stale_when} \
             GROUP BY instrument_id, day ORDER BY instrument_id, day) AS stale \
         ON CONFLICT (instrument_id, day) DO UPDATE SET \
             from_time = least(known.from_time, excluded.from_time), \
             to_time = greatest(known.to_time, excluded.to_time), stamp = excluded.stamp"
    )
}

async fn advance_offset(
    transaction: &Transaction<'_>,
    log: Uuid,
    commit: &Commit,
) -> Result<(), StoreError> {
    let unreadable = |_| StoreError::Unreadable("an offset beyond 2^63".to_owned());
    let partition = i32::try_from(commit.partition).map_err(unreadable)?;
    let offered = i64::try_from(commit.next_offset.0).map_err(unreadable)?;
    let sql = "INSERT INTO log_offsets AS known (log_identity, partition, next_offset) \
               VALUES ($1, $2, $3) \
               ON CONFLICT (log_identity, partition) \
               DO UPDATE SET next_offset = excluded.next_offset, updated_at = now() \
               WHERE known.next_offset <= excluded.next_offset";
    let params: super::pool::Params<'_> = &[&log, &partition, &offered];
    if execute(transaction, "advance the log offset", sql, params).await? == 1 {
        return Ok(());
    }
    let sql = "SELECT next_offset FROM log_offsets WHERE log_identity = $1 AND partition = $2";
    let rows = query(transaction, "read the log offset", sql, &[&log, &partition]).await?;
    let stored = rows.first().map_or(0, |row| row.get::<_, i64>(0));
    Err(StoreError::Stale {
        partition: commit.partition,
        stored: Offset(u64::try_from(stored).unwrap_or(0)),
        offered: commit.next_offset,
    })
}

async fn write_open(
    transaction: &Transaction<'_>,
    numbers: &Numbers,
    commit: &Commit,
) -> Result<(), StoreError> {
    if commit.checkpoints.is_empty() && commit.open.is_empty() {
        return Ok(());
    }
    let mut rows = BTreeMap::new();
    for write in &commit.open {
        let number = numbers.of(&write.instrument)?;
        rows.insert((number, write.candle.open_time), &write.candle);
    }
    let mut columns = CandleColumns::default();
    for ((number, _), candle) in &rows {
        columns.push(*number, candle);
    }
    let owners = numbers_of(numbers, &commit.checkpoints)?;
    // Rows are rewritten in place; only those no longer open are deleted.
    let sql = format!(
        "WITH fresh AS ( \
             INSERT INTO live_candles ({CANDLE_COLUMNS}) SELECT * FROM {CANDLE_ROWS} \
             ON CONFLICT (instrument_id, open_time) DO UPDATE SET \
                 open = excluded.open, high = excluded.high, low = excluded.low, \
                 close = excluded.close, volume = excluded.volume, \
                 quote_volume = excluded.quote_volume, \
                 taker_buy_volume = excluded.taker_buy_volume, trades = excluded.trades, \
                 complete = excluded.complete) \
         DELETE FROM live_candles l WHERE l.instrument_id = ANY ($12::int[]) AND NOT EXISTS ( \
             SELECT FROM unnest($1::int[], $2::timestamptz[]) AS o (instrument_id, open_time) \
             WHERE (o.instrument_id, o.open_time) = (l.instrument_id, l.open_time))"
    );
    let mut params = columns.params().to_vec();
    params.push(&owners);
    execute(transaction, "write open candles", &sql, &params).await?;
    Ok(())
}

fn numbers_of(numbers: &Numbers, checkpoints: &[Checkpoint]) -> Result<Vec<i32>, StoreError> {
    checkpoints
        .iter()
        .map(|checkpoint| numbers.of(&checkpoint.instrument))
        .collect()
}

async fn write_gaps(
    transaction: &Transaction<'_>,
    numbers: &Numbers,
    gaps: &[Gap],
) -> Result<(), StoreError> {
    if gaps.is_empty() {
        return Ok(());
    }
    let mut rows = BTreeMap::new();
    for gap in gaps {
        let first = gap.missing.map(|(first, _)| first);
        let key = (
            numbers.of(&gap.instrument)?,
            gap.reason,
            down_to_micros(gap.from),
            first,
        );
        rows.insert(key, gap);
    }
    let id = |id: crate::market::TradeId| Decimal::from(id.0);
    let (mut instrument, mut reason, mut from) = (Vec::new(), Vec::new(), Vec::new());
    let (mut to, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
    let (mut detected, mut filled) = (Vec::new(), Vec::new());
    for ((number, why, start, first_missing), gap) in rows {
        instrument.push(number);
        reason.push(why.name());
        from.push(start.to_utc());
        to.push(gap.to.map(|end| up_to_micros(end).to_utc()));
        first.push(first_missing.map(id));
        last.push(gap.missing.map(|(_, last)| id(last)));
        detected.push(gap.detected_at.to_utc());
        filled.push(gap.filled_at.map(Timestamp::to_utc));
    }
    let sql = "INSERT INTO gaps (instrument_id, reason, from_time, to_time, first_missing_id, \
                   last_missing_id, detected_at, filled_at) \
               SELECT * FROM unnest($1::int[], $2::text[], $3::timestamptz[], $4::timestamptz[], \
                   $5::numeric[], $6::numeric[], $7::timestamptz[], $8::timestamptz[]) \
               ON CONFLICT (instrument_id, reason, from_time, first_missing_id) DO UPDATE SET \
                   to_time = excluded.to_time, last_missing_id = excluded.last_missing_id, \
                   detected_at = excluded.detected_at, \
                   filled_at = coalesce(excluded.filled_at, gaps.filled_at)";
    execute(
        transaction,
        "write gaps",
        sql,
        &[
            &instrument,
            &reason,
            &from,
            &to,
            &first,
            &last,
            &detected,
            &filled,
        ],
    )
    .await?;
    Ok(())
}

async fn write_states(
    transaction: &Transaction<'_>,
    numbers: &Numbers,
    commit: &Commit,
) -> Result<(), StoreError> {
    if commit.checkpoints.is_empty() {
        return Ok(());
    }
    let mut closed_until: HashMap<&InstrumentKey, Timestamp> = HashMap::new();
    for write in &commit.closed {
        let end = Interval::Minute1.end_of(write.candle.open_time);
        let latest = closed_until.entry(&write.instrument).or_insert(end);
        *latest = end.max(*latest);
    }
    let mut rows = BTreeMap::new();
    for checkpoint in &commit.checkpoints {
        rows.insert(numbers.of(&checkpoint.instrument)?, checkpoint);
    }
    let (mut instrument, mut last_trade) = (Vec::new(), Vec::new());
    let (mut state, mut closed) = (Vec::new(), Vec::new());
    let mut stated = Vec::new();
    for (number, checkpoint) in rows {
        instrument.push(number);
        last_trade.push(checkpoint.last_trade_id.map(|id| Decimal::from(id.0)));
        state.push(checkpoint.state.as_slice());
        // `None` is before every time.
        let until = closed_until
            .get(&checkpoint.instrument)
            .copied()
            .max(checkpoint.closed_until);
        closed.push(until.map(Timestamp::to_utc));
        stated.push(checkpoint.closed_until.is_some());
    }
    // A checkpoint may take the time back: a clock had leapt. Candles alone do not: they may be
    // corrections of old minutes.
    let sql = "INSERT INTO instrument_state AS known \
                   (instrument_id, last_trade_id, state, closed_until) \
               SELECT new.id, new.last_trade_id, new.state, \
                   CASE WHEN new.stated THEN new.closed_until ELSE greatest(new.closed_until, \
                       (SELECT s.closed_until FROM instrument_state s WHERE s.instrument_id = new.id)) END \
               FROM unnest($1::int[], $2::numeric[], $3::bytea[], $4::timestamptz[], $5::boolean[]) \
                   AS new (id, last_trade_id, state, closed_until, stated) \
               ON CONFLICT (instrument_id) DO UPDATE SET \
                   last_trade_id = excluded.last_trade_id, state = excluded.state, \
                   closed_until = coalesce(excluded.closed_until, known.closed_until), \
                   updated_at = now()";
    execute(
        transaction,
        "write the state of instruments",
        sql,
        &[&instrument, &last_trade, &state, &closed, &stated],
    )
    .await?;
    Ok(())
}

/// Adds an instrument unless there is one of this venue and symbol; its number.
pub(super) async fn insert_instrument<C: GenericClient>(
    database: &C,
    key: &InstrumentKey,
) -> Result<i32, StoreError> {
    let (base, quote) = split_pair(key.symbol.as_str());
    // The update that changes nothing makes RETURNING answer for an existing row too.
    let sql = "INSERT INTO instruments (venue, symbol, base, quote) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (venue, symbol) DO UPDATE SET symbol = excluded.symbol RETURNING id";
    let (venue, symbol) = (key.venue.name(), key.symbol.as_str());
    let params: super::Params<'_> = &[&venue, &symbol, &base, &quote];
    let rows = query(database, "insert an instrument", sql, params).await?;
    let number = rows.first().map(|row| row.get(0));
    number.ok_or_else(|| {
        StoreError::Unreadable(format!(
            "instrument {key} has no number after its insertion"
        ))
    })
}

/// Base and quote of a symbol that separates them, for instruments that nobody listed.
fn split_pair(symbol: &str) -> (Option<&str>, Option<&str>) {
    match symbol.split_once(['-', '/']) {
        Some((base, quote)) if !base.is_empty() && !quote.is_empty() => (Some(base), Some(quote)),
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::split_pair;

    #[test]
    fn only_separated_symbols_are_split() {
        assert_eq!(split_pair("LINK-BTC"), (Some("LINK"), Some("BTC")));
        assert_eq!(split_pair("XBT/EUR"), (Some("XBT"), Some("EUR")));
        assert_eq!(split_pair("BTCUSDT"), (None, None));
        assert_eq!(split_pair("-BTC"), (None, None));
    }
}
