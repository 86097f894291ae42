//! A runner on a store in memory, with a model whose forecasts depend on every candle it has taken.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Symbol, Timestamp, Venue};
use coinsphere_pipelines::store::{
    Forecast, ForecastCommit, ForecastSeries, ForecastState, InstrumentId,
};
use rust_decimal::Decimal;

use super::model::{Expected, Inference, ModelRepository, Serving, Stepped};
use super::series_runner::{Round, SeriesRunner};
use crate::forecasting::series::SeriesSpec;
use crate::forecasting::store::ForecastStore;
use crate::market::candle_store::StoreFault;

const HOUR: Interval = Interval::Hour1;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_seconds(hour * 3_600).unwrap()
}

/// A moment after the candle of this hour has closed.
fn after(hour: i64) -> Timestamp {
    at(hour + 1) + std::time::Duration::from_secs(3)
}

fn candle(hour: i64) -> Candle {
    let close = Decimal::from(1_000 + hour * hour * 7_919 % 100);
    Candle {
        open_time: at(hour),
        open: close,
        high: close,
        low: close,
        close,
        volume: Decimal::ONE,
        quote_volume: close,
        trades: 1,
        taker_buy_volume: Decimal::ZERO,
        complete: true,
    }
}

/// Forecasts from a digest of all closes so far.
struct Chained {
    version: String,
    sum: u64,
}

impl Inference for Chained {
    fn version(&self) -> &str {
        &self.version
    }

    fn reset(&mut self) {
        self.sum = 0;
    }

    fn step(&mut self, candle: &Candle) -> Result<Stepped, String> {
        for byte in candle.close.normalize().serialize() {
            self.sum = (self.sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let of = |horizon: u32| Expected {
            horizon,
            method: "chained".to_owned(),
            log_return: (self.sum % 1_000) as f64 / 1e5,
            ranges: None,
            has_skill: false,
        };
        Ok(Stepped {
            forecasts: vec![of(1), of(24)],
            drifts: Vec::new(),
        })
    }

    fn save(&self) -> Vec<u8> {
        self.sum.to_le_bytes().to_vec()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let bytes = bytes.try_into().map_err(|_| "damaged".to_owned())?;
        self.sum = u64::from_le_bytes(bytes);
        Ok(())
    }
}

/// Serves the newest version that is sound.
#[derive(Default)]
struct Models(Mutex<Vec<(&'static str, bool)>>);

impl Models {
    fn with(version: &'static str) -> Self {
        Self(Mutex::new(vec![(version, true)]))
    }

    fn add(&self, version: &'static str, sound: bool) {
        self.0.lock().unwrap().push((version, sound));
    }
}

impl ModelRepository for Models {
    fn promoted(&self, _: &SeriesSpec) -> Result<Option<String>, String> {
        Ok(self
            .0
            .lock()
            .unwrap()
            .last()
            .map(|(name, _)| (*name).to_owned()))
    }

    fn load(&self, _: &SeriesSpec) -> Result<Serving, String> {
        let versions = self.0.lock().unwrap();
        let sound = versions.iter().rev().find(|(_, sound)| *sound);
        let broken = versions.iter().rev().take_while(|(_, sound)| !*sound);
        Ok(Serving {
            model: sound.map(|(version, _)| {
                let version = (*version).to_owned();
                Box::new(Chained { version, sum: 0 }) as Box<dyn Inference>
            }),
            refused: broken
                .map(|(version, _)| format!("{version} is corrupt"))
                .collect(),
        })
    }
}

#[derive(Default)]
struct Memory {
    candles: Mutex<BTreeMap<Timestamp, Candle>>,
    forecasts: Mutex<BTreeMap<(Timestamp, u32), Forecast>>,
    outcomes: Mutex<BTreeMap<(Timestamp, u32), Decimal>>,
    states: Mutex<BTreeMap<(String, Timestamp), ForecastState>>,
    commits: Mutex<usize>,
    away: AtomicBool,
}

impl Memory {
    fn put(&self, hours: impl IntoIterator<Item = i64>) {
        let mut candles = self.candles.lock().unwrap();
        candles.extend(hours.into_iter().map(|hour| (at(hour), candle(hour))));
    }

    fn check(&self) -> Result<(), StoreFault> {
        match self.away.load(Ordering::SeqCst) {
            true => Err(StoreFault::new("away".to_owned(), true)),
            false => Ok(()),
        }
    }

    fn said(&self) -> BTreeMap<(Timestamp, u32), f64> {
        let forecasts = self.forecasts.lock().unwrap();
        forecasts
            .iter()
            .map(|(key, f)| (*key, f.expected_return))
            .collect()
    }

    fn commits(&self) -> usize {
        *self.commits.lock().unwrap()
    }
}

#[async_trait]
impl ForecastStore for Memory {
    async fn series(
        &self,
        _: &InstrumentKey,
        interval: Interval,
    ) -> Result<Option<ForecastSeries>, StoreFault> {
        self.check()?;
        let instrument = InstrumentId::new(1);
        Ok(Some(ForecastSeries {
            instrument,
            interval,
        }))
    }

    async fn closed(
        &self,
        _: &ForecastSeries,
        from: Timestamp,
    ) -> Result<(Vec<Candle>, Option<Timestamp>), StoreFault> {
        self.check()?;
        let candles = self.candles.lock().unwrap();
        let mut page: Vec<Candle> = candles
            .range(from..)
            .map(|(_, c)| c.clone())
            .take(101)
            .collect();
        let next = (page.len() > 100).then(|| page.pop()).flatten();
        Ok((page, next.map(|candle| candle.open_time)))
    }

    async fn state(
        &self,
        _: &ForecastSeries,
        version: &str,
        until: Option<Timestamp>,
    ) -> Result<Option<ForecastState>, StoreFault> {
        self.check()?;
        let states = self.states.lock().unwrap();
        let until = until.unwrap_or(Timestamp::MAX);
        let found = states
            .iter()
            .rev()
            .find(|((of, time), _)| of == version && *time <= until);
        Ok(found.map(|(_, state)| state.clone()))
    }

    async fn state_times(
        &self,
        _: &ForecastSeries,
        version: &str,
    ) -> Result<Vec<Timestamp>, StoreFault> {
        self.check()?;
        let states = self.states.lock().unwrap();
        Ok(states
            .keys()
            .filter(|(of, _)| of == version)
            .map(|(_, time)| *time)
            .collect())
    }

    async fn commit(&self, commit: &ForecastCommit) -> Result<u64, StoreFault> {
        self.check()?;
        *self.commits.lock().unwrap() += 1;
        let mut forecasts = self.forecasts.lock().unwrap();
        for forecast in &commit.forecasts {
            forecasts.insert((forecast.open_time, forecast.horizon), forecast.clone());
        }
        let mut outcomes = self.outcomes.lock().unwrap();
        for settled in &commit.settlements {
            outcomes.insert((settled.open_time, settled.horizon), settled.price);
        }
        let mut states = self.states.lock().unwrap();
        for state in &commit.states {
            states.insert((commit.model.clone(), state.open_time), state.clone());
        }
        states.retain(|(of, time), _| *of == commit.model && commit.keep.contains(time));
        Ok(commit.forecasts.len() as u64)
    }
}

fn runner() -> SeriesRunner {
    SeriesRunner::new(SeriesSpec {
        asset: "bitcoin".to_owned(),
        instrument: InstrumentKey::new(Venue::new("binance"), Symbol::new("BTCUSDT").unwrap()),
        interval: HOUR,
        horizons: vec![1, 24],
        history: 2_000,
    })
}

async fn round(runner: &mut SeriesRunner, store: &Memory, repository: &Models, hour: i64) -> Round {
    runner.round(store, repository, after(hour)).await.unwrap()
}

/// Runs hour by hour up to and including `last`.
async fn live(
    runner: &mut SeriesRunner,
    store: &Memory,
    repository: &Models,
    hours: std::ops::RangeInclusive<i64>,
) {
    for hour in hours {
        store.put([hour]);
        round(runner, store, repository, hour).await;
    }
}

#[tokio::test]
async fn a_candle_is_one_step_and_repeating_changes_nothing() {
    let (store, repository) = (Memory::default(), Models::with("a"));
    store.put(0..=999);
    let mut runner = runner();
    let first = round(&mut runner, &store, &repository, 999).await;
    assert_eq!(runner.state.steps, 1_000);
    let spoken: Vec<_> = first
        .forecasts
        .iter()
        .map(|f| f.forecast.open_time)
        .collect();
    assert_eq!(
        spoken,
        [at(999), at(999)],
        "the newest only, at both horizons"
    );
    assert_eq!(store.said().len(), 2);

    let commits = store.commits();
    let again = round(&mut runner, &store, &repository, 999).await;
    assert!(again.forecasts.is_empty());
    assert_eq!((runner.state.steps, store.commits()), (1_000, commits));

    assert!(!runner.is_due(after(999)) && runner.is_due(after(1_000)));
    live(&mut runner, &store, &repository, 1_000..=1_000).await;
    assert_eq!(runner.state.steps, 1_001);
    assert_eq!(store.said().len(), 4);
    let outcome = store.outcomes.lock().unwrap().get(&(at(999), 1)).copied();
    assert_eq!(outcome, Some(candle(1_000).close));
}

#[tokio::test]
async fn a_restart_goes_on_and_catching_up_equals_running() {
    let (store, repository) = (Memory::default(), Models::with("a"));
    store.put(0..=99);
    let mut before = runner();
    live(&mut before, &store, &repository, 100..=110).await;
    drop(before);
    store.put(111..=120);
    let mut restarted = runner();
    round(&mut restarted, &store, &repository, 120).await;
    assert_eq!(restarted.state.steps, 10);

    let other = Memory::default();
    other.put(0..=99);
    live(&mut runner(), &other, &repository, 100..=120).await;
    let (caught_up, ran) = (store.said(), other.said());
    // A forecast for 1 hour made at 112 while catching up at 120 would be none: it is known.
    let open =
        |(time, horizon): &(Timestamp, u32)| *horizon == 24 || *time >= at(120) || *time <= at(110);
    let ran: BTreeMap<_, _> = ran.into_iter().filter(|(key, _)| open(key)).collect();
    assert_eq!(caught_up, ran);
    let states = |memory: &Memory| memory.states.lock().unwrap().clone();
    let newest = |memory: &Memory| states(memory).into_values().next_back();
    assert_eq!(newest(&store), newest(&other));
}

#[tokio::test]
async fn a_corrected_candle_makes_it_go_back_to_the_last_good_state() {
    let (store, repository) = (Memory::default(), Models::with("a"));
    store.put(0..=399);
    let mut running = runner();
    live(&mut running, &store, &repository, 400..=450).await;
    let steps = running.state.steps;
    let mut better = candle(440);
    better.close += Decimal::ONE;
    better.high += Decimal::ONE;
    store
        .candles
        .lock()
        .unwrap()
        .insert(at(440), better.clone());
    round(&mut running, &store, &repository, 450).await;
    assert_eq!(running.state.corrections, 1);
    // The state of 432, eighteen days of 24 hours, is the last before it.
    assert_eq!(running.state.steps - steps, 18);

    // As if the better candle had been there from the start.
    let undisturbed = Memory::default();
    undisturbed.put(0..=450);
    undisturbed.candles.lock().unwrap().insert(at(440), better);
    let mut fresh = runner();
    round(&mut fresh, &undisturbed, &repository, 450).await;
    let key = (at(450), 24);
    assert_eq!(store.said()[&key], undisturbed.said()[&key]);

    // One noticed by a restart, older than every state.
    let mut first = candle(390);
    first.volume += Decimal::ONE;
    first.close += Decimal::TWO;
    first.high += Decimal::TWO;
    store.candles.lock().unwrap().insert(at(390), first.clone());
    store
        .states
        .lock()
        .unwrap()
        .retain(|(_, time), _| *time == at(450));
    let mut restarted = runner();
    round(&mut restarted, &store, &repository, 450).await;
    assert_eq!(restarted.state.steps, 451, "from the beginning of history");
    undisturbed.candles.lock().unwrap().insert(at(390), first);
    let mut fresh = runner();
    undisturbed.states.lock().unwrap().clear();
    round(&mut fresh, &undisturbed, &repository, 450).await;
    assert_eq!(store.said()[&key], undisturbed.said()[&key]);
}

#[tokio::test]
async fn a_store_that_fails_loses_nothing() {
    let (store, repository) = (Memory::default(), Models::with("a"));
    store.put(0..=199);
    let mut running = runner();
    live(&mut running, &store, &repository, 200..=205).await;
    store.put([206]);
    store.away.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        assert!(
            running
                .round(&store, &repository, after(206))
                .await
                .is_err()
        );
    }
    store.away.store(false, Ordering::SeqCst);
    round(&mut running, &store, &repository, 206).await;
    let undisturbed = Memory::default();
    undisturbed.put(0..=199);
    live(&mut runner(), &undisturbed, &repository, 200..=206).await;
    assert_eq!(store.said(), undisturbed.said());
}

#[tokio::test]
async fn a_broken_version_leaves_the_one_before_serving_and_is_said() {
    let (store, repository) = (Memory::default(), Models::with("a"));
    store.put(0..=99);
    let mut running = runner();
    round(&mut running, &store, &repository, 99).await;
    repository.add("b", false);
    round(&mut running, &store, &repository, 99).await;
    assert_eq!(running.state.model.as_deref(), Some("a"));
    assert_eq!(running.state.last_error.as_deref(), Some("b is corrupt"));
    live(&mut running, &store, &repository, 100..=100).await;
    assert_eq!(
        running.state.steps, 101,
        "it went on without beginning again"
    );
    // One that is sound takes over at the newest candle; what was said before stays.
    repository.add("c", true);
    round(&mut running, &store, &repository, 100).await;
    assert_eq!(running.state.model.as_deref(), Some("c"));
    assert_eq!(running.state.last_error, None);
    let forecasts = store.forecasts.lock().unwrap();
    let by: Vec<&str> = forecasts.values().map(|f| f.model.as_str()).collect();
    assert_eq!(by, ["a", "a", "c", "c"]);
}

#[tokio::test]
async fn without_a_model_there_is_nothing_to_say() {
    let (store, repository) = (Memory::default(), Models::default());
    store.put(0..=99);
    let mut running = runner();
    let said = round(&mut running, &store, &repository, 99).await;
    assert!(said.forecasts.is_empty());
    assert_eq!((store.commits(), running.state.model), (0, None));
}
