//! Candle and store actors together, on a log in memory and a store that fails on demand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::Actor;
use async_trait::async_trait;
use coinsphere_actors::market::candle::{CandleActor, CandleConfig, CandleDeps};
use coinsphere_actors::market::candle_store::{CandleStore, StoreFault};
use coinsphere_actors::market::committer::{CommitterActor, CommitterConfig, CommitterDeps};
use coinsphere_actors::supervision::ActorAddress;
use coinsphere_actors::supervision::{PartStatus, StatusRegistry};
use coinsphere_actors::supervision::{Started, StopAll, Supervise, Supervisor};
use coinsphere_pipelines::candles::{Checkpoint, Commit};
use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::events::{Body, ConnectionId, InstrumentTrades, Record};
use coinsphere_pipelines::log::{EventLog, MemoryLog, Offset};
use coinsphere_pipelines::market::{
    Candle, Price, Quantity, Symbol, TakerSide, Timestamp, Trade, TradeId,
};
use coinsphere_pipelines::signal::Signal;
use coinsphere_pipelines::venues;
use rust_decimal::Decimal;
use tokio::sync::{oneshot, watch};

/// 2024-08-08T00:00:00Z
const DAY: i64 = 1_723_075_200;

#[derive(Default)]
struct Kept {
    candles: BTreeMap<Timestamp, Candle>,
    states: BTreeMap<String, Checkpoint>,
    offset: Option<Offset>,
}

/// Keeps what is committed; fails while `away`, panics once when `panics` is set.
struct TestStore {
    kept: Mutex<Kept>,
    away: watch::Sender<bool>,
    panics: Mutex<bool>,
    changed: watch::Sender<u64>,
}

impl TestStore {
    fn new(away: bool) -> Arc<Self> {
        Arc::new(Self {
            kept: Mutex::default(),
            away: watch::Sender::new(away),
            panics: Mutex::new(false),
            changed: watch::Sender::new(0),
        })
    }

    fn minutes(&self) -> Vec<(i64, u64)> {
        let kept = self.kept.lock().unwrap();
        let minute = |time: &Timestamp| (time.millis() / 1_000 - DAY) / 60;
        kept.candles
            .iter()
            .map(|(time, candle)| (minute(time), candle.trades))
            .collect()
    }

    async fn until_minutes(&self, count: usize) {
        let mut changed = self.changed.subscribe();
        while self.minutes().len() < count {
            changed.changed().await.unwrap();
        }
    }
}

#[async_trait]
impl CandleStore for TestStore {
    async fn load(
        &self,
        _: &dyn EventLog,
        _: u32,
    ) -> Result<(Option<Offset>, Vec<Checkpoint>), StoreFault> {
        if *self.away.borrow() {
            return Err(StoreFault::new("away".into(), true));
        }
        let kept = self.kept.lock().unwrap();
        Ok((kept.offset, kept.states.values().cloned().collect()))
    }

    async fn commit(
        &self,
        _: &dyn EventLog,
        commit: &Commit,
    ) -> Result<Vec<(usize, u32)>, StoreFault> {
        if *self.away.borrow() {
            return Err(StoreFault::new("away".into(), true));
        }
        if std::mem::take(&mut *self.panics.lock().unwrap()) {
            panic!("as planned by the test");
        }
        let mut kept = self.kept.lock().unwrap();
        assert!(
            kept.offset <= Some(commit.next_offset),
            "offsets never go back"
        );
        kept.offset = Some(commit.next_offset);
        for write in &commit.closed {
            kept.candles
                .insert(write.candle.open_time, write.candle.clone());
        }
        for state in &commit.checkpoints {
            kept.states
                .insert(state.instrument.to_string(), state.clone());
        }
        drop(kept);
        self.changed.send_modify(|count| *count += 1);
        Ok(Vec::new())
    }
}

struct Stage {
    log: Arc<dyn EventLog>,
    store: Arc<TestStore>,
    statuses: StatusRegistry,
    supervisor: actix::Addr<Supervisor>,
}

impl Stage {
    async fn start(store: Arc<TestStore>, max_pending: usize) -> Self {
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::unbounded(1));
        let statuses = StatusRegistry::new(SystemClock::shared());
        let supervisor = Supervisor::new(statuses.clone()).start();
        let slot: ActorAddress<CandleActor> = ActorAddress::default();
        let committer = Signal::new();
        let candle_parts = CandleDeps {
            name: "candles_0".into(),
            partition: 0,
            config: CandleConfig {
                max_pending,
                records_per_step: 4,
                ..CandleConfig::default()
            },
            log: log.clone(),
            store: store.clone(),
            statuses: statuses.clone(),
            push: None,
            committer: committer.clone(),
        };
        let store_parts = CommitterDeps {
            name: "store".into(),
            config: CommitterConfig::default(),
            log: log.clone(),
            store: store.clone(),
            statuses: statuses.clone(),
            candles: vec![slot.clone()],
            committer,
            committed: Signal::new(),
            push: None,
        };
        let candles = Supervise {
            name: "candles_0".into(),
            factory: Box::new(move |exit| {
                let address = CandleActor::new(candle_parts.clone(), exit).start();
                slot.set(address.clone());
                Started {
                    quit: address.recipient(),
                }
            }),
        };
        supervisor.send(candles).await.unwrap();
        let writer = Supervise {
            name: "store".into(),
            factory: Box::new(move |exit| Started {
                quit: CommitterActor::new(store_parts.clone(), exit)
                    .start()
                    .recipient(),
            }),
        };
        supervisor.send(writer).await.unwrap();
        Self {
            log,
            store,
            statuses,
            supervisor,
        }
    }

    async fn append(&self, body: Body, seconds: i64) {
        let record = Record {
            venue: venues::named("binance").unwrap(),
            connection: ConnectionId(1),
            received_at: Timestamp::from_seconds(DAY + seconds).unwrap(),
            body,
        };
        self.log.append(0, vec![Arc::new(record)]).await.unwrap();
    }

    /// A trade every ten seconds.
    async fn trade(&self, ids: std::ops::Range<u64>) {
        for id in ids {
            let seconds = i64::try_from(id).unwrap() * 10;
            let trade = Trade {
                id: TradeId(id),
                time: Timestamp::from_seconds(DAY + seconds).unwrap(),
                price: Price::new(Decimal::from(100 + id)).unwrap(),
                quantity: Quantity::new(Decimal::ONE).unwrap(),
                taker: TakerSide::Buy,
            };
            let symbol = Symbol::new("BTCUSDT").unwrap();
            let body = Body::Trades(vec![InstrumentTrades {
                symbol,
                trades: vec![trade],
            }]);
            self.append(body, seconds).await;
        }
    }

    async fn stop(self) -> Arc<TestStore> {
        let (done, stopped) = oneshot::channel();
        self.supervisor.send(StopAll(done)).await.unwrap();
        stopped.await.unwrap();
        self.store
    }
}

fn with_paused_time(test: impl Future<Output = ()> + 'static) {
    actix::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
    })
    .block_on(test);
}

fn full_minutes(count: i64) -> Vec<(i64, u64)> {
    (0..count).map(|minute| (minute, 6)).collect()
}

#[test]
fn candles_reach_the_store_while_the_log_grows() {
    with_paused_time(async {
        let stage = Stage::start(TestStore::new(false), 1_000).await;
        stage
            .append(Body::Subscribed(vec![Symbol::new("BTCUSDT").unwrap()]), 0)
            .await;
        stage.trade(0..61).await;
        stage.store.until_minutes(9).await;
        // Minute 9 closes at 602 s.
        stage.append(Body::Tick, 602).await;
        stage.store.until_minutes(10).await;
        assert_eq!(stage.store.minutes(), full_minutes(10));
        let store = stage.stop().await;
        assert_eq!(store.kept.lock().unwrap().offset, Some(Offset(63)));
    });
}

#[test]
fn a_store_that_is_away_at_first_and_again_later_loses_nothing() {
    with_paused_time(async {
        let stage = Stage::start(TestStore::new(true), 1_000).await;
        stage
            .append(Body::Subscribed(vec![Symbol::new("BTCUSDT").unwrap()]), 0)
            .await;
        stage.trade(0..100).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(stage.store.minutes(), []);
        stage.store.away.send_replace(false);
        stage.store.until_minutes(15).await;
        stage.store.away.send_replace(true);
        stage.trade(100..400).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(
            stage.statuses.snapshot()["store"].status,
            PartStatus::Degraded
        );
        stage.store.away.send_replace(false);
        stage.store.until_minutes(65).await;
        let store = stage.stop().await;
        assert_eq!(store.minutes()[..65], full_minutes(65));
    });
}

#[test]
fn a_full_backlog_stops_pulling_from_the_log_until_the_store_is_back() {
    with_paused_time(async {
        let stage = Stage::start(TestStore::new(false), 10).await;
        stage
            .append(Body::Subscribed(vec![Symbol::new("BTCUSDT").unwrap()]), 0)
            .await;
        stage.trade(0..13).await;
        stage.store.until_minutes(1).await;
        stage.store.away.send_replace(true);
        stage.trade(13..1_000).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let state = stage.statuses.snapshot()["candles_0"].detail.clone();
        let (next, head) = (state["next_offset"].as_u64(), state["head"].as_u64());
        assert_eq!(head, Some(1_001));
        assert!(
            next < Some(300),
            "went on to {next:?} with 10 candles waiting"
        );
        assert!(state["pending"].as_u64() < Some(20), "{state}");
        stage.store.away.send_replace(false);
        stage.store.until_minutes(165).await;
        assert_eq!(stage.stop().await.minutes()[..165], full_minutes(165));
    });
}

#[test]
fn a_commit_that_dies_with_its_actor_is_found_again_in_the_log() {
    with_paused_time(async {
        let stage = Stage::start(TestStore::new(false), 1_000).await;
        stage
            .append(Body::Subscribed(vec![Symbol::new("BTCUSDT").unwrap()]), 0)
            .await;
        stage.trade(0..20).await;
        stage.store.until_minutes(2).await;
        *stage.store.panics.lock().unwrap() = true;
        stage.trade(20..61).await;
        stage.store.until_minutes(9).await;
        assert_eq!(stage.statuses.snapshot()["store"].restarts, 1);
        assert_eq!(stage.stop().await.minutes()[..9], full_minutes(9));
    });
}

#[test]
fn stopping_writes_all_that_the_log_holds() {
    with_paused_time(async {
        let stage = Stage::start(TestStore::new(false), 1_000).await;
        stage
            .append(Body::Subscribed(vec![Symbol::new("BTCUSDT").unwrap()]), 0)
            .await;
        stage.trade(0..1_000).await;
        let store = stage.stop().await;
        assert_eq!(store.kept.lock().unwrap().offset, Some(Offset(1_001)));
        assert_eq!(store.minutes(), full_minutes(166));
    });
}
