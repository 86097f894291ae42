//! The parts that forecast in the running program: they load the history of the series, train their
//! models and step them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use coinsphere_actors::forecasting::predictor::{self, PredictorDeps};
use coinsphere_actors::forecasting::series::SeriesSpec;
use coinsphere_actors::forecasting::trainer::{self, TrainerDeps, TrainingQueue};
use coinsphere_actors::push::PushHub;
use coinsphere_actors::supervision::{ExitReason, LoopActor, StatusRegistry, Supervise};
use coinsphere_ml::model::{Registry, RegistryError};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::signal::Signal;
use coinsphere_pipelines::store::StoreSource;
use tokio::sync::watch;

use super::catalogue::SeriesCatalogue;
use super::history::{self, HistoryDeps};
use super::{
    ForecastReader, ForecastReaderDeps, ForecastSettings, MlModelRepository, MlModelTrainer,
    TrainingHandler, models_directory,
};
use crate::jobs::{JobRunner, Jobs};
use crate::market::VenueSettings;

/// The parts of this process, and what its readers share with them.
pub(crate) struct ForecastParts<D> {
    registry: Registry,
    trainings: Arc<TrainingQueue>,
    changed: Signal,
    settings: ForecastSettings,
    database: Arc<D>,
    clock: SharedClock,
}

impl<D: StoreSource> ForecastParts<D> {
    /// Opens the registry of models in the data directory.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub(crate) fn open(
        data_dir: &Path,
        settings: &ForecastSettings,
        database: &Arc<D>,
        clock: &SharedClock,
    ) -> Result<Self, RegistryError> {
        Ok(Self {
            registry: Registry::open(&models_directory(data_dir))?,
            trainings: Arc::default(),
            changed: Signal::new(),
            settings: settings.clone(),
            database: Arc::clone(database),
            clock: clock.clone(),
        })
    }

    /// A reader of forecasts and models, in a process that trains or does not.
    pub(crate) fn reader(&self, trains: bool) -> ForecastReader {
        ForecastReader::new(ForecastReaderDeps {
            database: Arc::clone(&self.database) as _,
            registry: self.registry.clone(),
            jobs: Jobs::new(Arc::clone(&self.database) as _, self.clock.clone()),
            changed: self.changed.clone(),
            trains: trains.then(|| self.settings.tokens.clone()),
            clock: self.clock.clone(),
        })
    }

    /// The parts, in the order in which they are to be started. `stored` is raised when longer candles
    /// may have changed; `source` is the venue that history is loaded from, where it is followed.
    pub(crate) fn parts(
        &self,
        hub: &Arc<PushHub>,
        statuses: &StatusRegistry,
        stored: &Signal,
        source: Option<&VenueSettings>,
    ) -> Vec<Supervise> {
        let (settings, database, clock) = (&self.settings, &self.database, &self.clock);
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
            stored: stored.clone(),
            changed: self.changed.clone(),
            trainings: Arc::clone(&self.trainings),
        };
        parts.push(LoopActor::supervised(predictor.name.clone(), {
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
        let source = source.filter(|venue| venue.enabled && settings.load_history);
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
        parts.push(LoopActor::supervised(trainer.name.clone(), {
            let (catalogue, ready) = (catalogue.clone(), Arc::clone(&ready));
            let loads = source.is_some();
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
        parts.push(LoopActor::supervised(runner.name.clone(), move |quit| {
            runner.clone().run(quit)
        }));
        if let Some(source) = source {
            let history = HistoryDeps {
                name: "history".to_owned(),
                catalogue,
                database: Arc::clone(database) as _,
                endpoint: source.endpoint.clone(),
                statuses: statuses.clone(),
                clock: clock.clone(),
                ready,
                changed: self.changed.clone(),
            };
            parts.push(LoopActor::supervised(history.name.clone(), move |quit| {
                history::run(history.clone(), quit)
            }));
        }
        parts
    }
}
