//! Reading gaps.

use deadpool_postgres::GenericClient;
use rust_decimal::Decimal;
use tokio_postgres::Row;

use crate::candles::GapReason;
use crate::market::Timestamp;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::resume::trade_id;
use crate::store::rows::{GapQuery, InstrumentId, MAX_PAGE, StoredGap};
use crate::store::sessions::query;
use crate::store::times::up_to_micros;

const GAP: &str = "SELECT reason, from_time, to_time, first_missing_id, last_missing_id, \
     detected_at, filled_at FROM gaps";

/// The most gaps that are looked at for one page of candles.
pub(super) const CAP: usize = 20_000;

impl Store {
    /// The gaps of an instrument that overlap a range, ascending by start, at most
    /// [`MAX_PAGE`]; go on with `from` = the last one's start + 1 µs.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn gaps(&self, asked: &GapQuery) -> Result<Vec<StoredGap>, StoreError> {
        let sql = format!(
            "{GAP} WHERE instrument_id = $1 AND from_time < $3 \
             AND (to_time IS NULL OR to_time > $2) AND (filled_at IS NULL OR $4) \
             ORDER BY from_time, reason, first_missing_id LIMIT $5"
        );
        let session = self.sessions.get().await?;
        let (from, to) = (asked.from.to_utc(), asked.to.to_utc());
        // At most MAX_PAGE, far below 2^63.
        let limit = asked.limit.clamp(1, MAX_PAGE) as i64;
        let rows = query(
            &session,
            "read gaps",
            &sql,
            &[&asked.instrument.0, &from, &to, &asked.with_filled, &limit],
        )
        .await?;
        rows.iter().map(gap).collect()
    }
}

/// The unfilled gaps overlapping `[from, to)`, ascending; of more than [`CAP`] the newest.
pub(super) async fn unfilled<C: GenericClient>(
    session: &C,
    instrument: InstrumentId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<StoredGap>, StoreError> {
    let sql = format!(
        "{GAP} WHERE instrument_id = $1 AND filled_at IS NULL AND from_time < $3 \
         AND (to_time IS NULL OR to_time > $2) ORDER BY from_time DESC LIMIT $4"
    );
    let (from, to) = (from.to_utc(), up_to_micros(to).to_utc());
    let rows = query(
        session,
        "read gaps",
        &sql,
        // CAP is a small constant.
        &[&instrument.0, &from, &to, &(CAP as i64)],
    )
    .await?;
    rows.iter().rev().map(gap).collect()
}

fn gap(row: &Row) -> Result<StoredGap, StoreError> {
    let name: &str = row.get(0);
    let reason = GapReason::ALL
        .into_iter()
        .find(|reason| reason.name() == name)
        .ok_or_else(|| StoreError::Unreadable(format!("gap reason {name:?}")))?;
    let id = |column| row.get::<_, Option<Decimal>>(column).and_then(trade_id);
    let time = |column| row.get::<_, Option<_>>(column).map(Timestamp::from_utc);
    Ok(StoredGap {
        reason,
        from: Timestamp::from_utc(row.get(1)),
        to: time(2),
        missing: id(3).zip(id(4)),
        detected_at: Timestamp::from_utc(row.get(5)),
        filled_at: time(6),
    })
}
