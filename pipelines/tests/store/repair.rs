//! Gaps of streams, closed: venues that drop, repeat, reorder and disconnect, with a clock that runs fast.
//! After repair every minute equals the venue's own, and nothing is missing.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coinsphere_pipelines::backfill::{GapRepair, RepairOutcome};
use coinsphere_pipelines::candles::{CandlePipeline, Rules};
use coinsphere_pipelines::clock::{Clock, SharedClock};
use coinsphere_pipelines::coverage::Coverage;
use coinsphere_pipelines::log::{EventLog, MemoryLog};
use coinsphere_pipelines::market::{
    Candle, InstrumentKey, Interval, Symbol, Timestamp, parse_exact,
};
use coinsphere_pipelines::net::{HttpClient, HttpLimits};
use coinsphere_pipelines::store::{CandleSource, StoredCandle};
use coinsphere_pipelines::venues::{self, FeedState, LiveFeed, RestClient};
use coinsphere_simulator as simulator;
use hyper::Request;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::sync::watch;

use crate::store_scenarios::{Fresh, key, minutes, now};

const MINUTE: Interval = Interval::Minute1;

/// Partitions of the log.
const PARTITIONS: u32 = 2;

/// Time for what takes a moment, on a machine that does something else too.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs faster than the machine's clock, so that minutes pass in seconds; from the morning of a day on, because
/// Kraken has the newest twelve hours of minutes only.
#[derive(Debug)]
struct FastClock {
    began: tokio::time::Instant,
    start: Timestamp,
    factor: u32,
}

impl FastClock {
    fn new(factor: u32) -> Arc<Self> {
        let yesterday = Interval::Day1.open_of(now()) - Duration::from_secs(86_400);
        Arc::new(Self {
            began: tokio::time::Instant::now(),
            start: yesterday + minutes(10 * 60),
            factor,
        })
    }

    fn time(&self) -> Timestamp {
        self.start + self.began.elapsed() * self.factor
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        self.time()
    }
}

#[derive(Debug)]
struct Venue(Arc<FastClock>);

impl simulator::Clock for Venue {
    fn now(&self) -> i64 {
        self.0.time().nanos() / 1_000
    }

    fn until(&self, time: i64) -> simulator::Moment {
        let left = u64::try_from(time - self.now()).unwrap_or(0);
        Box::pin(tokio::time::sleep(
            Duration::from_micros(left) / self.0.factor,
        ))
    }
}

/// Streams of a simulator, the log they go to, the candles, and the repairs.
struct Streams<'a> {
    fresh: &'a Fresh,
    clock: Arc<FastClock>,
    running: simulator::Running,
    http: HttpClient,
    log: Arc<dyn EventLog>,
    candles: Vec<CandlePipeline>,
    repairs: Vec<(&'static str, Vec<Symbol>, GapRepair)>,
    keys: Vec<InstrumentKey>,
    feeds: Vec<watch::Receiver<FeedState>>,
    quit: watch::Sender<bool>,
}

impl<'a> Streams<'a> {
    async fn open(
        fresh: &'a Fresh,
        listen_to: &[(&'static str, &str, &str)],
        clock: Arc<FastClock>,
        config: simulator::Config,
    ) -> Self {
        let seed = config.seed;
        let venue = Arc::new(Venue(Arc::clone(&clock)));
        let running = simulator::serve_with(config, venue, std::future::pending())
            .await
            .unwrap();
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::unbounded(PARTITIONS));
        let quit = watch::Sender::new(false);
        let shared: SharedClock = Arc::clone(&clock) as _;
        let (mut repairs, mut keys, mut feeds) = (Vec::new(), Vec::new(), Vec::new());
        for &(name, path, symbols) in listen_to {
            let endpoint = format!("ws://{}/{path}", running.local_addr());
            let protocol = venues::protocol(name).unwrap();
            let symbols: Vec<Symbol> = symbols
                .split(' ')
                .map(|symbol| Symbol::new(symbol).unwrap())
                .collect();
            keys.extend(symbols.iter().map(|symbol| key(name, symbol.as_str())));
            let history = venues::history(name).unwrap();
            let rest = RestClient::new(history, Some(&endpoint), Arc::clone(&shared)).unwrap();
            repairs.push((
                name,
                symbols.clone(),
                GapRepair::new(rest, Arc::clone(&log)),
            ));
            let feed = LiveFeed::new(
                protocol,
                symbols,
                Some(&endpoint),
                Arc::clone(&log),
                Arc::clone(&shared),
                StdRng::seed_from_u64(seed),
            );
            let feed = feed.unwrap();
            feeds.push(feed.state());
            tokio::spawn(feed.run(quit.subscribe()));
        }
        let limits = HttpLimits {
            time: Duration::from_secs(30),
            bytes: 1 << 24,
        };
        let rules = Rules {
            end_bridged_outages: true,
            ..Rules::default()
        };
        let pipeline = |partition| {
            CandlePipeline::resume(Arc::clone(&log), partition, rules, None, Vec::new()).unwrap()
        };
        Self {
            candles: (0..PARTITIONS).map(pipeline).collect(),
            http: HttpClient::new(None, limits).unwrap(),
            fresh,
            clock,
            running,
            log,
            repairs,
            keys,
            feeds,
            quit,
        }
    }

    /// Takes what has been heard into the candles, and the candles into the store.
    async fn settle(&mut self) {
        for candles in &mut self.candles {
            loop {
                let step = candles.step(256).await.unwrap();
                if step.records + step.rebuilt == 0 {
                    break;
                }
            }
            if let Some(commit) = candles.take_commit() {
                let identity = self.log.identity();
                self.fresh.store.commit(identity, &commit).await.unwrap();
            }
        }
    }

    /// Tries every gap that is due.
    async fn repair(&self) {
        for (venue, symbols, repair) in &self.repairs {
            let venue = venues::named(venue).unwrap();
            let now = self.clock.time();
            let due = self.fresh.store.claim_due_gaps(venue, symbols, now).await;
            for gap in due.unwrap() {
                let store = &self.fresh.store;
                match repair.repair(store, &gap).await {
                    Ok(RepairOutcome::TooEarly(wait)) => {
                        store.postpone_repair(&gap, now + wait).await.unwrap();
                    }
                    Ok(_) => {}
                    Err(error) => {
                        let next = now + gap.next_wait(true);
                        let why = error.to_string();
                        store.note_failed_repair(&gap, &why, next).await.unwrap();
                    }
                }
            }
        }
    }

    async fn until(&mut self, time: Timestamp) {
        while self.clock.time() < time {
            self.settle().await;
            self.repair().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Value {
        let url = format!("http://{}{path}", self.running.local_addr());
        let request = Request::builder()
            .method(method)
            .uri(url)
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap();
        let answer = self.http.send(request).await.unwrap();
        serde_json::from_slice(answer.body()).unwrap()
    }

    /// The venue's own minutes.
    async fn truth(&self, key: &InstrumentKey, from: Timestamp, to: Timestamp) -> Vec<Candle> {
        let symbol = key.symbol.as_str().replace('/', "%2F");
        let (from, to) = (from.millis() / 1_000, to.millis() / 1_000);
        let path = format!(
            "/admin/candles?venue={}&symbol={symbol}&from={from}&to={to}",
            key.venue
        );
        let answer = self.ask("GET", &path, "").await;
        let rows = answer["candles"].as_array().unwrap().iter();
        let amount = |row: &Value, name: &str| parse_exact(row[name].as_str().unwrap()).unwrap();
        rows.map(|row| Candle {
            open_time: Timestamp::parse_rfc3339(row["open_time"].as_str().unwrap()).unwrap(),
            open: amount(row, "open"),
            high: amount(row, "high"),
            low: amount(row, "low"),
            close: amount(row, "close"),
            volume: amount(row, "volume"),
            quote_volume: amount(row, "quote_volume"),
            trades: row["trades"].as_u64().unwrap(),
            taker_buy_volume: amount(row, "taker_buy_volume"),
            complete: true,
        })
        .collect()
    }

    async fn coverage(&self, key: &InstrumentKey, from: Timestamp, to: Timestamp) -> Coverage {
        let id = self.fresh.id(key).await;
        let coverage = self.fresh.store.coverage(id, MINUTE, (from, to)).await;
        coverage.unwrap()
    }

    /// Goes on until nothing is missing between two times.
    async fn until_whole(&mut self, from: Timestamp, to: Timestamp) {
        let began = tokio::time::Instant::now();
        loop {
            self.settle().await;
            self.repair().await;
            let mut open = Vec::new();
            for key in &self.keys {
                let coverage = self.coverage(key, from, to).await;
                if coverage.share() < 10_000 || !coverage.missing().is_empty() {
                    open.push((key.clone(), coverage.gaps, coverage.spans));
                }
            }
            if open.is_empty() {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "still open: {open:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Every minute is the venue's own. Answers how many were replaced at least once.
    async fn check(&self, from: Timestamp, to: Timestamp) -> usize {
        let mut corrected = 0;
        for key in &self.keys {
            let stored = self.fresh.everything(key, MINUTE).await;
            let within = |minute: &&StoredCandle| {
                from <= minute.candle.open_time && minute.candle.open_time < to
            };
            let stored: BTreeMap<Timestamp, StoredCandle> = stored
                .iter()
                .filter(within)
                .map(|minute| (minute.candle.open_time, minute.clone()))
                .collect();
            let truth = self.truth(key, from, to).await;
            let times: BTreeSet<_> = truth.iter().map(|minute| minute.open_time).collect();
            assert!(times.len() > 3, "{key}: {}", times.len());
            assert_eq!(
                stored.keys().copied().collect::<BTreeSet<_>>(),
                times,
                "{key}"
            );
            for minute in truth {
                let mut own = stored[&minute.open_time].clone();
                if let CandleSource::Imported(_) = own.source {
                    // A venue's candles may lack what only single trades show.
                    own.candle.trades = minute.trades;
                    own.candle.quote_volume = minute.quote_volume;
                    own.candle.taker_buy_volume = minute.taker_buy_volume;
                }
                assert_eq!(own.candle, minute, "{key}: {:?}", own.source);
                corrected += usize::from(own.revision > 0);
            }
        }
        corrected
    }
}

pub(crate) async fn what_streams_miss_is_repaired(fresh: &Fresh) {
    let listen_to = [
        ("binance", "binance", "BTCUSDT ETHUSDT"),
        ("coinbase", "coinbase", "BTC-USD ETH-USD"),
        ("kraken", "kraken/v2", "BTC/USD"),
    ];
    faulty(fresh, &listen_to, 1).await;
}

pub(crate) async fn what_streams_miss_is_repaired_of_another_market(fresh: &Fresh) {
    let listen_to = [
        ("binance", "binance", "BTCUSDT"),
        ("coinbase", "coinbase-advanced", "BTC-USD ETH-USD"),
        ("kraken", "kraken/v2", "ETH/USD"),
    ];
    faulty(fresh, &listen_to, 7).await;
}

/// Streams over some minutes with everything that venues do wrong.
async fn faulty(fresh: &Fresh, listen_to: &[(&'static str, &str, &str)], seed: u64) {
    let config = simulator::Config {
        seed,
        rate: 30.0,
        steady: true,
        instruments: Some(vec!["BTC".to_owned(), "ETH".to_owned()]),
        ..simulator::Config::default()
    };
    let mut streams = Streams::open(fresh, listen_to, FastClock::new(20), config).await;
    let begun = MINUTE.open_of(streams.clock.time());
    streams.until(streams.clock.time() + minutes(1)).await;
    let faults = [
        format!("drop:p=0.003,seed={seed}"),
        format!("duplicate:p=0.02,seed={seed}"),
        format!("reorder:p=0.02,window=5,seed={seed}"),
    ];
    let body = serde_json::json!({ "faults": faults }).to_string();
    streams.ask("POST", "/admin/faults", &body).await;
    streams.until(streams.clock.time() + minutes(3)).await;
    let hang_up = r#"{"faults": ["disconnect:every=1s,times=3"]}"#;
    streams.ask("POST", "/admin/faults", hang_up).await;
    streams.until(streams.clock.time() + minutes(2)).await;
    streams.ask("DELETE", "/admin/faults", "").await;
    streams.until(streams.clock.time() + minutes(1)).await;
    let until = MINUTE.open_of(streams.clock.time());
    streams.until(until + minutes(1)).await;
    streams.until_whole(begun, until).await;
    let state = streams.ask("GET", "/admin/state", "").await;
    let dropped = state["struck"].as_array().unwrap().iter();
    let dropped = dropped.filter(|row| row["mark"] == "dropped").count();
    assert!(dropped > 0, "{state}");
    assert_eq!(state["counters"]["fault_disconnects"], 3);
    // The minute in which listening began, at least.
    let corrected = streams.check(begun, until).await;
    assert!(corrected > 0);
    streams.quit.send_replace(true);
}

/// Time from the reconnect until an outage of a minute at 1,000 trades/s is repaired and stored.
pub(crate) async fn measured_outage_of_a_minute(fresh: &Fresh) {
    let config = simulator::Config {
        rate: 1_000.0,
        steady: true,
        instruments: Some(vec!["binance:BTCUSDT".to_owned()]),
        ..simulator::Config::default()
    };
    let listen_to = [("binance", "binance", "BTCUSDT")];
    let mut streams = Streams::open(fresh, &listen_to, FastClock::new(1), config).await;
    streams.until(streams.clock.time() + seconds(20)).await;
    let begun = streams.clock.time();
    let away = r#"{"faults": ["refuse:connections", "disconnect:every=1s"]}"#;
    streams.ask("POST", "/admin/faults", away).await;
    streams.until(begun + seconds(60)).await;
    streams.ask("DELETE", "/admin/faults", "").await;
    while !streams.feeds[0].borrow().is_live() {
        streams
            .until(streams.clock.time() + Duration::from_millis(10))
            .await;
    }
    let reconnected = tokio::time::Instant::now();
    let away = streams.clock.time().since(begun);
    // The minute that it lasted into is still open.
    let until = MINUTE.open_of(streams.clock.time());
    streams.until_whole(begun, until).await;
    println!(
        "away for {:.1} s; repaired {:.1} s after the reconnect",
        away.as_secs_f64(),
        reconnected.elapsed().as_secs_f64(),
    );
    streams.quit.send_replace(true);
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
