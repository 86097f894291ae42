//! Clocks that are wrong: closing may be late, never early for good.

use proptest::prelude::*;

use super::*;
use crate::events::DisconnectReason;
use crate::market::Interval;
use crate::venues::admission::Admission;

/// A trade a second in `seconds`, but for some, each behind a tick.
fn live(feed: &mut EngineDriver, seconds: std::ops::Range<u64>, without: &[u64]) {
    for second in seconds.filter(|second| !without.contains(second)) {
        feed.tick(second as f64 + 0.05);
        feed.trades(&[trade(1_000 + second, second as f64)]);
    }
}

fn rebuild(feed: &mut EngineDriver, trades: impl IntoIterator<Item = u64>) -> Vec<(String, bool)> {
    let due: Vec<_> = feed.engine.due_rebuilds().collect();
    let mut builder: Option<CandleBuilder> = None;
    for second in trades {
        let trade = trade(1_000 + second, second as f64);
        match &mut builder {
            Some(builder) => builder.add(&trade),
            None => builder = Some(CandleBuilder::new(&trade)),
        }
    }
    for (key, minute) in due {
        feed.engine.rebuilt(&key, minute, builder.as_ref());
    }
    feed.complete()
}

#[test]
fn a_minute_that_a_tick_from_the_future_closed_is_reopened_by_the_next_trade() {
    for ahead in [3_600.0, 108_000.0] {
        let mut feed = EngineDriver::since_midnight();
        live(&mut feed, 0..90, &[]);
        feed.complete();
        feed.tick(90.0 + ahead);
        assert_eq!(feed.complete(), [("00:01".to_owned(), true)]);
        live(&mut feed, 90..100, &[]);
        assert_eq!(
            rebuild(&mut feed, 60..100),
            [("00:01".to_owned(), false)],
            "it is not over"
        );
        live(&mut feed, 100..122, &[]);
        assert_eq!(feed.complete(), [], "one rebuild, not one a trade");
        live(&mut feed, 122..123, &[]);
        assert_eq!(rebuild(&mut feed, 60..120), [("00:01".to_owned(), true)]);
        // What follows closes as ever.
        live(&mut feed, 123..200, &[150]);
        assert_eq!(feed.complete(), [("00:02".to_owned(), false)]);
    }
}

#[test]
fn a_state_with_a_time_in_the_future_recovers() {
    let mut feed = EngineDriver::since_midnight();
    live(&mut feed, 0..90, &[]);
    feed.tick(90.0 + 108_000.0);
    let commit = feed.commit();
    feed.engine =
        CandleEngine::resume(0, Rules::default(), commit.next_offset, commit.checkpoints).unwrap();
    feed.connection = ConnectionId(2);
    feed.send(at(100.0), Body::Subscribed(vec![symbol()]));
    live(&mut feed, 101..190, &[130]);
    rebuild(&mut feed, 60..90);
    let closed = feed.complete();
    assert!(closed.is_empty(), "{closed:?}");
    live(&mut feed, 190..260, &[]);
    assert_eq!(feed.complete(), [("00:03".to_owned(), true)]);
    assert_eq!(feed.engine.due_rebuilds().count(), 0);
}

#[test]
fn holes_are_recorded_however_far_ahead_time_is() {
    let mut feed = EngineDriver::since_midnight();
    live(&mut feed, 0..60, &[]);
    // Another instrument's clock, say: nothing of this one's own shows that it is wrong.
    feed.send(at(60.0 + 108_000.0), Body::Tick);
    live(&mut feed, 70..130, &[100, 101]);
    let gaps = feed.commit().gaps;
    let missing: Vec<_> = gaps.iter().filter_map(|gap| gap.missing).collect();
    assert!(
        missing.contains(&(TradeId(1_100), TradeId(1_101))),
        "{gaps:?}"
    );
}

#[test]
fn one_trade_from_the_future_closes_nothing_for_good() {
    let mut feed = EngineDriver::since_midnight();
    live(&mut feed, 0..90, &[]);
    feed.complete();
    feed.send(
        at(90.05),
        Body::Trades(vec![InstrumentTrades {
            symbol: symbol(),
            trades: vec![trade(1_090, 149.0)],
        }]),
    );
    assert_eq!(feed.complete(), [("00:01".to_owned(), true)]);
    live(&mut feed, 91..100, &[]);
    assert_eq!(rebuild(&mut feed, 60..90), [("00:01".to_owned(), false)]);
    live(&mut feed, 100..123, &[]);
    assert_eq!(rebuild(&mut feed, 60..120), [("00:01".to_owned(), true)]);
}

#[test]
fn a_clock_that_was_set_while_nobody_listened_ends_the_outage_where_trades_say() {
    for ahead in [7_200.0, 108_000.0] {
        let mut feed = EngineDriver::since_midnight();
        live(&mut feed, 0..90, &[]);
        feed.commit();
        feed.connection = ConnectionId(2);
        feed.send(at(95.0 + ahead), Body::Subscribed(vec![symbol()]));
        feed.tick(96.0 + ahead);
        assert_eq!(
            feed.complete(),
            [],
            "no time has passed that anyone knows of"
        );
        for second in 97..260 {
            let one = trade(1_000 + second, second as f64);
            feed.send(
                at(second as f64 + 0.05 + ahead),
                Body::Trades(vec![InstrumentTrades {
                    symbol: symbol(),
                    trades: vec![one],
                }]),
            );
        }
        let closed = feed.complete();
        let expected = [("00:01", false), ("00:02", true), ("00:03", true)];
        assert_eq!(
            closed,
            expected.map(|(time, complete)| (time.to_owned(), complete))
        );
    }
}

/// The candles of a file whose frames hold a trade a frame, with the receive times given.
fn of_file(frames: &[(Trade, Timestamp)]) -> Vec<Candle> {
    let protocol = venues::protocol("binance").unwrap();
    let mut feed = venues::frame_assembler::FrameAssembler::file(
        protocol,
        1,
        Admission::FILE,
        ConnectionId(1),
    );
    let mut engine = CandleEngine::new(0, Rules::for_file(Duration::from_secs(2)));
    for (trade, received_at) in frames {
        let frame = format!(
            r#"{{"e":"trade","E":1,"s":"BTCUSDT","t":{},"p":"{}","q":"{}","T":{},"m":true}}"#,
            trade.id.0,
            trade.price,
            trade.quantity,
            trade.time.millis()
        );
        feed.frame(&frame, *received_at).unwrap();
    }
    feed.end(DisconnectReason::EndOfFile, Timestamp::MIN);
    for (_, records) in feed.take() {
        for record in records {
            engine.apply(engine.next_offset(), &record);
        }
    }
    let candles = engine.final_candles(&key()).unwrap();
    let minutes = candles.minutes().into_iter();
    minutes
        .map(|candle| {
            let end = Interval::Minute1.end_of(candle.open_time);
            let complete = candle.complete && candles.is_complete(candle.open_time, end);
            Candle { complete, ..candle }
        })
        .collect()
}

proptest! {
    #[test]
    fn receive_times_that_leap_change_no_number_and_complete_nothing(
        steps in prop::collection::vec((1_u64..20_000, 0_u8..12), 2..150),
        leaps in prop::collection::vec(
            (any::<prop::sample::Index>(), -200_000_000_i64..200_000_000, 1_usize..5), 0..6,
        ),
    ) {
        let (mut millis, mut frames) = (0, Vec::new());
        for (i, (step, kind)) in steps.into_iter().enumerate() {
            millis += step;
            // Some ids are missing.
            if kind > 0 {
                let one = trade(100 + i as u64, millis as f64 / 1_000.0);
                frames.push((one, one.time + Duration::from_millis(5 + step % 300)));
            }
        }
        prop_assume!(frames.len() > 1);
        let reference = of_file(&frames);
        for (index, by, count) in leaps {
            // A file that begins in the past has trades from the future, which are refused.
            let first = 1 + index.index(frames.len() - 1);
            for (one, received_at) in frames.iter_mut().skip(first).take(count) {
                *received_at = Timestamp::from_nanos(one.time.nanos() + 5_000_000 + by * 1_000_000);
            }
        }
        let leapt = of_file(&frames);
        let numbers = |candles: &[Candle]| -> Vec<Candle> {
            candles.iter().map(|candle| Candle { complete: true, ..candle.clone() }).collect()
        };
        prop_assert_eq!(numbers(&leapt), numbers(&reference));
        for (leapt, reference) in leapt.iter().zip(&reference) {
            prop_assert!(reference.complete || !leapt.complete, "{leapt:?}, rightly {reference:?}");
        }
    }
}
