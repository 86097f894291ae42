//! Putting candles together from where they are stored: built, imported, and the minutes still
//! open. Pure.

use super::gaps::CAP;
use crate::market::{Candle, Interval, Timestamp};
use crate::store::rows::{CandlePage, CandleQuery, CandleSource, StoredCandle, StoredGap};

/// Rows read for one page, each source ordered and cut as the page is.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// Stored candles of the asked length, and who built those that were not built here.
    pub(super) built: Vec<(Candle, i64, Option<String>)>,
    /// Candles recomputed from their minutes because the stored ones are stale.
    pub(super) recomputed: Vec<(Candle, i64)>,
    /// Imported candles.
    pub(super) imported: Vec<(Candle, i64, String)>,
    /// The instrument's open minutes.
    pub(super) live: Vec<Candle>,
    /// Every minute before this is closed.
    pub(super) closed_until: Option<Timestamp>,
}

/// Candles older than this may have lost minutes to the retention: the one with more trades counts.
pub(super) struct Kept {
    pub(super) from: Option<Timestamp>,
}

/// Puts the page together, without gaps yet.
pub(super) fn page(asked: &CandleQuery, limit: usize, sources: Sources, kept: &Kept) -> CandlePage {
    let interval = asked.interval;
    let built = sources.built.into_iter();
    let mut candles: Vec<StoredCandle> = built
        .map(|(candle, revision, source)| {
            let source = source.map_or(CandleSource::Built, CandleSource::Imported);
            stored(candle, revision, source)
        })
        .collect();
    candles.extend(
        sources
            .imported
            .into_iter()
            .map(|(candle, revision, source)| {
                stored(candle, revision, CandleSource::Imported(source))
            }),
    );
    // Stable: of two of the same time the first stays.
    candles.sort_by_key(|entry| entry.candle.open_time);
    candles.dedup_by_key(|entry| entry.candle.open_time);
    add_recomputed(&mut candles, sources.recomputed, kept);
    let newest_live = sources.live.iter().map(|minute| minute.open_time).max();
    add_live(&mut candles, asked, sources.live);
    if interval != Interval::Minute1 {
        for entry in &mut candles {
            let end = interval.end_of(entry.candle.open_time);
            let passed = sources.closed_until.is_some_and(|until| until >= end)
                || newest_live.is_some_and(|minute| minute >= end);
            if entry.source == CandleSource::Built && !passed {
                entry.open = true;
                entry.candle.complete = false;
            }
        }
    }
    cut(asked, limit, candles)
}

/// Where the candle of this time is, or belongs.
fn place(candles: &[StoredCandle], open_time: Timestamp) -> Result<usize, usize> {
    candles.binary_search_by_key(&open_time, |entry| entry.candle.open_time)
}

/// Puts recomputed candles in the place of stale and imported ones.
fn add_recomputed(candles: &mut Vec<StoredCandle>, recomputed: Vec<(Candle, i64)>, kept: &Kept) {
    let mut missing = Vec::new();
    for (candle, revision) in recomputed {
        let place = place(candles, candle.open_time);
        let fresh = stored(candle, revision, CandleSource::Built);
        let Ok(place) = place else {
            missing.push(fresh);
            continue;
        };
        let old = &mut candles[place];
        let better = old.source != CandleSource::Built
            || kept.from.is_some_and(|from| fresh.candle.open_time >= from)
            || fresh.candle.trades >= old.candle.trades;
        if better {
            *old = fresh;
        }
    }
    candles.append(&mut missing);
    candles.sort_by_key(|entry| entry.candle.open_time);
}

fn stored(candle: Candle, revision: i64, source: CandleSource) -> StoredCandle {
    StoredCandle {
        candle,
        // Revisions count corrections; 2^32 of them would take a correction a second for a century.
        revision: u32::try_from(revision).unwrap_or(u32::MAX),
        open: false,
        source,
    }
}

/// Merges the open minutes into the candles they belong to.
fn add_live(candles: &mut Vec<StoredCandle>, asked: &CandleQuery, mut live: Vec<Candle>) {
    live.sort_by_key(|minute| minute.open_time);
    for mut minute in live {
        let minute_time = minute.open_time;
        let bucket = asked.interval.open_of(minute_time);
        let wanted =
            asked.from.is_none_or(|from| bucket >= from) && asked.to.is_none_or(|to| bucket < to);
        if !wanted {
            continue;
        }
        minute.open_time = bucket;
        minute.complete = false;
        let place = place(candles, bucket);
        match place {
            // A minute that is both stored and open cannot be: they change in one transaction.
            Ok(place) if candles[place].source == CandleSource::Built => {
                let built = &mut candles[place];
                extend(&mut built.candle, &minute);
                built.open = true;
            }
            place => {
                let mut fresh = stored(minute, 0, CandleSource::Built);
                fresh.open = true;
                match place {
                    Ok(place) => candles[place] = fresh,
                    Err(place) => candles.insert(place, fresh),
                }
            }
        }
    }
}

/// Adds a later stretch of the same interval to a candle.
fn extend(candle: &mut Candle, later: &Candle) {
    candle.high = candle.high.max(later.high);
    candle.low = candle.low.min(later.low);
    candle.close = later.close;
    // Saturating: sums of volumes near 2^96 units belong to no market.
    candle.volume = candle.volume.saturating_add(later.volume);
    candle.quote_volume = candle.quote_volume.saturating_add(later.quote_volume);
    candle.taker_buy_volume = candle
        .taker_buy_volume
        .saturating_add(later.taker_buy_volume);
    candle.trades = candle.trades.saturating_add(later.trades);
    candle.complete = false;
}

fn cut(asked: &CandleQuery, limit: usize, mut candles: Vec<StoredCandle>) -> CandlePage {
    let more = candles.len() > limit;
    let forward = asked.from.is_some();
    if forward {
        candles.truncate(limit);
    } else {
        candles.drain(..candles.len().saturating_sub(limit));
    }
    let next = candles
        .last()
        .filter(|_| more && forward)
        .map(|last| asked.interval.end_of(last.candle.open_time));
    let previous = candles
        .first()
        .filter(|_| more && !forward)
        .map(|first| first.candle.open_time);
    CandlePage {
        candles,
        next,
        previous,
        gaps: Vec::new(),
    }
}

/// Adds the gaps, and lets those that touch a candle make it incomplete: a minute that lies in a gap
/// altogether has no row of its own to say so, and one that can no longer be rebuilt is not written
/// again. The page then holds those gaps that overlap the time it speaks about.
pub(super) fn apply_gaps(page: &mut CandlePage, asked: &CandleQuery, mut gaps: Vec<StoredGap>) {
    let interval = asked.interval;
    // With so many gaps that the earliest were not read, nothing before those is certain.
    let uncertain_before = (gaps.len() >= CAP)
        .then(|| gaps.first().map(|gap| gap.from))
        .flatten();
    match span(asked, page) {
        Some((from, to)) => gaps.retain(|gap| gap.touches(from, to)),
        // Nothing is stored yet: what is known to be missing is all there is to say.
        None if asked.from.is_none() => {}
        None => gaps.clear(),
    }
    let merged = merge_ranges(&gaps);
    for entry in &mut page.candles {
        if entry.source != CandleSource::Built {
            continue;
        }
        let open = entry.candle.open_time;
        let end = interval.end_of(open);
        // The last range that begins before the candle's end: ranges do not overlap, so it is
        // also the one that ends last.
        let index = merged.partition_point(|(from, _)| *from < end);
        let touched = index > 0 && merged[index - 1].1 > open;
        if touched || uncertain_before.is_some_and(|time| open < time) {
            entry.candle.complete = false;
        }
    }
    page.gaps = gaps;
}

/// The time that the page speaks about: what was asked for, except where there is more to come.
fn span(asked: &CandleQuery, page: &CandlePage) -> Option<(Timestamp, Timestamp)> {
    let first = page.candles.first().map(|first| first.candle.open_time);
    let from = asked.from.or(first)?;
    let to = page.next.or(asked.to).unwrap_or(Timestamp::MAX);
    (from < to).then_some((from, to))
}

/// Disjoint ranges covering the same time, ascending.
fn merge_ranges(gaps: &[StoredGap]) -> Vec<(Timestamp, Timestamp)> {
    let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
    for gap in gaps {
        let end = gap.to.unwrap_or(Timestamp::MAX);
        match merged.last_mut() {
            Some(last) if gap.from <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((gap.from, end)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::candles::GapReason;
    use crate::store::rows::InstrumentId;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_seconds(minute * 60).unwrap()
    }

    fn candle(minute: i64, price: i64, complete: bool) -> Candle {
        let price = Decimal::from(price);
        Candle {
            open_time: at(minute),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ONE,
            quote_volume: price,
            trades: 1,
            taker_buy_volume: Decimal::ZERO,
            complete,
        }
    }

    fn asked(interval: Interval, from: Option<i64>, to: Option<i64>) -> CandleQuery {
        CandleQuery {
            instrument: InstrumentId(1),
            asset: None,
            interval,
            from: from.map(at),
            to: to.map(at),
            limit: 2,
        }
    }

    const KEPT: Kept = Kept { from: None };

    #[test]
    fn open_minutes_extend_the_open_bucket() {
        let sources = Sources {
            built: vec![(candle(0, 10, true), 1, None)],
            live: vec![candle(4, 7, false), candle(3, 12, false)],
            closed_until: Some(at(3)),
            ..Sources::default()
        };
        let page = page(&asked(Interval::Minute5, None, None), 2, sources, &KEPT);
        let [only] = page.candles.as_slice() else {
            panic!("{page:?}");
        };
        assert!(only.open && !only.candle.complete);
        assert_eq!(only.revision, 1);
        let numbers = (
            only.candle.open,
            only.candle.high,
            only.candle.low,
            only.candle.close,
        );
        assert_eq!(numbers, (10.into(), 12.into(), 7.into(), 7.into()));
        assert_eq!((only.candle.trades, only.candle.volume), (3, 3.into()));
    }

    #[test]
    fn a_bucket_is_closed_once_time_has_passed_its_end() {
        let closed = |closed_until, live: Vec<Candle>| {
            let sources = Sources {
                built: vec![(candle(0, 10, true), 0, None)],
                closed_until,
                live,
                ..Sources::default()
            };
            let page = page(&asked(Interval::Minute5, None, None), 2, sources, &KEPT);
            (page.candles[0].open, page.candles[0].candle.complete)
        };
        assert_eq!(closed(Some(at(4)), vec![]), (true, false));
        assert_eq!(closed(None, vec![]), (true, false));
        assert_eq!(closed(Some(at(5)), vec![]), (false, true));
        assert_eq!(
            closed(Some(at(1)), vec![candle(7, 1, false)]),
            (false, true)
        );
    }

    #[test]
    fn built_candles_come_before_imported_ones_and_recomputed_before_stale() {
        let sources = Sources {
            imported: vec![
                (candle(0, 1, true), 0, "coingecko".to_owned()),
                (candle(5, 1, true), 0, "coingecko".to_owned()),
            ],
            built: vec![(candle(5, 2, true), 0, None)],
            recomputed: vec![(candle(5, 3, true), 1)],
            closed_until: Some(at(99)),
            ..Sources::default()
        };
        let page = page(&asked(Interval::Minute5, None, None), 9, sources, &KEPT);
        let closes: Vec<_> = page.candles.iter().map(|c| c.candle.close).collect();
        assert_eq!(closes, [1.into(), 3.into()]);
        assert_eq!(
            page.candles[0].source,
            CandleSource::Imported("coingecko".to_owned())
        );
    }

    #[test]
    fn minutes_lost_to_the_retention_do_not_shrink_history() {
        let mut whole = candle(0, 2, true);
        whole.trades = 9;
        let sources = |whole: &Candle| Sources {
            built: vec![(whole.clone(), 0, None)],
            recomputed: vec![(candle(0, 3, true), 0)],
            closed_until: Some(at(99)),
            ..Sources::default()
        };
        let query = asked(Interval::Minute5, None, None);
        let close = |kept: Kept| {
            page(&query, 9, sources(&whole), &kept).candles[0]
                .candle
                .close
        };
        assert_eq!(close(Kept { from: Some(at(5)) }), 2.into());
        assert_eq!(close(Kept { from: Some(at(0)) }), 3.into());
    }

    #[test]
    fn pages_say_where_to_go_on() {
        let sources = |limit: usize| Sources {
            built: (0..limit as i64)
                .map(|m| (candle(m, 1, true), 0, None))
                .collect(),
            ..Sources::default()
        };
        let forward = page(
            &asked(Interval::Minute1, Some(0), None),
            2,
            sources(3),
            &KEPT,
        );
        assert_eq!((forward.next, forward.previous), (Some(at(2)), None));
        let newest = page(&asked(Interval::Minute1, None, None), 2, sources(3), &KEPT);
        assert_eq!((newest.next, newest.previous), (None, Some(at(1))));
        assert_eq!(newest.candles[0].candle.open_time, at(1));
        let whole = page(&asked(Interval::Minute1, None, None), 3, sources(3), &KEPT);
        assert_eq!((whole.next, whole.previous), (None, None));
    }

    #[test]
    fn a_gap_makes_the_longer_candles_it_touches_incomplete() {
        let gap = |from: i64, to: Option<i64>| StoredGap {
            reason: GapReason::Disconnect,
            from: at(from),
            to: to.map(at),
            missing: None,
            detected_at: at(from),
            filled_at: None,
        };
        let complete = |gaps: Vec<StoredGap>| {
            let sources = Sources {
                built: [0, 5, 10, 15]
                    .map(|m| (candle(m, 1, true), 0, None))
                    .to_vec(),
                closed_until: Some(at(99)),
                ..Sources::default()
            };
            let mut page = page(&asked(Interval::Minute5, None, None), 9, sources, &KEPT);
            apply_gaps(&mut page, &asked(Interval::Minute5, None, None), gaps);
            page.candles
                .iter()
                .map(|entry| entry.candle.complete)
                .collect::<Vec<_>>()
        };
        assert_eq!(complete(vec![]), [true, true, true, true]);
        assert_eq!(complete(vec![gap(5, Some(10))]), [true, false, true, true]);
        assert_eq!(complete(vec![gap(4, Some(6))]), [false, false, true, true]);
        // A long gap followed by a short one inside it.
        let nested = vec![gap(0, Some(11)), gap(1, Some(2))];
        assert_eq!(complete(nested), [false, false, false, true]);
        assert_eq!(complete(vec![gap(12, None)]), [true, true, false, false]);
    }
}
