//! The rules on closing, completeness and gaps, one by one.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::events::DisconnectReason;
use crate::log::Offset;

#[test]
fn a_minute_closes_by_event_time_alone() {
    let mut feed = EngineDriver::since_midnight();
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
    let mut feed = EngineDriver::new(Rules::default());
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
    let mut feed = EngineDriver::new(Rules::default());
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
    let mut feed = EngineDriver::new(Rules::default());
    let years = Duration::from_secs(2 * 365 * 86_400);
    let send = |feed: &mut EngineDriver, trade: Trade, after: f64| {
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
    let mut feed = EngineDriver::since_midnight();
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
    let mut feed = EngineDriver::since_midnight();
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
    let mut feed = EngineDriver::since_midnight();
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
    let mut feed = EngineDriver::since_midnight();
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
    let mut feed = EngineDriver::since_midnight();
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
fn an_outage_ends_as_a_gap_once_the_numbers_are_contiguous() {
    let repairing = Rules {
        end_bridged_outages: true,
        ..Rules::default()
    };
    for missed in [&[][..], &[trade(3, 25.0), trade(4, 66.0), trade(5, 69.0)]] {
        let mut feed = EngineDriver::new(repairing);
        feed.send(at(0.0), Body::Subscribed(vec![symbol()]));
        feed.trades(&[trade(1, 10.0), trade(2, 20.0)]);
        let lost = Body::Disconnected {
            reason: DisconnectReason::Lost,
            last_frame_at: at(20.05),
        };
        feed.send(at(25.0), lost);
        let live = ConnectionId(2);
        feed.connection = live;
        feed.send(at(70.0), Body::Subscribed(vec![symbol()]));
        let next = 3 + missed.len() as u64;
        feed.trades(&[trade(next, 75.0), trade(next + 1, 130.0)]);
        let closed = feed.complete();
        let whole = missed.is_empty();
        assert_eq!(
            closed,
            [("00:00".to_owned(), whole), ("00:01".to_owned(), whole)]
        );
        if whole {
            assert_eq!(feed.engine.due_rebuilds().count(), 0);
            continue;
        }
        feed.connection = ConnectionId::REPAIR;
        feed.send(
            at(140.0),
            Body::Trades(vec![InstrumentTrades {
                symbol: symbol(),
                trades: missed.to_vec(),
            }]),
        );
        let commit = feed.commit();
        let filled = commit.gaps.iter().filter(|gap| gap.filled_at.is_some());
        let reasons: Vec<_> = filled.map(|gap| gap.reason).collect();
        assert_eq!(reasons.len(), commit.gaps.len(), "{:?}", commit.gaps);
        assert!(reasons.contains(&GapReason::MissingTrades));
        assert!(reasons.contains(&GapReason::Disconnect));
        let due: Vec<_> = feed
            .engine
            .due_rebuilds()
            .map(|(_, minute)| minute)
            .collect();
        assert_eq!(due, [at(0.0), at(60.0)]);
        for minute in due {
            let builder = CandleBuilder::new(&trade(1, 10.0));
            feed.engine.rebuilt(&key(), minute, Some(&builder));
        }
        assert!(feed.complete().iter().all(|(_, complete)| *complete));
        // It was no connection: the live one goes on.
        feed.connection = live;
        feed.trades(&[trade(next + 2, 190.0)]);
        assert_eq!(feed.complete(), [("00:02".to_owned(), true)]);
    }
}

#[test]
fn a_process_that_was_killed_leaves_a_gap_from_its_last_record() {
    let mut feed = EngineDriver::since_midnight();
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
    let mut feed = EngineDriver::since_midnight();
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
    let mut feed = EngineDriver::since_midnight();
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
    let mut feed = EngineDriver::since_midnight();
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
    let mut feed = EngineDriver::since_midnight();
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
    let mut feed = EngineDriver::since_midnight();
    feed.trades(&[trade(1, 50.0)]);
    let commit = feed.commit();
    assert_eq!(commit.next_offset, Offset(2));
    assert_eq!(commit.open.len(), 1);
    assert_eq!(commit.checkpoints[0].last_trade_id, Some(TradeId(1)));
    assert_eq!(feed.engine.take_commit(), None);
}

#[test]
fn a_gap_that_is_forgotten_after_a_day_does_not_come_back() {
    let mut feed = EngineDriver::since_midnight();
    feed.trades(&[trade(1, 50.0), trade(3, 65.0), trade(4, 130.0)]);
    let noted = feed.commit().gaps.len();
    assert_eq!(noted, 1);
    for hour in 1..40 {
        let seconds = f64::from(hour) * 3_600.0;
        feed.trades(&[trade(4 + u64::try_from(hour).unwrap(), seconds)]);
        feed.tick(seconds + 1_800.0);
    }
    assert_eq!(feed.commit().gaps, []);
    assert_eq!(feed.engine.due_rebuilds().count(), 0);
    // A late trade of the forgotten hole asks for a rebuild, and changes nothing else.
    feed.trades(&[trade(2, 60.0)]);
    assert_eq!(feed.commit().gaps, []);
}

#[test]
fn a_renewal_does_not_stretch_an_older_outage() {
    let mut feed = EngineDriver::since_midnight();
    feed.trades(&[trade(1, 10.0)]);
    feed.send(
        at(20.0),
        Body::Disconnected {
            reason: DisconnectReason::Lost,
            last_frame_at: at(15.0),
        },
    );
    feed.connection = ConnectionId(2);
    feed.send(at(30.0), Body::Subscribed(vec![symbol()]));
    feed.trades(&[trade(2, 40.0)]);
    feed.tick(7_200.0);
    feed.commit();
    feed.connection = ConnectionId(3);
    feed.send(at(7_201.0), Body::Subscribed(vec![symbol()]));
    feed.connection = ConnectionId(2);
    feed.send(
        at(7_202.0),
        Body::Disconnected {
            reason: DisconnectReason::Renewed,
            last_frame_at: at(7_200.0),
        },
    );
    feed.connection = ConnectionId(3);
    feed.trades(&[trade(3, 7_300.0)]);
    let gaps = feed.commit().gaps;
    assert!(
        gaps.iter().all(|gap| gap.from > at(7_000.0)),
        "the outage two hours ago is as it was: {gaps:?}"
    );
    assert!(gaps.last().unwrap().filled_at.is_some());
}

#[test]
fn trades_without_an_acknowledgement_in_the_log_count_as_a_late_start() {
    let mut feed = EngineDriver::new(Rules::default());
    feed.trades(&[trade(5, 30.0)]);
    feed.trades(&[trade(6, 70.0)]);
    feed.tick(125.0);
    assert_eq!(
        feed.complete(),
        [("00:00".to_owned(), false), ("00:01".to_owned(), true)]
    );
    feed.send(
        at(130.0),
        Body::Disconnected {
            reason: DisconnectReason::Lost,
            last_frame_at: at(126.0),
        },
    );
    assert_eq!(feed.commit().gaps[0].reason, GapReason::Disconnect);
}

#[test]
fn an_instrument_that_is_refused_later_is_no_longer_listened_to() {
    let mut feed = EngineDriver::since_midnight();
    feed.trades(&[trade(1, 10.0)]);
    feed.send(
        at(20.0),
        Body::Refused {
            symbol: symbol(),
            reason: "delisted".to_owned(),
        },
    );
    feed.tick(130.0);
    let commit = feed.commit();
    assert_eq!(commit.closed, [], "nobody listens, so no time passes");
    assert_eq!(
        (commit.gaps[0].reason, commit.gaps[0].to),
        (GapReason::Disconnect, None)
    );
    assert!(!commit.open[0].candle.complete);
}

#[test]
fn a_recording_older_than_what_is_known_has_a_late_start_of_its_own() {
    let mut feed = EngineDriver::since_midnight();
    let week = 7.0 * 86_400.0;
    feed.trades(&[trade(1_000, week)]);
    feed.commit();
    feed.connection = ConnectionId(2);
    feed.send(at(30.0), Body::Subscribed(vec![symbol()]));
    feed.trades(&[trade(1, 40.0)]);
    let gaps = feed.commit().gaps;
    let late = gaps
        .iter()
        .find(|gap| gap.reason == GapReason::LateStart)
        .unwrap();
    assert_eq!((late.from, late.to), (at(0.0), Some(at(30.0))));
}
