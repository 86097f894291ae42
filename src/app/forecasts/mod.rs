//! Forecasts in the running program: which series there are, and the three parts that load their
//! history, train their models and step them.

mod history;
mod models;
mod reader;
mod school;
mod store;

use std::collections::BTreeSet;
use std::path::PathBuf;
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
use coinsphere_pipelines::market::Interval;
use coinsphere_pipelines::store::AssetLookup;
use tokio::sync::{Notify, watch};

use super::database::Database;
use crate::config::{Config, ForecastSettings, Role};
use history::HistoryParts;
use models::Shelf;
use school::MlSchool;

pub(super) use reader::ForecastReader;

/// The intervals of the candles that are forecast, and how many candles ahead: an hour, a day, a week.
const SERIES: [(Interval, &[u32]); 2] =
    [(Interval::Hour1, &[1, 24, 168]), (Interval::Day1, &[1, 7])];

/// How often the database is asked which series there are, until it answers.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// The candles that models of this interval are trained on.
const fn history_of(settings: &ForecastSettings, interval: Interval) -> u32 {
    match interval {
        Interval::Day1 => settings.daily_candles,
        _ => settings.hourly_candles,
    }
}

/// Where models are kept.
fn models_directory(config: &Config) -> PathBuf {
    config.data_dir.join("models")
}

/// Which series are forecast: known once the database has been reached.
#[derive(Clone)]
struct Following {
    database: Arc<Database>,
    settings: ForecastSettings,
}

impl Following {
    /// The series, as soon as the database tells; `None` when told to quit before.
    async fn wait(&self, quit: &mut watch::Receiver<bool>) -> Option<Vec<Followed>> {
        loop {
            match self.ask().await {
                Ok(Some(followed)) => return Some(followed),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "cannot look up what to forecast"),
            }
            tokio::select! {
                () = tokio::time::sleep(ASK_EVERY) => {}
                () = quits(quit) => return None,
            }
        }
    }

    async fn ask(&self) -> Result<Option<Vec<Followed>>, coinsphere_pipelines::store::StoreError> {
        let Some(store) = self.database.store() else {
            return Ok(None);
        };
        let mut followed = Vec::new();
        for token in &self.settings.tokens {
            let instrument = match store.asset(token).await? {
                AssetLookup::Found(asset) => {
                    store.instruments_of(&asset.id).await?.into_iter().next()
                }
                AssetLookup::Ambiguous(_) | AssetLookup::Unknown => None,
            };
            let Some(instrument) = instrument else {
                tracing::error!(token, "nothing trades this token here: it is not forecast");
                continue;
            };
            followed.extend(SERIES.map(|(interval, horizons)| Followed {
                asset: token.clone(),
                instrument: instrument.key.clone(),
                interval,
                horizons: horizons.to_vec(),
                history: history_of(&self.settings, interval),
            }));
        }
        Ok(Some(followed))
    }
}

/// Completes when told to quit.
async fn quits(quit: &mut watch::Receiver<bool>) {
    // The sender lives as long as the actor, which the waiting loop is a part of.
    let _ = quit.wait_for(|quit| *quit).await;
}

/// The parts of this process, and what the HTTP layer needs of them.
pub(super) struct Forecasts {
    registry: Registry,
    orders: Arc<Orders>,
    changed: Arc<Notify>,
    /// Whether this process trains.
    trains: bool,
}

/// Makes a part anew each time it is called.
pub(super) type PartFactory = Box<dyn FnMut(ExitNotice) -> Started + Send>;

impl Forecasts {
    /// Opens the registry.
    ///
    /// # Errors
    /// When its directory cannot be made.
    pub(super) fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            registry: Registry::open(&models_directory(config)).context("the models")?,
            orders: Arc::default(),
            changed: Arc::default(),
            trains: config.has_role(Role::Forecasts),
        })
    }

    /// The parts, by name, in the order in which they are to be started.
    pub(super) fn parts(
        &self,
        config: &Config,
        database: &Arc<Database>,
        hub: &Arc<PushHub>,
        board: &Board,
        clock: &SharedClock,
    ) -> Vec<(String, PartFactory)> {
        let settings = &config.forecasts;
        let following = Following {
            database: Arc::clone(database),
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
                database: Arc::clone(database),
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
