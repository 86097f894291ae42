//! Reads of the evaluator: where it was left, and the alerts that have changed.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::candles::TakenTrades;
use coinsphere_pipelines::events::ConnectionId;
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::market::{InstrumentKey, Symbol};
use coinsphere_pipelines::store::{PooledConnection, StoreError, execute, query};
use coinsphere_pipelines::venues;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::Value;
use uuid::Uuid;

use crate::alerts::{Candle, EventTime, Instrument, MarketState, Rule, RuleState, Tick};
use crate::user_alerts::alert::rule;

/// Changes that are taken up at a time.
pub(super) const CHANGES: usize = 10_000;

/// An instrument as it was left.
pub(super) struct StoredMarket {
    pub(super) key: InstrumentKey,
    pub(super) last: Tick,
    pub(super) taken: TakenTrades,
    pub(super) connection: ConnectionId,
    /// What its rules have seen, as far as it was stored.
    pub(super) state: Option<MarketState>,
}

/// An alert that is armed.
pub(super) struct StoredRule {
    pub(super) id: Uuid,
    pub(super) version: i64,
    pub(super) revision: i32,
    /// The rule, or why it cannot be read.
    pub(super) rule: Result<Rule, StoreError>,
    pub(super) state: Option<RuleState>,
}

/// An alert that has changed.
pub(super) struct Change {
    pub(super) stored: StoredRule,
    /// Trades are to be judged by it.
    pub(super) is_armed: bool,
    pub(super) is_deleted: bool,
}

/// The offsets from which a log's partitions are to be judged, as far as there are any.
pub(super) async fn offsets(
    session: &PooledConnection,
    log: Uuid,
) -> Result<Vec<(u32, Offset)>, StoreError> {
    let sql = "SELECT partition, next_offset FROM alert_offsets WHERE log_identity = $1";
    let rows = query(session, "read the offsets of alerts", sql, &[&log]).await?;
    let read = rows.iter().map(|row| {
        let partition = u32::try_from(row.get::<_, i32>(0)).unwrap_or(u32::MAX);
        let offset = u64::try_from(row.get::<_, i64>(1)).unwrap_or(0);
        (partition, Offset(offset))
    });
    Ok(read.collect())
}

/// Notes where judging a partition begins, unless it is noted.
pub(super) async fn begin_partition(
    session: &PooledConnection,
    log: Uuid,
    partition: u32,
    offset: Offset,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO alert_offsets (log_identity, partition, next_offset) \
         VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    execute(
        session,
        "begin a partition of the log",
        sql,
        &[&log, &partition.cast_signed(), &offset.0.cast_signed()],
    )
    .await?;
    Ok(())
}

/// True if any alert has ever been judged by.
pub(super) async fn any_applied(session: &PooledConnection) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT FROM alerts WHERE applied_version > 0)";
    let rows = query(session, "look for alerts", sql, &[]).await?;
    Ok(rows.first().is_some_and(|row| row.get(0)))
}

/// The instruments that have been judged. Those of a venue that is no longer known are left out.
pub(super) async fn markets(session: &PooledConnection) -> Result<Vec<StoredMarket>, StoreError> {
    let sql = "SELECT venue, symbol, trade_id, trade_time, price, quantity, connection, taken, state \
         FROM alert_markets";
    let rows = query(session, "read the markets of alerts", sql, &[]).await?;
    let number = |value: Decimal| value.to_u64().unwrap_or(0);
    let mut markets = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(venue), Ok(symbol)) = (venues::named(row.get(0)), Symbol::new(row.get(1))) else {
            continue;
        };
        let taken = serde_json::from_value(row.get(7)).map_err(|error| {
            StoreError::Unreadable(format!("the trades taken of {venue}:{symbol}: {error}"))
        })?;
        markets.push(StoredMarket {
            key: InstrumentKey::new(venue, symbol),
            last: Tick {
                id: number(row.get(2)),
                time: EventTime(row.get(3)),
                price: row.get(4),
                quantity: row.get(5),
            },
            connection: ConnectionId(number(row.get(6))),
            taken,
            // One that cannot be read is made of candles.
            state: row
                .get::<_, Option<Value>>(8)
                .and_then(|state| serde_json::from_value(state).ok()),
        });
    }
    Ok(markets)
}

fn stored_rule(row: &tokio_postgres::Row) -> StoredRule {
    let state: Option<Value> = row.get(4);
    StoredRule {
        id: row.get(0),
        version: row.get(1),
        revision: row.get(2),
        rule: rule(row.get(3)),
        // One that cannot be read is armed again at the value there is now.
        state: state.and_then(|state| serde_json::from_value(state).ok()),
    }
}

/// The candles of a minute that are stored of an instrument between two times, ascending.
pub(super) async fn minutes(
    session: &PooledConnection,
    instrument: &Instrument,
    from: EventTime,
    to: EventTime,
) -> Result<Vec<Candle>, StoreError> {
    let sql = "SELECT p.open_time, p.open, p.high, p.low, p.close, p.volume FROM price_data p \
         WHERE p.instrument_id = (SELECT id FROM instruments WHERE venue = $1 AND symbol = $2) \
         AND p.open_time >= $3 AND p.open_time <= $4 ORDER BY p.open_time";
    let (venue, symbol) = (&*instrument.venue, &*instrument.symbol);
    let (from, to) = (
        DateTime::from_timestamp_nanos(from.0),
        // The last whole minute.
        DateTime::from_timestamp_nanos(to.0.saturating_sub(60_000_000_000)),
    );
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 4] = [&venue, &symbol, &from, &to];
    let rows = query(session, "read candles for alerts", sql, &params).await?;
    let read = rows.iter().filter_map(|row| {
        let open_time: DateTime<Utc> = row.get(0);
        Some(Candle {
            open_time: EventTime(open_time.timestamp_nanos_opt()?),
            open: row.get(1),
            high: row.get(2),
            low: row.get(3),
            close: row.get(4),
            volume: row.get(5),
        })
    });
    Ok(read.collect())
}

/// The alerts that are judged by since before.
pub(super) async fn armed(session: &PooledConnection) -> Result<Vec<StoredRule>, StoreError> {
    let sql = "SELECT id, version, revision, rule, evaluator_state FROM alerts \
         WHERE state = 'armed' AND NOT is_deleted AND applied_version = version";
    let rows = query(session, "read the armed alerts", sql, &[]).await?;
    Ok(rows.iter().map(stored_rule).collect())
}

/// The alerts that have changed; more are left if there are as many as are read at a time.
pub(super) async fn changes(session: &PooledConnection) -> Result<Vec<Change>, StoreError> {
    let sql = "SELECT id, version, revision, rule, evaluator_state, state, is_deleted FROM alerts \
         WHERE applied_version < version ORDER BY id LIMIT $1";
    let most = i64::try_from(CHANGES).unwrap_or(i64::MAX);
    let rows = query(session, "read changed alerts", sql, &[&most]).await?;
    let read = rows.iter().map(|row| Change {
        stored: stored_rule(row),
        is_armed: row.get::<_, &str>(5) == "armed" && !row.get::<_, bool>(6),
        is_deleted: row.get(6),
    });
    Ok(read.collect())
}
