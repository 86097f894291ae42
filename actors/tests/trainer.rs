//! The trainer with a model trainer that does as a test asks: panics, loses, wins.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use coinsphere_actors::forecasting::series::SeriesSpec;
use coinsphere_actors::forecasting::store::ForecastStore;
use coinsphere_actors::forecasting::trainer::{
    Job, ModelTrainer, Reason, Trained, TrainerDeps, TrainingQueue, run,
};
use coinsphere_actors::market::candle_store::StoreFault;
use coinsphere_actors::supervision::ExitReason;
use coinsphere_actors::supervision::{PartStatus, StatusRegistry};
use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Symbol, Timestamp, Venue};
use coinsphere_pipelines::signal::Signal;
use coinsphere_pipelines::store::{ForecastCommit, ForecastSeries, ForecastState, InstrumentId};
use tokio::sync::{Notify, watch};

/// A store without candles: the model_trainer here does not look at them.
struct Empty;

#[async_trait]
impl ForecastStore for Empty {
    async fn series(
        &self,
        _: &InstrumentKey,
        interval: Interval,
    ) -> Result<Option<ForecastSeries>, StoreFault> {
        let instrument = InstrumentId::new(1);
        Ok(Some(ForecastSeries {
            instrument,
            interval,
        }))
    }

    async fn closed(
        &self,
        _: &ForecastSeries,
        _: Timestamp,
    ) -> Result<(Vec<Candle>, Option<Timestamp>), StoreFault> {
        Ok((Vec::new(), None))
    }

    async fn state(
        &self,
        _: &ForecastSeries,
        _: &str,
        _: Option<Timestamp>,
    ) -> Result<Option<ForecastState>, StoreFault> {
        Ok(None)
    }

    async fn state_times(&self, _: &ForecastSeries, _: &str) -> Result<Vec<Timestamp>, StoreFault> {
        Ok(Vec::new())
    }

    async fn commit(&self, _: &ForecastCommit) -> Result<u64, StoreFault> {
        Ok(0)
    }
}

/// Script of the next trainings, and the requests that were made.
struct Scripted {
    outcomes: Mutex<VecDeque<&'static str>>,
    asked: Mutex<Vec<(String, Reason)>>,
    happened: Notify,
}

impl ModelTrainer for Scripted {
    fn newest(&self, _: &SeriesSpec) -> Result<Option<Timestamp>, String> {
        Ok(None)
    }

    fn train(
        &self,
        job: &Job,
        _: &Arc<AtomicBool>,
        progress: &(dyn Fn(String) + Sync),
    ) -> Result<Trained, String> {
        progress("half".to_owned());
        let asked = (job.spec.name(), job.reason);
        self.asked.lock().unwrap().push(asked);
        let outcome = self.outcomes.lock().unwrap().pop_front().unwrap_or("fails");
        self.happened.notify_one();
        match outcome {
            "panics" => panic!("out of its depth"),
            "fails" => Err("too few candles".to_owned()),
            won => Ok(Trained {
                version: "v".to_owned(),
                promoted: won == "wins",
                why: won.to_owned(),
            }),
        }
    }
}

#[tokio::test]
async fn whatever_a_training_comes_to_the_trainer_goes_on() {
    let model_trainer = Arc::new(Scripted {
        outcomes: Mutex::new(["panics", "loses", "wins"].into()),
        asked: Mutex::default(),
        happened: Notify::new(),
    });
    let spec = SeriesSpec {
        asset: "bitcoin".to_owned(),
        instrument: InstrumentKey::new(Venue::new("binance"), Symbol::new("BTCUSDT").unwrap()),
        interval: Interval::Hour1,
        horizons: vec![1],
        history: 100,
    };
    let name = spec.name();
    let (ready, is_ready) = watch::channel(BTreeSet::new());
    let (trainings, changed) = (Arc::new(TrainingQueue::default()), Signal::new());
    let mut was_changed = changed.waiter();
    was_changed.raised().await;
    let statuses = StatusRegistry::new(SystemClock::shared());
    let parts = TrainerDeps {
        name: "trainer".to_owned(),
        series: vec![spec],
        store: Arc::new(Empty),
        model_trainer: model_trainer.clone(),
        trainings: trainings.clone(),
        ready: is_ready,
        by_itself: true,
        retrain_after: Duration::from_secs(3_600),
        changed: changed.clone(),
        statuses: statuses.clone(),
        clock: SystemClock::shared(),
    };
    let (quit, asked) = watch::channel(false);
    // Before its history is there, only on request.
    let trainer = tokio::spawn(run(parts, asked));
    let within = Duration::from_secs(30);
    let until = async |status: PartStatus| {
        tokio::time::timeout(within, async {
            while statuses
                .snapshot()
                .get("trainer")
                .is_none_or(|part| part.status != status)
            {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    };
    ready.send_replace(BTreeSet::from([name.clone()]));
    tokio::time::timeout(within, model_trainer.happened.notified())
        .await
        .unwrap();
    until(PartStatus::Degraded).await;
    let said = statuses.snapshot()["trainer"].last_error.clone().unwrap();
    assert!(said.contains("it panicked: out of its depth"), "{said}");

    // It waits by itself now, and does as it is asked.
    assert!(trainings.request(&name, Reason::Drift));
    tokio::time::timeout(within, model_trainer.happened.notified())
        .await
        .unwrap();
    until(PartStatus::Running).await;
    trainings.request(&name, Reason::Request);
    tokio::time::timeout(within, was_changed.raised())
        .await
        .unwrap();
    let asked = model_trainer.asked.lock().unwrap().clone();
    let reasons: Vec<Reason> = asked.into_iter().map(|(_, reason)| reason).collect();
    // This trainer never tells of a version, so the next first training may have begun by now.
    let expected = [Reason::First, Reason::Drift, Reason::Request];
    assert!(reasons.starts_with(&expected), "{reasons:?}");

    quit.send_replace(true);
    let reason = tokio::time::timeout(within, trainer)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(reason, ExitReason::Quit);
}
