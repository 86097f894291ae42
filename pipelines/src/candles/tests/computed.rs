//! Candles of random disorder against an independent computation: of a file, through a log, and with
//! a restart anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::log::{EventLog, MemoryLog};
use crate::market::Interval;

/// Stores what a pipeline commits, in steps, with a restart from the stored state in between. Also
/// says whether all closed candles are complete in the end.
pub(super) async fn through_a_log(
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

pub(super) fn expected(trades: &[Trade], interval: Interval) -> BTreeMap<Timestamp, Candle> {
    let mut minutes: BTreeMap<Timestamp, Vec<Trade>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for trade in trades
        .iter()
        .filter(|t| seen.insert((t.id, t.time, t.price, t.quantity)))
    {
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
        let mut feed = EngineDriver::new(Rules::for_file(Duration::from_secs(2)));
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
        let mut whole = EngineDriver::since_midnight();
        let mut parted = EngineDriver::since_midnight();
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
