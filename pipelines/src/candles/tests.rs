//! Candles against an independent computation, and the rules on completeness, one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::events::{Body, ConnectionId, DisconnectReason, InstrumentTrades, Record};
use crate::log::{EventLog, MemoryLog, Offset};
use crate::market::{
    Candle, InstrumentKey, Interval, Price, Quantity, Symbol, TakerSide, Timestamp, Trade, TradeId,
};
use crate::venues;

/// 2024-08-08T00:00:00Z, in seconds.
const DAY: i64 = 1_723_075_200;

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis(DAY * 1_000 + (seconds * 1_000.0) as i64).unwrap()
}

fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

fn key() -> InstrumentKey {
    InstrumentKey::new(venues::named("binance").unwrap(), symbol())
}

fn trade(id: u64, seconds: f64) -> Trade {
    Trade {
        id: TradeId(id),
        time: at(seconds),
        price: Price::new(Decimal::from(100 + id % 7)).unwrap(),
        quantity: Quantity::new(Decimal::new(1 + (id % 5) as i64, 3)).unwrap(),
        taker: if id.is_multiple_of(3) {
            TakerSide::Buy
        } else {
            TakerSide::Sell
        },
    }
}

/// Feeds an engine record by record; each arrives 50 ms after its newest trade unless said.
struct Feed {
    engine: CandleEngine,
    connection: ConnectionId,
}

impl Feed {
    fn new(rules: Rules) -> Self {
        Self {
            engine: CandleEngine::new(0, rules),
            connection: ConnectionId(1),
        }
    }

    /// Listening since before the day began, so that no minute is a late start's.
    fn since_midnight() -> Self {
        let mut feed = Self::new(Rules::default());
        feed.send(at(0.0), Body::Subscribed(vec![symbol()]));
        feed
    }

    fn send(&mut self, received_at: Timestamp, body: Body) {
        let record = Record {
            venue: venues::named("binance").unwrap(),
            connection: self.connection,
            received_at,
            body,
        };
        self.engine.apply(self.engine.next_offset(), &record);
    }

    fn trades(&mut self, trades: &[Trade]) {
        let newest = trades.iter().map(|trade| trade.time).max().unwrap();
        self.send(
            newest + Duration::from_millis(50),
            Body::Trades(vec![InstrumentTrades {
                symbol: symbol(),
                trades: trades.to_vec(),
            }]),
        );
    }

    fn tick(&mut self, seconds: f64) {
        self.send(at(seconds), Body::Tick);
    }

    fn commit(&mut self) -> Commit {
        self.engine.take_commit().unwrap_or_default()
    }

    fn complete(&mut self) -> Vec<(String, bool)> {
        self.commit()
            .closed
            .into_iter()
            .map(|write| {
                (
                    write.candle.open_time.to_string()[11..16].to_owned(),
                    write.candle.complete,
                )
            })
            .collect()
    }
}

/// Stores what a pipeline commits, in steps, with a restart from the stored state in between. Also
/// says whether all closed candles are complete in the end.
async fn through_a_log(
    trades: &[Trade],
    records_a_step: usize,
    restart: prop::sample::Index,
) -> (BTreeMap<Timestamp, Candle>, bool) {
    let log: Arc<dyn EventLog> = Arc::new(MemoryLog::unbounded(1));
    let record = |received_at, body| {
        let venue = venues::named("binance").unwrap();
        Arc::new(Record {
            venue,
            connection: ConnectionId(1),
            received_at,
            body,
        })
    };
    log.append(0, vec![record(at(0.0), Body::Subscribed(vec![symbol()]))])
        .await
        .unwrap();
    for trade in trades {
        let batch = InstrumentTrades {
            symbol: symbol(),
            trades: vec![*trade],
        };
        let received_at = trade.time + Duration::from_millis(50);
        log.append(0, vec![record(received_at, Body::Trades(vec![batch]))])
            .await
            .unwrap();
    }
    let resume = |offset, states| {
        CandlePipeline::resume(log.clone(), 0, Rules::default(), offset, states).unwrap()
    };
    let mut pipeline = resume(None, Vec::new());
    let (mut stored, mut states, mut open) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut steps_to_restart = restart.index(trades.len() / records_a_step + 1);
    loop {
        let step = pipeline.step(records_a_step).await.unwrap();
        if let Some(commit) = pipeline.take_commit() {
            stored.extend(
                commit
                    .closed
                    .into_iter()
                    .map(|w| (w.candle.open_time, w.candle)),
            );
            if !commit.checkpoints.is_empty() {
                (states, open) = (commit.checkpoints, commit.open);
            }
            if steps_to_restart == 0 {
                pipeline = resume(Some(commit.next_offset), states.clone());
            }
        }
        steps_to_restart = steps_to_restart.wrapping_sub(1);
        if step.records == 0 && step.rebuilt == 0 {
            break;
        }
    }
    let complete = stored.values().all(|candle| candle.complete);
    stored.extend(open.into_iter().map(|w| (w.candle.open_time, w.candle)));
    (stored, complete)
}

fn expected(trades: &[Trade], interval: Interval) -> BTreeMap<Timestamp, Candle> {
    let mut minutes: BTreeMap<Timestamp, Vec<Trade>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for trade in trades.iter().filter(|trade| ids.insert(trade.id)) {
        minutes
            .entry(interval.open_of(trade.time))
            .or_default()
            .push(*trade);
    }
    minutes
        .into_iter()
        .map(|(open_time, mut trades)| {
            trades.sort_by_key(|trade| (trade.time, trade.id));
            let prices = || trades.iter().map(|trade| trade.price.get());
            let candle = Candle {
                open_time,
                open: prices().next().unwrap(),
                high: prices().max().unwrap(),
                low: prices().min().unwrap(),
                close: prices().next_back().unwrap(),
                volume: trades.iter().map(|t| t.quantity.get()).sum(),
                quote_volume: trades
                    .iter()
                    .map(|t| t.quantity.get() * t.price.get())
                    .sum(),
                trades: trades.len() as u64,
                taker_buy_volume: trades
                    .iter()
                    .filter(|t| t.taker == TakerSide::Buy)
                    .map(|t| t.quantity.get())
                    .sum(),
                complete: true,
            };
            (open_time, candle)
        })
        .collect()
}

prop_compose! {
    /// Trades over some minutes, out of order by up to several minutes, some twice.
    fn disorder()(
        steps in prop::collection::vec((0_u64..8_000, 0_usize..40), 1..200),
    ) -> Vec<Trade> {
        let mut millis = 0;
        let mut ordered: Vec<(usize, Trade)> = Vec::new();
        for (i, (step, shift)) in steps.into_iter().enumerate() {
            millis += step;
            let trade = trade(i as u64 + 10, millis as f64 / 1_000.0);
            ordered.push((i + if shift > 30 { shift } else { shift % 3 }, trade));
            if shift == 7 {
                ordered.push((i + 20, trade));
            }
        }
        ordered.sort_by_key(|(position, _)| *position);
        ordered.into_iter().map(|(_, trade)| trade).collect()
    }
}

proptest! {
    #[test]
    fn a_file_s_candles_equal_an_independent_computation(trades in disorder()) {
        let mut feed = Feed::new(Rules::for_file(Duration::from_secs(2)));
        feed.send(at(0.0), Body::Subscribed(vec![symbol()]));
        for trade in &trades {
            feed.trades(&[*trade]);
        }
        let candles = feed.engine.final_candles(&key()).unwrap();
        let minutes = candles.minutes();
        let numbers = |candle: &Candle| Candle { complete: true, ..candle.clone() };
        prop_assert_eq!(
            minutes.iter().map(numbers).collect::<Vec<_>>(),
            expected(&trades, Interval::Minute1).into_values().collect::<Vec<_>>()
        );
        for interval in Interval::ALL {
            prop_assert_eq!(
                derive(&minutes, interval).iter().map(numbers).collect::<Vec<_>>(),
                expected(&trades, interval).into_values().collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn a_log_s_candles_with_corrections_equal_an_independent_computation(
        trades in disorder(), records_a_step in 1_usize..40, restart in any::<prop::sample::Index>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (stored, complete) = runtime.block_on(through_a_log(&trades, records_a_step, restart));
        let numbers = |candle: &Candle| Candle { complete: true, ..candle.clone() };
        prop_assert_eq!(
            stored.values().map(numbers).collect::<Vec<_>>(),
            expected(&trades, Interval::Minute1).into_values().collect::<Vec<_>>()
        );
        // Every id arrived in the end, so no closed candle may be left incomplete.
        prop_assert!(complete, "{:?}", stored);
    }

    #[test]
    fn resuming_from_any_commit_changes_nothing(
        trades in disorder(), cut in any::<prop::sample::Index>(),
    ) {
        let records: Vec<&Trade> = trades.iter().collect();
        let cut = cut.index(records.len());
        let mut whole = Feed::since_midnight();
        let mut parted = Feed::since_midnight();
        let mut closed = BTreeMap::new();
        for (i, trade) in records.into_iter().enumerate() {
            if i == cut {
                let commit = parted.commit();
                closed.extend(commit.closed.into_iter().map(|w| (w.candle.open_time, w.candle)));
                parted.engine = CandleEngine::resume(
                    0, Rules::default(), commit.next_offset, commit.checkpoints,
                ).unwrap();
            }
            whole.trades(&[*trade]);
            parted.trades(&[*trade]);
        }
        closed.extend(parted.commit().closed.into_iter().map(|w| (w.candle.open_time, w.candle)));
        let undisturbed: BTreeMap<_, _> =
            whole.commit().closed.into_iter().map(|w| (w.candle.open_time, w.candle)).collect();
        prop_assert_eq!(closed, undisturbed);
        prop_assert_eq!(
            whole.engine.due_rebuilds().collect::<Vec<_>>(),
            parted.engine.due_rebuilds().collect::<Vec<_>>()
        );
    }
}

#[test]
fn a_minute_closes_by_event_time_alone() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(1, 59.0)]);
    feed.trades(&[trade(2, 61.9)]);
    assert!(
        feed.complete().is_empty(),
        "the grace period lasts until 62.0"
    );
    feed.trades(&[trade(3, 62.0)]);
    assert_eq!(feed.complete(), [("00:00".to_owned(), true)]);
    feed.tick(121.9);
    assert!(feed.complete().is_empty());
    // Event time runs 50 ms behind ours.
    feed.tick(122.1);
    assert_eq!(feed.complete(), [("00:01".to_owned(), true)]);
}

#[test]
fn the_minute_in_which_listening_began_is_not_complete() {
    let mut feed = Feed::new(Rules::default());
    feed.send(at(30.0), Body::Subscribed(vec![symbol()]));
    feed.trades(&[trade(1, 40.0), trade(2, 70.0), trade(3, 130.0)]);
    let commit = feed.commit();
    let complete: Vec<_> = commit
        .closed
        .iter()
        .map(|write| write.candle.complete)
        .collect();
    assert_eq!(complete, [false, true]);
    assert_eq!(commit.gaps.len(), 1);
    let gap = &commit.gaps[0];
    assert_eq!(
        (gap.reason, gap.from, gap.to),
        (GapReason::LateStart, at(0.0), Some(at(30.0)))
    );
}

#[test]
fn a_clock_behind_the_venue_s_moves_the_late_start() {
    let mut feed = Feed::new(Rules::default());
    // We say 00:00:59.5 when the venue says 00:01:01: the beginning of 00:01 was not heard.
    feed.send(at(59.5), Body::Subscribed(vec![symbol()]));
    let first = trade(1, 61.5);
    feed.send(
        at(60.0),
        Body::Trades(vec![InstrumentTrades {
            symbol: symbol(),
            trades: vec![first],
        }]),
    );
    feed.trades(&[trade(2, 125.0), trade(3, 190.0)]);
    assert_eq!(
        feed.complete(),
        [("00:01".to_owned(), false), ("00:02".to_owned(), true)]
    );
}

#[test]
fn a_recording_of_another_year_closes_by_its_own_time() {
    let mut feed = Feed::new(Rules::default());
    let years = Duration::from_secs(2 * 365 * 86_400);
    let send = |feed: &mut Feed, trade: Trade, after: f64| {
        feed.send(
            at(after) + years,
            Body::Trades(vec![InstrumentTrades {
                symbol: symbol(),
                trades: vec![trade],
            }]),
        );
    };
    feed.send(at(0.0) + years, Body::Subscribed(vec![symbol()]));
    send(&mut feed, trade(1, 30.0), 1.0);
    send(&mut feed, trade(2, 61.0), 2.0);
    send(&mut feed, trade(3, 125.0), 3.0);
    assert_eq!(
        feed.complete(),
        [("00:00".to_owned(), false), ("00:01".to_owned(), true)]
    );
    // 60 s after the last trade arrived.
    feed.send(at(63.0) + years, Body::Tick);
    assert_eq!(feed.complete(), [("00:02".to_owned(), true)]);
    assert_eq!(feed.engine.counts().late, 0);
}

#[test]
fn missing_ids_are_a_gap_that_touches_both_neighbours_minutes() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(1, 50.0), trade(2, 55.0)]);
    feed.trades(&[trade(6, 65.0), trade(7, 130.0), trade(8, 190.0)]);
    let commit = feed.commit();
    let complete: Vec<_> = commit
        .closed
        .iter()
        .map(|write| write.candle.complete)
        .collect();
    assert_eq!(complete, [false, false, true]);
    let gap = commit.gaps.last().unwrap();
    assert_eq!(gap.reason, GapReason::MissingTrades);
    assert_eq!(gap.missing, Some((TradeId(3), TradeId(5))));
    assert_eq!(gap.from, at(55.0));
    assert!(gap.to.unwrap() > at(65.0));
}

#[test]
fn trades_missing_at_the_end_of_a_closed_minute_reopen_its_judgement() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(1, 50.0)]);
    feed.tick(70.0);
    assert_eq!(feed.complete(), [("00:00".to_owned(), true)]);
    feed.trades(&[trade(3, 80.0)]);
    feed.tick(90.0);
    let gaps = feed.commit().gaps;
    assert_eq!(gaps[0].missing, Some((TradeId(2), TradeId(2))));
    let due: Vec<_> = feed.engine.due_rebuilds().collect();
    assert_eq!(
        due,
        [(key(), at(0.0))],
        "00:00 is to be rebuilt as incomplete"
    );
    feed.engine
        .rebuilt(&key(), at(0.0), Some(&CandleBuilder::new(&trade(1, 50.0))));
    assert_eq!(feed.complete(), [("00:00".to_owned(), false)]);
}

#[test]
fn a_reordering_within_the_grace_period_is_no_gap() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[
        trade(1, 50.0),
        trade(3, 51.0),
        trade(2, 50.5),
        trade(4, 63.0),
    ]);
    let commit = feed.commit();
    assert_eq!(commit.gaps, []);
    assert!(commit.closed[0].candle.complete);
    assert_eq!(commit.closed[0].candle.trades, 3);
}

#[test]
fn a_late_trade_fills_its_gap_and_asks_for_a_rebuild() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(1, 50.0), trade(3, 51.0), trade(4, 70.0)]);
    assert_eq!(feed.complete(), [("00:00".to_owned(), false)]);
    feed.trades(&[trade(2, 50.5)]);
    let commit = feed.commit();
    assert_eq!(commit.gaps.len(), 1);
    assert_eq!(commit.gaps[0].missing, Some((TradeId(2), TradeId(2))));
    assert!(commit.gaps[0].filled_at.is_some());
    assert_eq!(
        feed.engine.due_rebuilds().collect::<Vec<_>>(),
        [(key(), at(0.0))]
    );
    feed.engine
        .rebuilt(&key(), at(0.0), Some(&CandleBuilder::new(&trade(1, 50.0))));
    assert_eq!(feed.complete(), [("00:00".to_owned(), true)]);
}

#[test]
fn duplicates_count_once_after_a_reconnect_too() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(1, 10.0), trade(2, 20.0)]);
    feed.send(
        at(25.0),
        Body::Disconnected {
            reason: DisconnectReason::Lost,
            last_frame_at: at(20.05),
        },
    );
    feed.connection = ConnectionId(2);
    feed.send(at(30.0), Body::Subscribed(vec![symbol()]));
    feed.trades(&[
        trade(2, 20.0),
        trade(3, 31.0),
        trade(4, 95.0),
        trade(5, 125.0),
    ]);
    let commit = feed.commit();
    assert_eq!(commit.closed[0].candle.trades, 3);
    assert_eq!(feed.engine.counts().duplicates, 1);
    let complete: Vec<_> = commit
        .closed
        .iter()
        .map(|write| write.candle.complete)
        .collect();
    assert_eq!(complete, [false, true], "the disconnect touches 00:00 only");
    let gap = commit.gaps.last().unwrap();
    assert_eq!(
        (gap.reason, gap.from, gap.to),
        (GapReason::Disconnect, at(20.0), Some(at(30.0)))
    );
}

#[test]
fn a_process_that_was_killed_leaves_a_gap_from_its_last_record() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(1, 10.0)]);
    feed.tick(12.05);
    feed.connection = ConnectionId(2);
    feed.send(at(80.0), Body::Subscribed(vec![symbol()]));
    feed.trades(&[trade(5, 81.0), trade(6, 125.0), trade(7, 190.0)]);
    let commit = feed.commit();
    let complete: Vec<_> = commit
        .closed
        .iter()
        .map(|write| write.candle.complete)
        .collect();
    assert_eq!(complete, [false, false, true]);
    let reasons: BTreeSet<_> = commit.gaps.iter().map(|gap| gap.reason).collect();
    assert_eq!(
        reasons,
        BTreeSet::from([GapReason::MissingTrades, GapReason::Disconnect])
    );
    let disconnect = commit
        .gaps
        .iter()
        .rev()
        .find(|gap| gap.reason == GapReason::Disconnect);
    assert_eq!(disconnect.unwrap().from, at(12.0));
}

#[test]
fn a_connection_that_takes_over_while_the_old_one_lives_leaves_no_gap() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(1, 10.0)]);
    feed.tick(12.0);
    let old = feed.connection;
    feed.connection = ConnectionId(2);
    feed.send(at(12.5), Body::Subscribed(vec![symbol()]));
    feed.trades(&[trade(2, 12.6)]);
    feed.connection = old;
    feed.send(
        at(12.8),
        Body::Disconnected {
            reason: DisconnectReason::Renewed,
            last_frame_at: at(12.0),
        },
    );
    feed.connection = ConnectionId(2);
    feed.trades(&[trade(3, 70.0)]);
    let commit = feed.commit();
    assert!(commit.closed[0].candle.complete);
    assert!(
        commit.gaps.last().unwrap().filled_at.is_some(),
        "noted, then found to be none"
    );
}

#[test]
fn silence_reaches_back_to_the_last_frame_and_into_closed_minutes() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(1, 50.0)]);
    for second in 51..100 {
        feed.tick(f64::from(second));
    }
    assert_eq!(feed.complete(), [("00:00".to_owned(), true)]);
    feed.send(
        at(110.0),
        Body::Disconnected {
            reason: DisconnectReason::Silence,
            last_frame_at: at(50.05),
        },
    );
    let gaps = feed.commit().gaps;
    assert_eq!(
        (gaps[0].reason, gaps[0].from, gaps[0].to),
        (GapReason::Silence, at(50.0), None)
    );
    assert_eq!(
        feed.engine.due_rebuilds().collect::<Vec<_>>(),
        [(key(), at(0.0))]
    );
}

#[test]
fn the_venue_s_heartbeat_shows_what_was_missed_at_the_end() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(1, 50.0)]);
    feed.send(
        at(52.0),
        Body::Heartbeat {
            symbol: symbol(),
            last_trade: TradeId(3),
        },
    );
    feed.tick(63.0);
    assert_eq!(feed.complete(), [("00:00".to_owned(), false)]);
    feed.trades(&[trade(4, 64.0), trade(5, 67.0)]);
    let commit = feed.commit();
    assert_eq!(
        commit.gaps.last().unwrap().missing,
        Some((TradeId(2), TradeId(3)))
    );
}

#[test]
fn a_minute_the_log_no_longer_holds_becomes_a_gap() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(2, 50.0), trade(3, 70.0)]);
    feed.complete();
    feed.trades(&[trade(1, 40.0)]);
    feed.engine.cannot_rebuild(&key(), at(0.0), at(71.0));
    let commit = feed.commit();
    assert_eq!(commit.gaps[0].reason, GapReason::LogTruncated);
    assert_eq!(commit.gaps[0].to, Some(at(60.0)));
    assert_eq!(feed.engine.due_rebuilds().count(), 0);
}

#[test]
fn nothing_new_is_nothing_to_commit() {
    let mut feed = Feed::since_midnight();
    feed.trades(&[trade(1, 50.0)]);
    let commit = feed.commit();
    assert_eq!(commit.next_offset, Offset(2));
    assert_eq!(commit.open.len(), 1);
    assert_eq!(commit.checkpoints[0].last_trade_id, Some(TradeId(1)));
    assert_eq!(feed.engine.take_commit(), None);
}
