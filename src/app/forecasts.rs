//! Forecasts in the running program: which series there are, and the three parts that load their
//! history, train their models and step them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Arbiter};
use anyhow::Context;
use coinsphere_actors::board::Board;
use coinsphere_actors::part::LoopActor;
use coinsphere_actors::predictor::{self, Followed, PredictorParts};
use coinsphere_actors::push::PushHub;
use coinsphere_actors::supervisor::{ExitNotice, ExitReason, Started};
use coinsphere_actors::trainer::{self, Orders, TrainerParts};
use coinsphere_ml::model::Registry;
use coinsphere_pipelines::clock::SharedClock;
use tokio::sync::{Notify, watch};

use super::database::Database;
use crate::config::{Config, Role};
use crate::forecasts::catalogue::Following;
use crate::forecasts::history::{self, HistoryParts};
use crate::forecasts::{ForecastReader, ForecastReaderDeps, MlSchool, Shelf, models_directory};
/// The parts of this process, and what the HTTP layer needs of them.
pub(crate) struct Forecasts {
    registry: Registry,
    orders: Arc<Orders>,
    changed: Arc<Notify>,
    /// Whether this process trains.
    trains: bool,
}

/// Makes a part anew each time it is called.
pub(crate) type PartFactory = Box<dyn FnMut(ExitNotice) -> Started + Send>;

impl Forecasts {
    /// Opens the registry.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub(crate) fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            registry: Registry::open(&models_directory(&config.data_dir)).context("the models")?,
            orders: Arc::default(),
            changed: Arc::default(),
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
            orders: Arc::clone(&self.orders),
            changed: Arc::clone(&self.changed),
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
        board: &Board,
        clock: &SharedClock,
    ) -> Vec<(String, PartFactory)> {
        let settings = &config.forecasts;
        let following = Following {
            database: Arc::clone(database) as _,
            settings: settings.clone(),
        };
        let ready = Arc::new(watch::Sender::new(BTreeSet::new()));
        let mut parts = Vec::new();
        let predictor = PredictorParts {
            name: "predictor".to_owned(),
            followed: Vec::new(),
            store: Arc::clone(database) as _,
            shelf: Arc::new(Shelf(self.registry.clone())),
            hub: Arc::clone(hub),
            board: board.clone(),
            clock: clock.clone(),
            stored: Arc::clone(&database.kept_up),
            changed: Arc::clone(&self.changed),
            orders: Arc::clone(&self.orders),
        };
        parts.push(part(predictor.name.clone(), {
            let following = following.clone();
            move |mut quit| {
                let (following, mut predictor) = (following.clone(), predictor.clone());
                async move {
                    match following.wait(&mut quit).await {
                        None => ExitReason::Quit,
                        Some(followed) => {
                            predictor.followed = followed;
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
        let trainer = TrainerParts {
            name: "trainer".to_owned(),
            followed: Vec::new(),
            store: Arc::clone(database) as _,
            school: Arc::new(MlSchool::new(self.registry.clone(), settings)),
            orders: Arc::clone(&self.orders),
            ready: ready.subscribe(),
            by_itself: settings.train,
            retrain_after: Duration::from_secs(settings.retrain_hours.saturating_mul(3_600)),
            changed: Arc::clone(&self.changed),
            board: board.clone(),
            clock: clock.clone(),
        };
        parts.push(part(trainer.name.clone(), {
            let (following, ready) = (following.clone(), Arc::clone(&ready));
            move |mut quit| {
                let (following, ready) = (following.clone(), Arc::clone(&ready));
                let mut trainer = trainer.clone();
                async move {
                    match following.wait(&mut quit).await {
                        None => ExitReason::Quit,
                        Some(followed) => {
                            if !loads {
                                let all = followed.iter().map(Followed::name).collect();
                                ready.send_replace(all);
                            }
                            trainer.followed = followed;
                            trainer::run(trainer, quit).await
                        }
                    }
                }
            }
        }));
        if loads {
            let history = HistoryParts {
                name: "history".to_owned(),
                following,
                database: Arc::clone(database) as _,
                endpoint: binance.and_then(|venue| venue.endpoint.clone()),
                board: board.clone(),
                clock: clock.clone(),
                ready,
                changed: Arc::clone(&self.changed),
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
