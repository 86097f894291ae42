//! Reading gaps.

use rust_decimal::Decimal;
use tokio_postgres::Row;

use crate::candles::GapReason;
use crate::market::Timestamp;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::pool::query;
use crate::store::resume::trade_id;
use crate::store::rows::{GapQuery, MAX_PAGE, StoredGap};

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
        let session = self.pool.get().await?;
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

fn gap(row: &Row) -> Result<StoredGap, StoreError> {
    let filled_at: Option<_> = row.get(6);
    Ok(StoredGap {
        filled_at: filled_at.map(Timestamp::from_utc),
        ..read_gap(row, [0, 1, 2, 3, 4, 5])?
    })
}

/// The reason with this name.
pub(in crate::store) fn gap_reason(name: &str) -> Result<GapReason, StoreError> {
    GapReason::ALL
        .into_iter()
        .find(|reason| reason.name() == name)
        .ok_or_else(|| StoreError::Unreadable(format!("gap reason {name:?}")))
}

/// An unfilled gap whose reason, start, end, first and last missing id and time of detection are in
/// these columns.
pub(super) fn read_gap(row: &Row, columns: [usize; 6]) -> Result<StoredGap, StoreError> {
    let [reason, from, to, first, last, detected_at] = columns;
    let reason = gap_reason(row.get(reason))?;
    let id = |column| row.get::<_, Option<Decimal>>(column).and_then(trade_id);
    let to: Option<_> = row.get(to);
    Ok(StoredGap {
        reason,
        from: Timestamp::from_utc(row.get(from)),
        to: to.map(Timestamp::from_utc),
        missing: id(first).zip(id(last)),
        detected_at: Timestamp::from_utc(row.get(detected_at)),
        filled_at: None,
    })
}
