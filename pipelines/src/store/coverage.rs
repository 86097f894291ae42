//! Reading what is known of an instrument's time.

use super::Store;
use super::error::StoreError;
use super::pool::query;
use super::read::gap_reason;
use super::rows::{InstrumentId, MAX_PAGE};
use crate::coverage::{Coverage, CoverageGap, CoveredSpan, TRADES};
use crate::market::{Interval, Timestamp};
use crate::time_ranges::{TimeRange, subtract};

/// The unfilled gaps of a window, the earliest first.
const GAPS: &str = "SELECT reason, from_time, to_time, detected_at, attempts, next_attempt_at, \
     last_error FROM gaps WHERE instrument_id = $1 AND filled_at IS NULL AND from_time < $3 \
     AND (to_time IS NULL OR to_time > $2) ORDER BY from_time, reason LIMIT $4";

/// When trades were first listened to, and until when that has come to closed minutes. The gap before the
/// first trade ends where listening began.
const LISTENED: &str = "SELECT (SELECT min(to_time) FROM gaps \
         WHERE instrument_id = $1 AND reason = 'late_start'), \
     (SELECT closed_until FROM instrument_state WHERE instrument_id = $1)";

impl Store {
    /// Coverage of a window of an instrument's time for candles of this length. Minutes that are
    /// proven prove longer candles too. With more than [`MAX_PAGE`] gaps the window ends at the last of these.
    ///
    /// # Errors
    /// When the database is unreachable or refuses.
    pub async fn coverage(
        &self,
        instrument: InstrumentId,
        interval: Interval,
        (from, to): TimeRange,
    ) -> Result<Coverage, StoreError> {
        let mut spans = self.proven_spans(instrument, Interval::Minute1).await?;
        if interval != Interval::Minute1 {
            spans.extend(self.proven_spans(instrument, interval).await?);
        }
        let session = self.pool.get().await?;
        // A page's worth, far below 2^63.
        let limit = MAX_PAGE as i64;
        let params: super::Params<'_> = &[&instrument.0, &from.to_utc(), &to.to_utc(), &limit];
        let rows = query(&session, "read the gaps", GAPS, params).await?;
        let listened = query(&session, "read since when", LISTENED, &[&instrument.0]).await?;
        drop(session);
        let mut gaps = Vec::with_capacity(rows.len());
        for row in &rows {
            gaps.push(CoverageGap {
                reason: gap_reason(row.get(0))?,
                from: Timestamp::from_utc(row.get(1)),
                to: row.get::<_, Option<_>>(2).map(Timestamp::from_utc),
                detected_at: Timestamp::from_utc(row.get(3)),
                attempts: u32::try_from(row.get::<_, i32>(4)).unwrap_or(0),
                next_attempt_at: row.get::<_, Option<_>>(5).map(Timestamp::from_utc),
                last_error: row.get(6),
            });
        }
        let to = match gaps.last() {
            Some(last) if gaps.len() == MAX_PAGE => to.min(last.from),
            _ => to,
        };
        let begun = listened.first().and_then(|row| {
            let since: Option<_> = row.get(0);
            let until: Option<_> = row.get(1);
            since.zip(until)
        });
        let mut covered: Vec<CoveredSpan> = Vec::new();
        if let Some((since, until)) = begun {
            let all = vec![(Timestamp::from_utc(since), Timestamp::from_utc(until))];
            let whole = gaps.iter().fold(all, |left, gap| {
                subtract(&left, (gap.from, gap.to.unwrap_or(Timestamp::MAX)))
            });
            covered.extend(whole.into_iter().map(|(from, to)| CoveredSpan {
                from,
                to,
                source: TRADES.to_owned(),
            }));
        }
        covered.extend(spans.into_iter().map(|span| CoveredSpan {
            from: span.from,
            to: span.to,
            source: span.source,
        }));
        for span in &mut covered {
            span.from = span.from.max(from);
            span.to = span.to.min(to);
        }
        covered.retain(|span| span.from < span.to);
        covered.sort_by(|a, b| (a.from, &a.source).cmp(&(b.from, &b.source)));
        Ok(Coverage {
            from,
            to,
            spans: covered,
            gaps,
        })
    }
}
