//! The gaps that are to be closed: which are due, and how an attempt ended. Several processes may repair: each
//! gap is claimed by one of them for a while.

use std::time::Duration;

use rust_decimal::Decimal;

use super::Store;
use super::error::StoreError;
use super::pool::{execute, query};
use super::read::gap_reason;
use super::resume::trade_id;
use super::rows::InstrumentId;
use crate::candles::GapReason;
use crate::market::{InstrumentKey, Symbol, Timestamp, TradeId, Venue};

/// Gaps claimed at once.
const CLAIMED: i64 = 32;

/// The time a claim lasts. An attempt that succeeds through the log has ended the gap long before.
const LEASE: Duration = Duration::from_secs(180);

/// The wait after the first attempt that failed; doubled with each.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// The longest wait.
const MOST_WAIT: Duration = Duration::from_secs(24 * 3_600);

/// Missing trades first, because they close outages too; then the newest.
const CLAIM: &str = "UPDATE gaps AS claimed SET attempts = claimed.attempts + 1, \
         next_attempt_at = $4::timestamptz \
     FROM (SELECT g.ctid, i.symbol, s.closed_until FROM gaps g \
               JOIN instruments i ON i.id = g.instrument_id \
               LEFT JOIN instrument_state s ON s.instrument_id = g.instrument_id \
           WHERE g.filled_at IS NULL AND g.to_time IS NOT NULL AND i.venue = $1 \
             AND (i.symbol = ANY($2) OR i.added_at IS NOT NULL) \
             AND (g.next_attempt_at IS NULL OR g.next_attempt_at <= $3) \
           ORDER BY g.first_missing_id IS NULL, g.from_time DESC LIMIT $5 \
           FOR UPDATE OF g SKIP LOCKED) AS due \
     WHERE claimed.ctid = due.ctid \
     RETURNING claimed.instrument_id, due.symbol, claimed.reason, claimed.from_time, claimed.to_time, \
         claimed.first_missing_id, claimed.last_missing_id, claimed.attempts, due.closed_until";

/// The columns that name a gap.
const THIS: &str = "instrument_id = $1 AND reason = $2 AND from_time = $3 \
     AND first_missing_id IS NOT DISTINCT FROM $4 AND filled_at IS NULL";

/// A gap that is to be closed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueGap {
    /// The instrument's number.
    pub number: InstrumentId,
    /// The instrument.
    pub instrument: InstrumentKey,
    /// Why there is a gap.
    pub reason: GapReason,
    /// Start, inclusive.
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
    /// The missing trade numbers, first and last inclusive, where they are known.
    pub missing: Option<(TradeId, TradeId)>,
    /// Attempts, this one included.
    pub attempts: u32,
    /// The time before which the instrument's minutes have closed, by the venue's clock.
    pub closed_until: Option<Timestamp>,
}

impl DueGap {
    /// When the next attempt is made after this one has failed.
    #[must_use]
    pub fn next_wait(&self, is_retriable: bool) -> Duration {
        if !is_retriable {
            return MOST_WAIT;
        }
        let doubled = FIRST_WAIT.saturating_mul(1 << self.attempts.saturating_sub(1).min(20));
        doubled.min(MOST_WAIT)
    }
}

impl Store {
    /// Claims gaps of a venue's instruments that are due: of these instruments, and of those that
    /// administrators added. A claimed gap that has not ended is due again after three minutes.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn claim_due_gaps(
        &self,
        venue: Venue,
        followed: &[Symbol],
        now: Timestamp,
    ) -> Result<Vec<DueGap>, StoreError> {
        let symbols: Vec<&str> = followed.iter().map(Symbol::as_str).collect();
        let session = self.pool.get().await?;
        let (name, until) = (venue.name(), (now + LEASE).to_utc());
        let params: super::Params<'_> = &[&name, &symbols, &now.to_utc(), &until, &CLAIMED];
        let rows = query(&session, "claim gaps", CLAIM, params).await?;
        let id = |id: Option<Decimal>| id.and_then(trade_id);
        let due = rows.iter().map(|row| {
            let symbol: &str = row.get(1);
            let symbol = Symbol::new(symbol)
                .map_err(|_| StoreError::Unreadable(format!("symbol {symbol:?}")))?;
            Ok(DueGap {
                number: InstrumentId(row.get(0)),
                instrument: InstrumentKey::new(venue, symbol),
                reason: gap_reason(row.get(2))?,
                from: Timestamp::from_utc(row.get(3)),
                to: Timestamp::from_utc(row.get(4)),
                missing: id(row.get(5)).zip(id(row.get(6))),
                attempts: u32::try_from(row.get::<_, i32>(7)).unwrap_or(u32::MAX),
                closed_until: row.get::<_, Option<_>>(8).map(Timestamp::from_utc),
            })
        });
        let mut due: Vec<DueGap> = due.collect::<Result<_, StoreError>>()?;
        due.sort_by_key(|gap| (gap.missing.is_none(), std::cmp::Reverse(gap.from)));
        Ok(due)
    }

    /// Notes why an attempt failed, and when the next one is made.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn note_failed_repair(
        &self,
        gap: &DueGap,
        error: &str,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let error: String = error.chars().take(500).collect();
        let set = "next_attempt_at = $5, last_error = $6";
        self.update_gap(gap, set, next, &error).await
    }

    /// Gives a claimed gap back, to be tried at this time; that was no attempt.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn postpone_repair(&self, gap: &DueGap, next: Timestamp) -> Result<(), StoreError> {
        let set = "next_attempt_at = $5, attempts = greatest(attempts - 1, 0), \
                   last_error = nullif(last_error, $6)";
        self.update_gap(gap, set, next, "").await
    }

    async fn update_gap(
        &self,
        gap: &DueGap,
        set: &str,
        next: Timestamp,
        error: &str,
    ) -> Result<(), StoreError> {
        let session = self.pool.get().await?;
        let first = gap.missing.map(|(first, _)| Decimal::from(first.0));
        let (from, next) = (gap.from.to_utc(), next.to_utc());
        let sql = format!("UPDATE gaps SET {set} WHERE {THIS}");
        let (number, reason) = (gap.number.0, gap.reason.name());
        let params: super::Params<'_> = &[&number, &reason, &from, &first, &next, &error];
        execute(&session, "note an attempt at a gap", &sql, params).await?;
        Ok(())
    }

    /// Ends the gaps of an instrument all of whose minutes are proven by a source of candles.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn end_proven_gaps(
        &self,
        instrument: InstrumentId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let session = self.pool.get().await?;
        let sql = "UPDATE gaps SET filled_at = $2, next_attempt_at = NULL, last_error = NULL \
                   WHERE instrument_id = $1 AND filled_at IS NULL AND to_time IS NOT NULL \
                     AND EXISTS (SELECT FROM history_spans s WHERE s.instrument_id = $1 \
                         AND s.interval = '1m' \
                         AND date_trunc('minute', gaps.from_time) >= s.from_time \
                         AND date_trunc('minute', gaps.to_time + INTERVAL '59.999999 seconds') <= s.to_time)";
        let params: super::Params<'_> = &[&instrument.0, &now.to_utc()];
        execute(&session, "end proven gaps", sql, params).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_day() {
        let gap = |attempts| DueGap {
            number: InstrumentId(1),
            instrument: InstrumentKey::new(Venue::new("binance"), Symbol::new("BTCUSDT").unwrap()),
            reason: GapReason::MissingTrades,
            from: Timestamp::from_nanos(0),
            to: Timestamp::from_nanos(1),
            missing: None,
            attempts,
            closed_until: None,
        };
        let waits: Vec<u64> = [0, 1, 2, 5, 40]
            .map(|attempts| gap(attempts).next_wait(true).as_secs())
            .to_vec();
        assert_eq!(waits, [5, 5, 10, 80, 86_400]);
        assert_eq!(gap(1).next_wait(false), MOST_WAIT);
    }
}
