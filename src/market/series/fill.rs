//! Intervals without trades, at the close before them.

use std::time::Duration;

use coinsphere_pipelines::market::{Candle, Interval, Timestamp};
use rust_decimal::Decimal;

use super::{SeriesRequest, ceil};
use crate::market::{Candles, Gap, SeriesCandle};

/// An empty interval is not called complete until late trades had this long to arrive.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

/// Adds the empty intervals, at the close before them; never more than the limit in all. The open
/// interval is not added: it is not known yet whether it is empty.
pub(super) fn fill(
    page: &mut Candles,
    request: &SeriesRequest,
    seed: Option<Decimal>,
    gaps: &[Gap],
    now: Timestamp,
) {
    let interval = request.interval;
    let first = page.candles.first().map(|first| first.candle.open_time);
    let last_end = page.candles.last().map(|last| end_of(interval, last));
    let settled = request
        .to
        .unwrap_or(Timestamp::MAX)
        .min(interval.open_of(now));
    let end = page
        .next
        .unwrap_or_else(|| last_end.map_or(settled, |last| last.max(settled)));
    let Some(mut start) = first else {
        if let (Some(seed), Some(from)) = (seed, request.from) {
            extend(
                page,
                request,
                ceil(interval, from),
                end,
                Some(seed),
                gaps,
                now,
            );
        }
        return;
    };
    match request.from {
        Some(from) if seed.is_some() => start = ceil(interval, from),
        // The page begins where it was asked to, or nothing is known before it.
        Some(_) => {}
        None => {
            // The newest `limit` intervals, and not what comes before them.
            let limit = i64::try_from(request.limit).unwrap_or(i64::MAX);
            let length = interval.nanos().saturating_mul(limit);
            let earliest = ceil(interval, end).nanos().saturating_sub(length);
            if start.nanos() < earliest {
                start = Timestamp::from_nanos(earliest);
                page.previous = Some(start);
            }
        }
    }
    extend(page, request, start, end, seed, gaps, now);
}

fn extend(
    page: &mut Candles,
    request: &SeriesRequest,
    start: Timestamp,
    end: Timestamp,
    seed: Option<Decimal>,
    gaps: &[Gap],
    now: Timestamp,
) {
    let interval = request.interval;
    let mut stored = std::mem::take(&mut page.candles).into_iter().peekable();
    let mut close = seed;
    while let Some(early) = stored.next_if(|candle| candle.candle.open_time < start) {
        close = Some(early.candle.close);
    }
    let mut at = start;
    while at < end && page.candles.len() < request.limit {
        let next = interval.end_of(at);
        if let Some(candle) = stored.next_if(|candle| candle.candle.open_time < next) {
            close = Some(candle.candle.close);
            page.candles.push(candle);
        } else if let Some(price) = close {
            let settled = next + SETTLED_AFTER <= now;
            let complete = settled && !gaps.iter().any(|gap| gap.touches(at, next));
            page.candles.push(empty(at, price, complete));
        }
        at = next;
    }
    if at < end && request.from.is_some() {
        page.next = Some(at);
    }
}

fn empty(open_time: Timestamp, price: Decimal, complete: bool) -> SeriesCandle {
    SeriesCandle {
        candle: Candle {
            open_time,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ZERO,
            quote_volume: Decimal::ZERO,
            trades: 0,
            taker_buy_volume: Decimal::ZERO,
            complete,
        },
        revision: 0,
        open: false,
    }
}

fn end_of(interval: Interval, candle: &SeriesCandle) -> Timestamp {
    interval.end_of(candle.candle.open_time)
}
