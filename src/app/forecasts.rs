//! Forecasts in the running program: which series there are, and the three parts that load their
//! history, train their models and step them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Arbiter};
use anyhow::Context;
use coinsphere_actors::forecasting::predictor::{self, PredictorDeps};
use coinsphere_actors::forecasting::series::SeriesSpec;
use coinsphere_actors::forecasting::trainer::{self, TrainerDeps, TrainingQueue};
use coinsphere_actors::push::PushHub;
use coinsphere_actors::supervision::LoopActor;
use coinsphere_actors::supervision::StatusRegistry;
use coinsphere_actors::supervision::{ExitNotice, ExitReason, Started};
use coinsphere_ml::model::Registry;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::signal::Signal;
use tokio::sync::watch;

use super::database::Database;
use crate::config::{Config, Role};
use crate::forecasts::catalogue::SeriesCatalogue;
use crate::forecasts::history::{self, HistoryDeps};
use crate::forecasts::{
    ForecastReader, ForecastReaderDeps, MlModelRepository, MlModelTrainer, TrainingHandler,
    models_directory,
};
use crate::jobs::{JobRunner, Jobs};

/// The parts of this process, and what the HTTP layer needs of them.
pub(crate) struct Forecasts {
    registry: Registry,
    trainings: Arc<TrainingQueue>,
    changed: Signal,
    /// Whether this process trains.
    trains: bool,
}

/// Makes a part again each time it is called.
pub(crate) type PartFactory = Box<dyn FnMut(ExitNotice) -> Started + Send>;

impl Forecasts {
    /// Opens the registry.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            registry: Registry::open(&models_directory(&config.data_dir)).context("the models")?,
            trainings: Arc::default(),
            changed: Signal::new(),
            trains: config.has_role(Role::Forecasts),
        })
    }

    /// What answers questions about forecasts.
    pub(crate) fn reader(
        &self,
        config: &Config,
        database: &Arc<Database>,
        clock: &SharedClock,
    ) -> ForecastReader {
        ForecastReader::new(ForecastReaderDeps {
            database: Arc::clone(database) as _,
            registry: self.registry.clone(),
            jobs: Jobs::new(Arc::clone(database) as _, clock.clone()),
            changed: self.changed.clone(),
            trains: self.trains.then(|| config.forecasts.tokens.clone()),
            clock: clock.clone(),
        })
    }

    /// The parts, by name, in the order in which they are to be started.
    pub(crate) fn parts(
        &self,
        config: &Config,
        database: &Arc<Database>,
        hub: &Arc<PushHub>,
        statuses: &StatusRegistry,
        clock: &SharedClock,
    ) -> Vec<(String, PartFactory)> {
        let settings = &config.forecasts;
        let catalogue = SeriesCatalogue {
            database: Arc::clone(database) as _,
            settings: settings.clone(),
        };
        let ready = Arc::new(watch::Sender::new(BTreeSet::new()));
        let mut parts = Vec::new();
        let predictor = PredictorDeps {
            name: "predictor".to_owned(),
            series: Vec::new(),
            store: Arc::clone(database) as _,
            repository: Arc::new(MlModelRepository(self.registry.clone())),
            hub: Arc::clone(hub),
            statuses: statuses.clone(),
            clock: clock.clone(),
            stored: database.kept_up.clone(),
            changed: self.changed.clone(),
            trainings: Arc::clone(&self.trainings),
        };
        parts.push(part(predictor.name.clone(), {
            let catalogue = catalogue.clone();
            move |mut quit| {
                let (catalogue, mut predictor) = (catalogue.clone(), predictor.clone());
                async move {
                    match catalogue.wait(&mut quit).await {
                        None => ExitReason::Quit,
                        Some(series) => {
                            predictor.series = series;
                            predictor::run(predictor, quit).await
                        }
                    }
                }
            }
        }));
        let binance = config
            .venues
            .get(history::VENUE)
            .filter(|venue| venue.enabled);
        let loads = settings.load_history && binance.is_some();
        let trainer = TrainerDeps {
            name: "trainer".to_owned(),
            series: Vec::new(),
            store: Arc::clone(database) as _,
            model_trainer: Arc::new(MlModelTrainer::new(self.registry.clone(), settings)),
            trainings: Arc::clone(&self.trainings),
            ready: ready.subscribe(),
            by_itself: settings.train,
            retrain_after: Duration::from_secs(settings.retrain_hours.saturating_mul(3_600)),
            changed: self.changed.clone(),
            statuses: statuses.clone(),
            clock: clock.clone(),
        };
        parts.push(part(trainer.name.clone(), {
            let (catalogue, ready) = (catalogue.clone(), Arc::clone(&ready));
            move |mut quit| {
                let (catalogue, ready) = (catalogue.clone(), Arc::clone(&ready));
                let mut trainer = trainer.clone();
                async move {
                    match catalogue.wait(&mut quit).await {
                        None => ExitReason::Quit,
                        Some(series) => {
                            if !loads {
                                let all = series.iter().map(SeriesSpec::name).collect();
                                ready.send_replace(all);
                            }
                            trainer.series = series;
                            trainer::run(trainer, quit).await
                        }
                    }
                }
            }
        }));
        let runner = JobRunner {
            name: "jobs".to_owned(),
            jobs: Jobs::new(Arc::clone(database) as _, clock.clone()),
            handlers: vec![Arc::new(TrainingHandler {
                trainings: Arc::clone(&self.trainings),
            })],
            statuses: statuses.clone(),
        };
        parts.push(part(runner.name.clone(), move |quit| {
            runner.clone().run(quit)
        }));
        if loads {
            let history = HistoryDeps {
                name: "history".to_owned(),
                catalogue,
                database: Arc::clone(database) as _,
                endpoint: binance.and_then(|venue| venue.endpoint.clone()),
                statuses: statuses.clone(),
                clock: clock.clone(),
                ready,
                changed: self.changed.clone(),
            };
            parts.push(part(history.name.clone(), move |quit| {
                history::run(history.clone(), quit)
            }));
        }
        parts
    }
}

/// A part that is one loop, on an arbiter of its own.
fn part<F>(
    name: String,
    run: impl Fn(watch::Receiver<bool>) -> F + Clone + Send + 'static,
) -> (String, PartFactory)
where
    F: Future<Output = ExitReason> + 'static,
{
    let arbiter = Arbiter::new().handle();
    let factory = move |exit: ExitNotice| {
        let run = run.clone();
        let address = LoopActor::start_in_arbiter(&arbiter, move |_| LoopActor::new(exit, run));
        Started {
            quit: address.recipient(),
        }
    };
    (name, Box::new(factory))
}
