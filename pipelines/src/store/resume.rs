//! State that a restart reads.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use uuid::Uuid;

use super::Store;
use super::catalog::key;
use super::error::StoreError;
use super::pool::query;
use super::rows::Resume;
use crate::candles::Checkpoint;
use crate::log::Offset;
use crate::market::{Timestamp, TradeId};

impl Store {
    /// Where to go on with a partition of a log, and the state of every instrument, of whatever
    /// partition or earlier log: the caller takes those it needs.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn load(&self, log: Uuid, partition: u32) -> Result<Resume, StoreError> {
        let session = self.pool.get().await?;
        let number = i32::try_from(partition)
            .map_err(|_| StoreError::Unreadable(format!("partition {partition}")))?;
        let sql = "SELECT next_offset FROM log_offsets WHERE log_identity = $1 AND partition = $2";
        let rows = query(&session, "read the log offset", sql, &[&log, &number]).await?;
        let next_offset = rows
            .first()
            .map(|row| Offset(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0)));

        let sql = "SELECT venue, symbol, last_trade_id, state, closed_until \
                   FROM instrument_state JOIN instruments ON id = instrument_id ORDER BY id";
        let rows = query(&session, "read the state of instruments", sql, &[]).await?;
        let mut checkpoints = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(instrument) = key(row.get(0), row.get(1))? else {
                continue;
            };
            checkpoints.push(Checkpoint {
                instrument,
                last_trade_id: row.get::<_, Option<Decimal>>(2).and_then(trade_id),
                closed_until: row
                    .get::<_, Option<DateTime<Utc>>>(4)
                    .map(Timestamp::from_utc),
                state: row.get(3),
            });
        }
        Ok(Resume {
            next_offset,
            checkpoints,
        })
    }
}

/// A stored trade id; the column holds nothing but what came from a `u64`.
pub(super) fn trade_id(stored: Decimal) -> Option<TradeId> {
    stored.to_u64().map(TradeId)
}
