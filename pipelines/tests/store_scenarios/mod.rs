//! Duties of the store on either flavour, and helpers that the test binaries share: databases of
//! their own, candles to write, and candles computed independently to compare with.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]
#![allow(dead_code, reason = "each test binary uses a part of this")]

pub(crate) mod commits;
pub(crate) mod derived;
pub(crate) mod forecasts;
pub(crate) mod reads;
pub(crate) mod roles;

use std::collections::BTreeMap;
use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;

use coinsphere_pipelines::candles::{CandleWrite, Checkpoint, Commit};
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Symbol, Timestamp, Venue};
use coinsphere_pipelines::store::{
    CandlePage, CandleQuery, DatabaseUrl, InstrumentId, Store, StoreConfig, StoredCandle,
};
use futures_util::FutureExt as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rust_decimal::Decimal;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// A migrated database that nobody else uses.
pub(crate) struct Fresh {
    pub(crate) config: StoreConfig,
    pub(crate) store: Store,
}

pub(crate) type Scenario = for<'a> fn(&'a Fresh) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Names a scenario for a list of them.
macro_rules! scenario {
    ($path:path) => {
        (
            stringify!($path),
            (|fresh| Box::pin($path(fresh))) as $crate::store_scenarios::Scenario,
        )
    };
}
pub(crate) use scenario;

/// Every scenario that applies to both flavours.
pub(crate) fn all() -> Vec<(&'static str, Scenario)> {
    vec![
        scenario!(commits::repeating_a_commit_changes_nothing),
        scenario!(commits::revisions_count_different_content_only),
        scenario!(commits::the_last_word_on_a_minute_counts),
        scenario!(commits::an_older_offset_is_refused),
        scenario!(commits::open_candles_are_replaced_for_the_checkpointed),
        scenario!(commits::gaps_are_kept_by_identity),
        scenario!(commits::a_restart_finds_offset_and_states),
        scenario!(commits::unheard_of_instruments_are_added),
        scenario!(commits::extreme_values_are_stored),
        scenario!(derived::longer_candles_equal_those_of_the_minutes),
        scenario!(derived::corrections_reach_every_length),
        scenario!(derived::old_corrections_reach_every_length),
        scenario!(derived::a_correction_at_the_start_of_a_batch_is_refreshed),
        scenario!(forecasts::repeating_forecasts_changes_nothing),
        scenario!(forecasts::what_was_said_stays_said),
        scenario!(forecasts::outcomes_join_the_forecasts_they_settle),
        scenario!(forecasts::forecasts_are_paged_across_years),
        scenario!(forecasts::states_are_kept_as_given),
        scenario!(forecasts::closed_candles_prefer_what_is_whole),
        scenario!(reads::pages_follow_one_another),
        scenario!(reads::open_minutes_are_merged_into_every_length),
        scenario!(reads::gaps_make_longer_candles_incomplete),
        scenario!(reads::imports_fill_where_nothing_was_built),
        scenario!(reads::closes_of_many_series_are_read_together),
        scenario!(reads::the_newest_page_is_the_end_of_all_time),
        scenario!(reads::the_majors_are_seeded),
        scenario!(roles::the_program_cannot_alter_or_empty_tables),
        scenario!(roles::migrating_again_does_nothing),
    ]
}

impl Fresh {
    pub(crate) async fn open(config: StoreConfig) -> Self {
        let store = Store::open(&config).await.expect("opening the store");
        Self { config, store }
    }

    /// A session as the owner, or as the application role.
    pub(crate) async fn session(&self, app: bool) -> Client {
        // Where there can be only one session, the pool must not have it.
        self.store.close_idle();
        let (client, connection) = self
            .config
            .url
            .config()
            .connect(NoTls)
            .await
            .expect("connecting");
        tokio::spawn(connection);
        if app {
            client
                .batch_execute("SET ROLE coinsphere_app")
                .await
                .expect("becoming the application role");
        }
        client
    }

    /// Keeps up until nothing is left to do.
    pub(crate) async fn keep_up(&self) -> u64 {
        let mut refreshed = 0;
        for _ in 0..10_000 {
            let done = self.store.keep_up(now()).await.expect("keeping up");
            refreshed += done.refreshed_ranges;
            if done.deferred {
                // Nothing tells when a policy's run has ended.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            } else if !done.more {
                return refreshed;
            }
        }
        panic!("keeping up does not come to an end");
    }

    /// Runs a policy of TimescaleDB now.
    pub(crate) async fn run_policy(&self, procedure: &str, target: &str) {
        let policies = self.store.describe().await.expect("describing").policies;
        let job = policies
            .iter()
            .find(|job| job.procedure == procedure && job.target.as_deref() == Some(target))
            .unwrap_or_else(|| panic!("no {procedure} for {target}"));
        let owner = self.session(false).await;
        let reset = owner.batch_execute("RESET ROLE").await;
        reset.expect("becoming the owner");
        let call = format!("CALL run_job({})", job.id);
        for _ in 0..200 {
            match owner.batch_execute(&call).await {
                Ok(()) => return,
                // The extension's own scheduler is at it.
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                Err(error) => panic!("{procedure} for {target}: {error:?}"),
            }
        }
        panic!("{procedure} for {target} never gets its turn");
    }

    pub(crate) async fn id(&self, key: &InstrumentKey) -> InstrumentId {
        self.store
            .instrument(key)
            .await
            .expect("looking up")
            .expect("the instrument")
            .id
    }

    pub(crate) async fn page(
        &self,
        key: &InstrumentKey,
        interval: Interval,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        limit: usize,
    ) -> CandlePage {
        let query = CandleQuery {
            instrument: self.id(key).await,
            asset: None,
            interval,
            from,
            to,
            limit,
        };
        self.store.candles(&query).await.expect("reading candles")
    }

    /// All candles of a length, by paging forwards.
    pub(crate) async fn everything(
        &self,
        key: &InstrumentKey,
        interval: Interval,
    ) -> Vec<StoredCandle> {
        let mut all = Vec::new();
        let mut from = Some(Timestamp::MIN);
        while from.is_some() {
            let page = self.page(key, interval, from, None, 5_000).await;
            all.extend(page.candles);
            from = page.next;
        }
        all
    }

    /// Commits closed candles of one instrument with a checkpoint, at the given offset.
    pub(crate) async fn write(
        &self,
        log: Uuid,
        offset: u64,
        key: &InstrumentKey,
        candles: &[Candle],
    ) {
        let commit = commit_of(offset, key, candles);
        self.store.commit(log, &commit).await.expect("committing");
    }
}

pub(crate) fn commit_of(offset: u64, key: &InstrumentKey, candles: &[Candle]) -> Commit {
    Commit {
        partition: 0,
        next_offset: Offset(offset),
        closed: writes(key, candles),
        checkpoints: vec![checkpoint(key)],
        ..Commit::default()
    }
}

pub(crate) fn writes(key: &InstrumentKey, candles: &[Candle]) -> Vec<CandleWrite> {
    candles
        .iter()
        .map(|candle| CandleWrite {
            instrument: key.clone(),
            candle: candle.clone(),
        })
        .collect()
}

pub(crate) fn checkpoint(key: &InstrumentKey) -> Checkpoint {
    Checkpoint {
        instrument: key.clone(),
        last_trade_id: None,
        closed_until: None,
        state: b"{}".to_vec(),
    }
}

/// A database server of a test binary.
pub(crate) struct Server {
    admin: DatabaseUrl,
    prefix: String,
}

impl Server {
    pub(crate) fn new(admin: DatabaseUrl) -> Self {
        Self {
            admin,
            prefix: format!("coinsphere_test_{:016x}", random_seed()),
        }
    }

    pub(crate) async fn admin(&self) -> Client {
        let config = self.admin.config();
        let (client, connection) = config.connect(NoTls).await.expect("connecting");
        tokio::spawn(connection);
        client
    }

    /// A database of one's own: made, used, dropped.
    pub(crate) async fn with_database(&self, name: &str, scenario: Scenario) {
        let database = format!("{}_{}", self.prefix, short_hash(name));
        let admin = self.admin().await;
        admin
            .batch_execute(&format!("CREATE DATABASE {database}"))
            .await
            .expect("creating a database");
        let mut config = StoreConfig::new(self.admin.with_database(&database));
        config.connection_limit = 4;
        let run = async {
            let fresh = Fresh::open(config).await;
            scenario(&fresh).await;
            fresh.store.close();
        };
        let outcome = AssertUnwindSafe(run).catch_unwind().await;
        admin
            .batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)"))
            .await
            .expect("dropping the database");
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    }
}

fn short_hash(name: &str) -> String {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn random_seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

/// A generator whose seed is printed and can be given.
pub(crate) fn random(test: &str) -> StdRng {
    let seed = std::env::var("COINSPHERE_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(random_seed);
    eprintln!("{test}: COINSPHERE_TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// The real time: policies of the database go by it.
pub(crate) fn now() -> Timestamp {
    coinsphere_pipelines::clock::SystemClock::shared().now()
}

pub(crate) fn btc() -> InstrumentKey {
    key("binance", "BTCUSDT")
}

pub(crate) fn key(venue: &'static str, symbol: &str) -> InstrumentKey {
    InstrumentKey::new(Venue::new(venue), Symbol::new(symbol).unwrap())
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

pub(crate) fn minutes(count: i64) -> std::time::Duration {
    std::time::Duration::from_secs(count.unsigned_abs() * 60)
}

pub(crate) fn days(count: u64) -> std::time::Duration {
    std::time::Duration::from_secs(count * 86_400)
}

/// A candle whose numbers follow from one.
pub(crate) fn candle(open_time: Timestamp, price: i64) -> Candle {
    let price = Decimal::new(price, 2);
    Candle {
        open_time,
        open: price,
        high: price + Decimal::ONE,
        low: price - Decimal::new(1, 1),
        close: price + Decimal::new(5, 1),
        volume: Decimal::new(1_234_567, 8),
        quote_volume: price * Decimal::new(1_234_567, 8),
        trades: 7,
        taker_buy_volume: Decimal::new(234_567, 8),
        complete: true,
    }
}

pub(crate) fn random_candle(rng: &mut StdRng, open_time: Timestamp) -> Candle {
    let mut price = || Decimal::new(rng.random_range(1..1_000_000_000), 8);
    let (open, close, other) = (price(), price(), price());
    let volume = price();
    Candle {
        open_time,
        open,
        high: open.max(close).max(other),
        low: open.min(close).min(other),
        close,
        volume,
        quote_volume: volume * other,
        trades: rng.random_range(1..1_000),
        taker_buy_volume: volume / Decimal::from(2),
        complete: rng.random_bool(0.99),
    }
}

/// Expected candles of a longer interval, computed here in the plainest way.
pub(crate) fn longer(minutes: &BTreeMap<Timestamp, Candle>, interval: Interval) -> Vec<Candle> {
    let mut longer: BTreeMap<Timestamp, Candle> = BTreeMap::new();
    for (time, minute) in minutes {
        let bucket = interval.open_of(*time);
        longer
            .entry(bucket)
            .and_modify(|candle| {
                candle.high = candle.high.max(minute.high);
                candle.low = candle.low.min(minute.low);
                candle.close = minute.close;
                candle.volume += minute.volume;
                candle.quote_volume += minute.quote_volume;
                candle.taker_buy_volume += minute.taker_buy_volume;
                candle.trades += minute.trades;
                candle.complete &= minute.complete;
            })
            .or_insert_with(|| Candle {
                open_time: bucket,
                ..minute.clone()
            });
    }
    longer.into_values().collect()
}
