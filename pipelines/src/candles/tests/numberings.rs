//! Venues that begin their trade numbers again.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::computed::{expected, through_a_log};
use super::*;
use crate::events::DisconnectReason;
use crate::market::Interval;

/// Feeds trades as they come live: a tick goes before each.
fn live(feed: &mut EngineDriver, trades: impl IntoIterator<Item = Trade>) {
    for trade in trades {
        let received_at = trade.time + Duration::from_millis(50);
        feed.send(received_at, Body::Tick);
        feed.trades(&[trade]);
    }
}

/// One trade a second from `start`, numbered from `first`.
fn numbered(first: u64, start: u64, count: u64) -> impl Iterator<Item = Trade> {
    (0..count).map(move |i| trade(first + i, (start + i) as f64))
}

fn counts_of(feed: &EngineDriver) -> Vec<u64> {
    let candles = feed.engine.final_candles(&key()).unwrap();
    candles
        .minutes()
        .iter()
        .map(|candle| candle.trades)
        .collect()
}

fn file() -> EngineDriver {
    let mut feed = EngineDriver::new(Rules::for_file(Duration::from_secs(2)));
    feed.send(at(0.0), Body::Subscribed(vec![symbol()]));
    feed
}

#[test]
fn every_trade_of_both_numberings_is_counted_and_nothing_is_missing_between_their_numbers() {
    // The second numbering, and the pause before it: the same numbers, overlapping ones, lower ones,
    // and without a pause.
    for (first, then, pause) in [
        (1, 1, 600),
        (300, 1, 600),
        (500_000, 1, 600),
        (1, 1, 0),
        (900, 700, 0),
    ] {
        let what = format!("{first} then {then} after {pause} s");
        let mut feed = file();
        live(&mut feed, numbered(first, 0, 600));
        live(&mut feed, numbered(then, 600 + pause, 1_200));
        assert_eq!(feed.engine.counts().duplicates, 0, "{what}");
        assert_eq!(counts_of(&feed), vec![60; 30], "{what}");
        let candles = feed.engine.final_candles(&key()).unwrap();
        let incomplete: Vec<_> = candles
            .minutes()
            .into_iter()
            .filter(|candle| !candle.complete)
            .map(|candle| candle.open_time)
            .collect();
        // Between the last trade of one numbering and the first of the other, ids show nothing.
        let last = 600 + pause + 1_200 - 60;
        assert_eq!(incomplete, [at(540.0), at(last as f64)], "{what}");
    }
}

#[test]
fn a_restart_is_one_gap_with_its_own_reason_and_rebuilds_nothing_else() {
    let mut feed = EngineDriver::since_midnight();
    live(&mut feed, numbered(500_000, 0, 600));
    feed.commit();
    live(&mut feed, numbered(1, 1_200, 600));
    let commit = feed.commit();
    let gaps: Vec<_> = commit
        .gaps
        .iter()
        .map(|gap| (gap.reason, gap.from, gap.to, gap.missing))
        .collect();
    let restart = (
        GapReason::NumberingRestart,
        at(599.0),
        Some(at(1_200.0)),
        None,
    );
    assert_eq!(gaps, [restart]);
    let due: Vec<_> = feed
        .engine
        .due_rebuilds()
        .map(|(_, minute)| minute)
        .collect();
    assert_eq!(due, [at(540.0)], "its last minute may lack trades");
    assert!(
        commit
            .closed
            .iter()
            .filter(|w| w.candle.open_time > at(1_140.0))
            .all(|w| w.candle.complete)
    );
    assert_eq!(feed.engine.counts().late, 0);
}

#[test]
fn gaps_of_the_old_numbering_stay_and_can_still_be_filled() {
    let mut feed = EngineDriver::since_midnight();
    live(
        &mut feed,
        numbered(1_000, 0, 100).filter(|trade| trade.id.0 != 1_070),
    );
    live(&mut feed, numbered(1_000, 100, 100));
    feed.engine.take_commit();
    let first = CandleBuilder::new(&trade(1_060, 60.0));
    feed.engine.rebuilt(&key(), at(60.0), Some(&first));
    assert_eq!(
        feed.complete(),
        [("00:01".to_owned(), false)],
        "1070 is missing"
    );
    // It arrives after all: late, of the numbering before.
    feed.trades(&[trade(1_070, 70.0)]);
    let filled: Vec<_> = feed.commit().gaps;
    assert_eq!(filled.len(), 1);
    assert_eq!(filled[0].missing, Some((TradeId(1_070), TradeId(1_070))));
    assert!(filled[0].filled_at.is_some());
    // Whatever is delivered again is counted once, of either numbering.
    feed.trades(&[trade(1_070, 70.0), trade(1_099, 99.0), trade(1_099, 199.0)]);
    assert_eq!(feed.engine.counts().duplicates, 3);
}

#[test]
fn a_restart_behind_a_lost_connection_is_found_by_ticks_or_without() {
    for ticks in [false, true] {
        let mut feed = EngineDriver::since_midnight();
        live(&mut feed, numbered(100, 0, 100));
        feed.send(
            at(100.0),
            Body::Disconnected {
                reason: DisconnectReason::Lost,
                last_frame_at: at(99.05),
            },
        );
        feed.connection = ConnectionId(2);
        feed.send(at(110.0), Body::Subscribed(vec![symbol()]));
        for second in 111..200 {
            if ticks {
                feed.tick(f64::from(second));
            }
            if second % 3 == 0 {
                feed.trades(&[trade(100 + second as u64 / 3 - 37, f64::from(second))]);
            }
        }
        let counts = feed.engine.counts();
        assert_eq!((counts.duplicates, counts.late), (0, 0), "ticks: {ticks}");
        assert_eq!(counts.counted, 100 + 30, "ticks: {ticks}");
    }
}

#[test]
fn the_same_number_and_time_with_another_price_is_another_trade() {
    let mut feed = file();
    let one = trade(7, 30.0);
    let other = Trade {
        price: Price::parse("4711").unwrap(),
        ..one
    };
    feed.trades(&[trade(6, 29.0), one, other, one, other]);
    assert_eq!(feed.engine.counts().duplicates, 2);
    assert_eq!(counts_of(&feed), [3]);
}

prop_compose! {
    /// Up to four numberings with pauses between, trades out of order by little, some delivered again
    /// up to some hundred trades later.
    fn numberings()(
        parts in prop::collection::vec(
            (1_u64..400, 1_u64..400_000, prop::collection::vec((1_u64..4_000, 0_usize..20), 1..90)),
            1..5,
        ),
    ) -> Vec<Trade> {
        let mut millis = 0;
        let mut delivered: Vec<(usize, Trade)> = Vec::new();
        let mut position = 0;
        for (first, pause, steps) in parts {
            millis += pause;
            for (i, (step, kind)) in steps.into_iter().enumerate() {
                millis += step;
                let one = trade(first + i as u64, millis as f64 / 1_000.0);
                // A neighbour may come first, if it is of the same numbering.
                let before = usize::from(kind == 3 && i > 1);
                delivered.push((position * 4 - before * 5, one));
                if kind > 15 {
                    delivered.push((position * 4 + kind * 25, one));
                }
                position += 1;
            }
            position += 2;
        }
        delivered.sort_by_key(|(position, _)| *position);
        delivered.into_iter().map(|(_, trade)| trade).collect()
    }
}

proptest! {
    #[test]
    fn candles_of_several_numberings_equal_an_independent_computation(
        trades in numberings(), records_a_step in 1_usize..40, restart in any::<prop::sample::Index>(),
    ) {
        let expected = expected(&trades, Interval::Minute1);
        let numbers = |candle: &Candle| Candle { complete: true, ..candle.clone() };
        let mut feed = file();
        live(&mut feed, trades.iter().copied());
        let minutes = feed.engine.final_candles(&key()).unwrap().minutes();
        prop_assert_eq!(
            minutes.iter().map(numbers).collect::<Vec<_>>(),
            expected.values().cloned().collect::<Vec<_>>()
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (stored, _) = runtime.block_on(through_a_log(&trades, records_a_step, restart));
        let stored: BTreeMap<_, _> = stored.into_iter().map(|(time, c)| (time, numbers(&c))).collect();
        prop_assert_eq!(stored, expected);
    }

    #[test]
    fn a_minute_that_lacks_a_trade_is_never_complete(
        trades in numberings(), lost in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        leaps in prop::collection::vec((any::<prop::sample::Index>(), -100_000_000_i64..110_000_000), 0..4),
    ) {
        let whole = expected(&trades, Interval::Minute1);
        let lost: Vec<Trade> = lost.iter().map(|index| trades[index.index(trades.len())]).collect();
        let leaps: BTreeMap<usize, i64> =
            leaps.iter().map(|(index, by)| (index.index(trades.len()), *by)).collect();
        let mut feed = file();
        let mut newest = Timestamp::MIN;
        for (i, one) in trades.iter().enumerate() {
            let leap = leaps.get(&i).copied().unwrap_or(0);
            let time = one.time.nanos() + leap * 1_000_000;
            feed.send(Timestamp::from_nanos(time), Body::Tick);
            if lost.iter().any(|l| (l.id, l.time) == (one.id, one.time)) {
                continue;
            }
            newest = newest.max(one.time);
            feed.send(
                Timestamp::from_nanos(time),
                Body::Trades(vec![InstrumentTrades { symbol: symbol(), trades: vec![*one] }]),
            );
        }
        let Some(candles) = feed.engine.final_candles(&key()) else { return Ok(()) };
        for candle in candles.minutes() {
            let end = Interval::Minute1.end_of(candle.open_time);
            let said = candle.complete && candles.is_complete(candle.open_time, end);
            let all = whole.get(&candle.open_time).map(|whole| whole.trades);
            // What a numbering lacks at its ends leaves no trace.
            let is_lost = |one: &Trade| lost.iter().any(|l| (l.id, l.time) == (one.id, one.time));
            let neighbour = |id: u64, of: &Trade| {
                trades.iter().any(|t| {
                    let apart = t.time.since(of.time).max(of.time.since(t.time));
                    t.id.0 == id && apart < Duration::from_secs(4) && !is_lost(t)
                })
            };
            let shows = lost.iter().any(|l| {
                Interval::Minute1.open_of(l.time) == candle.open_time
                    && neighbour(l.id.0 - 1, l)
                    && neighbour(l.id.0 + 1, l)
            });
            if all != Some(candle.trades) && shows {
                prop_assert!(!said, "{candle:?} of {all:?}");
            }
            if end > newest && leaps.is_empty() {
                prop_assert!(!said, "{candle:?} is not over at {newest}");
            }
        }
    }
}
