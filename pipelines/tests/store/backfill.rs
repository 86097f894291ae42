//! History of the venues, as the simulator serves it, into the tables that are read from.

use coinsphere_pipelines::backfill::{
    BackfillError, HistoryBackfill, HistoryReport, HistoryRequest,
};
use coinsphere_pipelines::candles::{Commit, Gap, GapReason};
use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Timestamp};
use coinsphere_pipelines::store::{CandleSource, GapQuery, HistoryBatch};
use coinsphere_pipelines::venues::{self, RestClient};
use coinsphere_simulator as simulator;
use uuid::Uuid;

use crate::store_scenarios::{Fresh, btc, candle, days, key, minutes, now, writes};

const MINUTE: Interval = Interval::Minute1;

struct Market {
    running: simulator::Running,
    _directory: tempfile::TempDir,
}

impl Market {
    async fn open(instrument: &str, faults: Vec<simulator::Fault>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = simulator::Config {
            data_dir: Some(directory.path().to_owned()),
            instruments: Some(vec![instrument.to_owned()]),
            history_days: 30,
            faults,
            ..simulator::Config::default()
        };
        let running = simulator::serve(config, std::future::pending()).await;
        Self {
            running: running.unwrap(),
            _directory: directory,
        }
    }

    fn backfill(&self, path: &str) -> HistoryBackfill {
        let venue = path.split('-').next().unwrap();
        let endpoint = format!("ws://{}/{path}", self.running.local_addr());
        let history = venues::history(venue).unwrap();
        let rest = RestClient::new(history, Some(&endpoint), SystemClock::shared());
        HistoryBackfill::new(rest.unwrap())
    }
}

fn last_days(instrument: &InstrumentKey, count: u64) -> HistoryRequest {
    HistoryRequest {
        instrument: instrument.clone(),
        interval: MINUTE,
        from: Interval::Day1.open_of(now()) - days(count),
        to: now(),
    }
}

async fn load(
    fresh: &Fresh,
    backfill: &HistoryBackfill,
    request: &HistoryRequest,
) -> HistoryReport {
    let report = backfill.run(&fresh.store, request, |_| ()).await.unwrap();
    fresh.keep_up().await;
    report
}

/// Everything in the tables of candles and of what is proven.
pub(crate) async fn content(fresh: &Fresh) -> Vec<String> {
    let session = fresh.session(true).await;
    let mut all = Vec::new();
    for (table, columns) in [
        ("price_data", "t"),
        ("price_5m", "t"),
        ("price_1h", "t"),
        ("price_1d", "t"),
        ("price_history", "t"),
        (
            "history_spans",
            "(t.instrument_id, t.source, t.from_time, t.to_time)",
        ),
    ] {
        let sql = format!(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg({columns}::text, ',' \
             ORDER BY {columns}::text)), '') FROM {table} t"
        );
        let row = session.query_one(&sql, &[]).await.unwrap();
        all.push(format!("{table} {}", row.get::<_, String>(0)));
    }
    all
}

pub(crate) async fn every_venue_gives_its_history(fresh: &Fresh) {
    for (path, symbol) in [
        ("binance", "BTCUSDT"),
        ("coinbase", "BTC-USD"),
        ("coinbase-advanced", "ETH-USD"),
        ("kraken", "BTC/USD"),
    ] {
        let venue = path.split('-').next().unwrap();
        let market = Market::open(&format!("{venue}:{symbol}"), Vec::new()).await;
        let (key, backfill) = (key(venue, symbol), market.backfill(path));
        let request = last_days(&key, 1);
        let report = load(fresh, &backfill, &request).await;
        assert!(report.holes.is_empty(), "{path}: {report:?}");
        let (_, end) = report.window.unwrap();
        let stored = fresh.everything(&key, MINUTE).await;
        assert_eq!(stored.len() as u64, report.written.changed, "{path}");
        assert!(stored.len() > 500, "{path}: {}", stored.len());
        for minute in &stored {
            assert!(minute.candle.complete && !minute.open, "{path}: {minute:?}");
            assert_eq!(minute.source, CandleSource::Imported(venue.to_owned()));
            assert!(minute.candle.open_time < end, "{path}: {minute:?}");
        }
        let spans = fresh.store.proven_spans(fresh.id(&key).await, MINUTE).await;
        let spans = spans.unwrap();
        let [span] = &spans[..] else {
            panic!("{path}: {spans:?}");
        };
        assert_eq!(span.to, end);
        if venue == "kraken" {
            // Only the newest 720.
            assert_eq!(span.from, report.out_of_reach.unwrap().1);
        } else {
            assert_eq!(span.from, request.from);
        }
        // Longer candles are there, and whole where all of their minutes are.
        let hours = fresh.everything(&key, Interval::Hour1).await;
        let whole = hours.iter().filter(|hour| {
            let time = hour.candle.open_time;
            time >= span.from && Interval::Hour1.end_of(time) <= span.to
        });
        let mut count = 0;
        for hour in whole {
            assert!(hour.candle.complete && !hour.open, "{path}: {hour:?}");
            count += 1;
        }
        assert!(count >= 10, "{path}: {count}");
        let days = Interval::Day1;
        let longer = HistoryRequest {
            interval: days,
            from: days.open_of(now()) - days.duration() * 9,
            ..request
        };
        let report = load(fresh, &backfill, &longer).await;
        assert_eq!(report.written.changed, 9, "{path}: {report:?}");
    }
}

pub(crate) async fn a_run_that_was_stopped_goes_on_and_a_repeated_one_changes_nothing(
    fresh: &Fresh,
) {
    let market = Market::open("binance:BTCUSDT", Vec::new()).await;
    let backfill = market.backfill("binance");
    let request = HistoryRequest {
        to: Interval::Day1.open_of(now()),
        ..last_days(&btc(), 10)
    };
    // Stopped after the first part: nothing else is kept of it than the database.
    let stopped = {
        let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let run = backfill.run(&fresh.store, &request, |progress| {
            let _ = said.send(progress);
        });
        tokio::pin!(run);
        loop {
            tokio::select! {
                outcome = &mut run => panic!("it ended: {outcome:?}"),
                Some(progress) = heard.recv() => {
                    if progress.done > 0 {
                        break progress;
                    }
                }
            }
        }
    };
    assert_eq!((stopped.wanted, stopped.done), (14_400, 5_760));
    let newest = fresh.everything(&btc(), MINUTE).await;
    assert_eq!(newest.len() as u64, stopped.changed);
    assert!(newest[0].candle.open_time >= request.from + days(6));
    let report = load(fresh, &backfill, &request).await;
    assert_eq!(
        report.written.changed + stopped.changed,
        fresh.everything(&btc(), MINUTE).await.len() as u64
    );
    let before = content(fresh).await;

    let again = load(fresh, &backfill, &request).await;
    assert_eq!(again.written.changed, 0);
    assert_eq!(content(fresh).await, before);
    // Even if nothing were known to be proven.
    let owner = fresh.session(false).await;
    owner
        .batch_execute("DELETE FROM history_spans")
        .await
        .unwrap();
    let asked_again = load(fresh, &backfill, &request).await;
    assert_eq!(asked_again.written.changed, 0);
    assert_eq!(content(fresh).await, before);
}

pub(crate) async fn limits_and_unknown_names_are_said(fresh: &Fresh) {
    let market = Market::open("binance:BTCUSDT", Vec::new()).await;
    let backfill = market.backfill("binance");
    let unknown = last_days(&key("binance", "BTCUSD"), 1);
    let error = backfill
        .run(&fresh.store, &unknown, |_| ())
        .await
        .unwrap_err();
    assert!(
        matches!(&error, BackfillError::NoSuchInstrument { like, .. } if like == &["BTCUSDT"]),
        "{error}"
    );
    assert!(error.to_string().contains("binance:BTCUSD") && !error.is_retriable());
    let known = fresh.store.instrument(&unknown.instrument).await.unwrap();
    assert!(known.is_none(), "what the venue does not have is not added");

    let fault = "ratelimit:venue=kraken,retry_after=600".parse().unwrap();
    let limited = Market::open("kraken:BTC/USD", vec![fault]).await;
    let backfill = limited.backfill("kraken");
    let request = last_days(&key("kraken", "BTC/USD"), 1);
    let error = backfill
        .run(&fresh.store, &request, |_| ())
        .await
        .unwrap_err();
    assert!(
        error.is_retriable() && error.to_string().contains("600 s"),
        "{error}"
    );
    // The pause is the budget's: another job of this process does not even ask.
    let other = limited.backfill("kraken");
    let error = other.run(&fresh.store, &request, |_| ()).await.unwrap_err();
    assert!(error.to_string().contains("wants no request"), "{error}");
    let four_hours = HistoryRequest {
        interval: Interval::Hour4,
        ..last_days(&key("coinbase", "BTC-USD"), 1)
    };
    let coinbase = market.backfill("coinbase");
    let error = coinbase
        .run(&fresh.store, &four_hours, |_| ())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("use one of 1m, 5m, 15m, 1h, 1d"),
        "{error}"
    );
}

fn batch(candles: &[Candle], proven: &[(Timestamp, Timestamp)]) -> HistoryBatch {
    HistoryBatch {
        interval: MINUTE,
        source: "binance".to_owned(),
        candles: candles.to_vec(),
        proven: proven.to_vec(),
        holes: Vec::new(),
    }
}

pub(crate) async fn what_a_gap_touches_is_replaced_and_what_is_whole_is_kept(fresh: &Fresh) {
    let day = Interval::Day1.open_of(now()) - days(3);
    let at = |minute: i64| day + minutes(minute);
    let mut partial = candle(at(1), 101);
    partial.complete = false;
    let gap = Gap {
        instrument: btc(),
        reason: GapReason::Disconnect,
        from: at(1) + std::time::Duration::from_secs(20),
        to: Some(at(3)),
        missing: None,
        detected_at: at(3),
        filled_at: None,
    };
    let log = Uuid::new_v4();
    let commit = |offset| Commit {
        partition: 0,
        next_offset: Offset(offset),
        closed: writes(
            &btc(),
            &[candle(at(0), 100), partial.clone(), candle(at(3), 103)],
        ),
        gaps: vec![gap.clone()],
        ..Commit::default()
    };
    fresh.store.commit(log, &commit(1)).await.unwrap();
    let id = fresh.id(&btc()).await;
    let given: Vec<Candle> = (0..4)
        .map(|minute| candle(at(minute), 200 + minute))
        .collect();
    let given = batch(&given, &[(day, at(4))]);
    let written = fresh.store.write_history(id, &given, now()).await.unwrap();
    assert_eq!((written.changed, written.filled_gaps), (2, 1));
    assert_eq!(written.differing, 2, "whole ones are compared, and kept");
    let check = async || {
        let stored = fresh.everything(&btc(), MINUTE).await;
        let seen: Vec<_> = stored
            .iter()
            .map(|one| (one.candle.close, one.revision, one.candle.complete))
            .collect();
        let expected = [(100, 0), (201, 1), (202, 0), (103, 0)];
        let expected = expected.map(|(price, revision)| (candle(day, price).close, revision, true));
        assert_eq!(seen, expected);
    };
    check().await;
    // The log is read again after a restart: what it lacks does not come back.
    fresh.store.commit(log, &commit(2)).await.unwrap();
    check().await;
    let asked = GapQuery {
        instrument: id,
        from: day,
        to: at(9),
        with_filled: false,
        limit: 10,
    };
    assert_eq!(fresh.store.gaps(&asked).await.unwrap(), []);
    let again = fresh.store.write_history(id, &given, now()).await.unwrap();
    assert_eq!((again.changed, again.filled_gaps), (0, 0));
}

pub(crate) async fn holes_are_kept_as_gaps(fresh: &Fresh) {
    let day = Interval::Day1.open_of(now()) - days(3);
    let at = |minute: i64| day + minutes(minute);
    let id = fresh.store.ensure_instrument(&btc()).await.unwrap();
    let mut given = batch(&[candle(at(0), 1), candle(at(7), 1)], &[]);
    given.proven = vec![(at(0), at(3)), (at(5), at(9))];
    given.holes = vec![(at(3), at(5))];
    for _ in 0..2 {
        fresh.store.write_history(id, &given, now()).await.unwrap();
    }
    let asked = GapQuery {
        instrument: id,
        from: day,
        to: at(9),
        with_filled: true,
        limit: 10,
    };
    let gaps = fresh.store.gaps(&asked).await.unwrap();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(
        (gaps[0].reason, gaps[0].from, gaps[0].to),
        (GapReason::VenueHole, at(3), Some(at(5)))
    );
    let spans = fresh.store.proven_spans(id, MINUTE).await.unwrap();
    assert_eq!(spans.len(), 2);
    // The venue has it after all.
    let found = batch(&[candle(at(4), 2)], &[(at(3), at(5))]);
    let written = fresh.store.write_history(id, &found, now()).await.unwrap();
    assert_eq!((written.changed, written.filled_gaps), (1, 1));
    let spans = fresh.store.proven_spans(id, MINUTE).await.unwrap();
    assert_eq!((spans.len(), spans[0].from, spans[0].to), (1, at(0), at(9)));
}

pub(crate) async fn coverage_says_what_proves_which_time(fresh: &Fresh) {
    let day = Interval::Day1.open_of(now()) - days(3);
    let at = |minute: i64| day + minutes(minute);
    let gap = |reason, from, to| Gap {
        instrument: btc(),
        reason,
        from: at(from),
        to: Some(at(to)),
        missing: None,
        detected_at: at(to),
        filled_at: None,
    };
    // Listening began at minute 100 and was interrupted from 200 to 210; the minutes are closed up to 300.
    let commit = Commit {
        partition: 0,
        next_offset: Offset(1),
        closed: writes(&btc(), &[candle(at(299), 1)]),
        gaps: vec![
            gap(GapReason::LateStart, 0, 100),
            gap(GapReason::Disconnect, 200, 210),
        ],
        checkpoints: vec![crate::store_scenarios::checkpoint(&btc())],
        ..Commit::default()
    };
    fresh.store.commit(Uuid::new_v4(), &commit).await.unwrap();
    let id = fresh.id(&btc()).await;
    let read = async || {
        let coverage = fresh
            .store
            .coverage(id, MINUTE, (at(0), at(400)))
            .await
            .unwrap();
        let spans: Vec<_> = coverage
            .spans
            .iter()
            .map(|span| (span.from, span.to, span.source.clone()))
            .collect();
        (coverage, spans)
    };
    let span = |from, to, source: &str| (at(from), at(to), source.to_owned());
    let (coverage, spans) = read().await;
    assert_eq!(spans, [span(100, 200, "trades"), span(210, 300, "trades")]);
    assert_eq!(coverage.missing(), [(at(0), at(100)), (at(200), at(210))]);
    assert_eq!(coverage.unknown(), [(at(300), at(400))]);

    // The venue's candles prove what listening did not, and end the gaps.
    let given = batch(&[candle(at(205), 2)], &[(at(0), at(250))]);
    let written = fresh.store.write_history(id, &given, now()).await.unwrap();
    assert_eq!((written.changed, written.filled_gaps), (1, 2));
    let (coverage, spans) = read().await;
    assert_eq!(spans, [span(0, 250, "binance"), span(100, 300, "trades")]);
    assert_eq!((coverage.missing(), coverage.gaps.len()), (Vec::new(), 0));
    assert_eq!(coverage.share(), 7_500);
}
