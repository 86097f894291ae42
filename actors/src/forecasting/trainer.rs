//! Trains models in the background: when there is none, when the newest has become old, when the
//! serving one's errors have grown, or on request. One training at a time, on a thread of its own with
//! the lowest priority; whatever happens there, a panic included, touches nothing that is served.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::market::{Candle, Timestamp};
use coinsphere_pipelines::net::backoff::doubled;
use coinsphere_pipelines::signal::Signal;
use serde::Serialize;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::forecasting::series::SeriesSpec;
use crate::forecasting::store::ForecastStore;
use crate::market::candle_store::StoreFault;
use crate::supervision::ExitReason;
use crate::supervision::{PartStatus, StatusRegistry};

/// The interval at which the schedule is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The time to wait after a training that failed; doubled up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3_600);

/// The time one step of a training may take at the lowest priority.
const PROGRESS: Duration = Duration::from_secs(900);

/// The time that stopping waits for a training to notice.
const PATIENCE: Duration = Duration::from_secs(5);

/// The nice value of the training thread: yields to everything else.
const NICE: i32 = 19;

/// Why a model is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// There is none yet.
    First,
    /// The newest is old.
    Schedule,
    /// The serving model's errors have grown.
    Drift,
    /// Somebody asked.
    Request,
}

/// Trainings that were asked for. Shared; asking twice is asking once.
#[derive(Debug, Default)]
pub struct TrainingQueue {
    wanted: Mutex<BTreeMap<String, Reason>>,
    grew: Signal,
    /// Number of trainings of a series that have ended, and the error of the last if it failed.
    ended: watch::Sender<BTreeMap<String, (u64, Option<String>)>>,
}

impl TrainingQueue {
    /// Asks for a training of a series by its name. False: it was asked for already.
    pub fn request(&self, series: &str, reason: Reason) -> bool {
        let fresh = self.lock().insert(series.to_owned(), reason).is_none();
        self.grew.raise();
        fresh
    }

    /// Asks for a training and waits for its end; asked for already, for the end of that one.
    ///
    /// # Errors
    /// Why the training failed.
    pub async fn done(&self, series: &str, reason: Reason) -> Result<(), String> {
        let mut ended = self.ended.subscribe();
        let count = |all: &BTreeMap<String, (u64, Option<String>)>| {
            all.get(series).map_or(0, |(count, _)| *count)
        };
        let before = count(&ended.borrow());
        self.request(series, reason);
        let end = ended.wait_for(|all| count(all) > before && !self.has(series));
        match end.await.ok().and_then(|all| all.get(series).cloned()) {
            Some((_, Some(why))) => Err(why),
            _ => Ok(()),
        }
    }

    fn note_end(&self, series: &str, error: Option<String>) {
        self.ended.send_modify(|all| {
            let (count, last) = all.entry(series.to_owned()).or_default();
            *count += 1;
            *last = error;
        });
    }

    fn take(&self, series: &str) -> Option<Reason> {
        self.lock().remove(series)
    }

    fn has(&self, series: &str) -> bool {
        self.lock().contains_key(series)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Reason>> {
        // A panic while a map of names is held leaves a usable map.
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A training that is due.
#[derive(Debug, Clone)]
pub struct Job {
    /// Of which series.
    pub spec: SeriesSpec,
    /// Its closed candles, ascending.
    pub candles: Vec<Candle>,
    /// Why.
    pub reason: Reason,
    /// Now.
    pub now: Timestamp,
}

/// Outcome of a training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trained {
    /// The new version.
    pub version: String,
    /// True if it serves from now on.
    pub promoted: bool,
    /// Why, or why not.
    pub why: String,
}

/// Trains and keeps models.
pub trait ModelTrainer: Send + Sync + 'static {
    /// When the newest version was made, serving or not; `None` if there is none. Asked every few
    /// seconds by the actor: remember what takes long to find out.
    ///
    /// # Errors
    /// When that cannot be read.
    fn newest(&self, spec: &SeriesSpec) -> Result<Option<Timestamp>, String>;

    /// Trains, keeps the new version, and promotes it if it wins; on the training thread. `cancelled` is looked at every now
    /// and then; `progress` receives what goes on.
    ///
    /// # Errors
    /// When there is no new version; what serves goes on serving.
    fn train(
        &self,
        job: &Job,
        cancelled: &Arc<AtomicBool>,
        progress: &(dyn Fn(String) + Sync),
    ) -> Result<Trained, String>;
}

/// Dependencies of a trainer.
#[derive(Clone)]
pub struct TrainerDeps {
    /// Its name on the statuses.
    pub name: String,
    /// Series to train.
    pub series: Vec<SeriesSpec>,
    /// Where candles are.
    pub store: Arc<dyn ForecastStore>,
    /// Trains the models.
    pub model_trainer: Arc<dyn ModelTrainer>,
    /// Queue of requested trainings.
    pub trainings: Arc<TrainingQueue>,
    /// The series whose history has been loaded, as far as it can be.
    pub ready: watch::Receiver<BTreeSet<String>>,
    /// True to train without being asked.
    pub by_itself: bool,
    /// Age of the newest version at which the series is trained again.
    pub retrain_after: Duration,
    /// Raised when a version was promoted.
    pub changed: Signal,
    /// Where its state is published.
    pub statuses: StatusRegistry,
    /// The clock.
    pub clock: SharedClock,
}

/// The last training of a series.
#[derive(Debug, Clone, Serialize)]
struct Last {
    reason: Reason,
    finished_at: Timestamp,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Trained>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Observable state.
#[derive(Debug, Clone, Default, Serialize)]
struct TrainerState {
    /// The training that runs now.
    training: Option<String>,
    /// Progress of that training.
    progress: Option<String>,
    /// The last training by series.
    last: BTreeMap<String, Last>,
}

/// Runs until asked to quit.
pub async fn run(parts: TrainerDeps, quit: watch::Receiver<bool>) -> ExitReason {
    let trainer = TrainerLoop {
        parts,
        quit,
        state: TrainerState::default(),
        failures: BTreeMap::new(),
    };
    trainer.run().await
}

struct TrainerLoop {
    parts: TrainerDeps,
    quit: watch::Receiver<bool>,
    state: TrainerState,
    /// The number of times a series failed in a row, and when it may be tried again.
    failures: BTreeMap<String, (u32, Timestamp)>,
}

impl TrainerLoop {
    async fn run(mut self) -> ExitReason {
        self.parts
            .statuses
            .set(&self.parts.name, PartStatus::Running, None);
        self.parts
            .statuses
            .expect_progress(&self.parts.name, PROGRESS);
        let mut grew = self.parts.trainings.grew.waiter();
        loop {
            match self.next() {
                Some((spec, reason)) => self.train(spec, reason).await,
                None => {
                    tokio::select! {
                        () = grew.raised() => {}
                        () = tokio::time::sleep(LOOK_EVERY) => {}
                        _ = self.quit.wait_for(|quit| *quit) => {}
                    }
                }
            }
            self.parts.statuses.observe(&self.parts.name, &self.state);
            if *self.quit.borrow() {
                return ExitReason::Quit;
            }
        }
    }

    /// The next training; requested ones come first.
    fn next(&self) -> Option<(SeriesSpec, Reason)> {
        let now = self.parts.clock.now();
        let asked = self
            .parts
            .series
            .iter()
            .find(|f| self.parts.trainings.has(&f.name()));
        if let Some(spec) = asked {
            let reason = self.parts.trainings.take(&spec.name())?;
            return Some((spec.clone(), reason));
        }
        if !self.parts.by_itself {
            return None;
        }
        let ready = self.parts.ready.borrow();
        self.parts.series.iter().find_map(|spec| {
            let name = spec.name();
            let waits = self
                .failures
                .get(&name)
                .is_some_and(|(_, until)| now < *until);
            if waits || !ready.contains(&name) {
                return None;
            }
            let reason = match self.parts.model_trainer.newest(spec) {
                Ok(None) => Reason::First,
                Ok(Some(made)) if now.since(made) >= self.parts.retrain_after => Reason::Schedule,
                Ok(Some(_)) | Err(_) => return None,
            };
            Some((spec.clone(), reason))
        })
    }

    async fn train(&mut self, spec: SeriesSpec, reason: Reason) {
        let name = spec.name();
        tracing::info!(series = name, ?reason, "training");
        self.state.training = Some(name.clone());
        self.state.progress = None;
        self.parts.statuses.observe(&self.parts.name, &self.state);
        let begun = Instant::now();
        let outcome = match self.candles(&spec).await {
            Ok(candles) => {
                let job = Job {
                    spec,
                    candles,
                    reason,
                    now: self.parts.clock.now(),
                };
                self.on_its_own_thread(job).await
            }
            Err(fault) => Err(fault.to_string()),
        };
        self.state.training = None;
        self.state.progress = None;
        if *self.quit.borrow() {
            return;
        }
        self.note(name, reason, begun.elapsed(), outcome);
    }

    fn note(
        &mut self,
        name: String,
        reason: Reason,
        took: Duration,
        outcome: Result<Trained, String>,
    ) {
        let now = self.parts.clock.now();
        let label = match &outcome {
            Ok(trained) if trained.promoted => "promoted",
            Ok(_) => "kept",
            Err(_) => "failed",
        };
        metrics::counter!("coinsphere_trainer_trainings_total", "outcome" => label).increment(1);
        metrics::gauge!("coinsphere_trainer_last_seconds").set(took.as_secs_f64());
        match &outcome {
            Ok(trained) => {
                tracing::info!(
                    series = name,
                    version = trained.version,
                    promoted = trained.promoted,
                    why = trained.why,
                    ?took,
                    "trained"
                );
                if trained.promoted {
                    self.parts.changed.raise();
                }
                // With nothing that serves the schedule would begin again at once.
                if trained.promoted {
                    self.failures.remove(&name);
                } else {
                    self.wait_longer(&name, now);
                }
            }
            Err(why) => {
                tracing::warn!(
                    series = name,
                    why,
                    "training failed; what serves goes on serving"
                );
                self.wait_longer(&name, now);
            }
        }
        let (outcome, error) = match outcome {
            Ok(trained) => (Some(trained), None),
            Err(why) => (None, Some(why)),
        };
        let last = Last {
            reason,
            finished_at: now,
            seconds: took.as_secs_f64(),
            outcome,
            error,
        };
        self.parts.trainings.note_end(&name, last.error.clone());
        self.state.last.insert(name, last);
        let failed = self.state.last.iter().find_map(|(name, last)| {
            Some(format!("training {name} failed: {}", last.error.as_ref()?))
        });
        let status = match failed {
            None => PartStatus::Running,
            Some(_) => PartStatus::Degraded,
        };
        self.parts.statuses.set(&self.parts.name, status, failed);
    }

    /// The series is not tried again by itself before a while, twice as long each time.
    fn wait_longer(&mut self, name: &str, now: Timestamp) {
        let (count, until) = self.failures.entry(name.to_owned()).or_insert((0, now));
        *count += 1;
        *until = now + doubled(FIRST_WAIT, *count, LONGEST_WAIT);
    }

    /// The closed candles of the series' history.
    async fn candles(&self, spec: &SeriesSpec) -> Result<Vec<Candle>, StoreFault> {
        let store = &self.parts.store;
        let interval = spec.interval;
        let series = store.series(&spec.instrument, interval).await?;
        let series = series.ok_or_else(|| {
            StoreFault::new(format!("there is no instrument {}", spec.instrument), false)
        })?;
        let from = interval.open_of(self.parts.clock.now()) - interval.duration() * spec.history;
        let mut all = Vec::new();
        let mut next = Some(from);
        while let Some(from) = next {
            let (page, after) = store.closed(&series, from).await?;
            all.extend(page);
            next = after;
        }
        Ok(all)
    }

    async fn on_its_own_thread(&mut self, job: Job) -> Result<Trained, String> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let (reported, mut progress) = watch::channel(String::new());
        let (done, mut outcome) = oneshot::channel();
        let (model_trainer, stop) = (
            Arc::clone(&self.parts.model_trainer),
            Arc::clone(&cancelled),
        );
        #[allow(
            clippy::disallowed_methods,
            reason = "it ends with the training, which is waited for"
        )]
        let spawned = std::thread::Builder::new()
            .name("trainer".to_owned())
            .spawn(move || {
                yield_to_others();
                let tell = |text: String| drop(reported.send_replace(text));
                let trained =
                    catch_unwind(AssertUnwindSafe(|| model_trainer.train(&job, &stop, &tell)));
                // Nobody waiting is nobody to tell.
                let _ = done.send(trained.unwrap_or_else(|panic| Err(words(&*panic))));
            });
        if let Err(error) = spawned {
            return Err(format!("cannot start a thread to train on: {error}"));
        }
        let gone = || Err("the training thread is gone".to_owned());
        loop {
            tokio::select! {
                trained = &mut outcome => return trained.unwrap_or_else(|_| gone()),
                Ok(()) = progress.changed() => {
                    self.state.progress = Some(progress.borrow_and_update().clone());
                    self.parts.statuses.observe(&self.parts.name, &self.state);
                }
                _ = self.quit.wait_for(|quit| *quit) => break,
            }
        }
        cancelled.store(true, Ordering::Relaxed);
        let stopped = tokio::time::timeout(PATIENCE, outcome).await;
        stopped.map_or_else(|_| gone(), |trained| trained.unwrap_or_else(|_| gone()))
    }
}

/// Gives this thread, and those it starts, the lowest priority.
fn yield_to_others() {
    // Linux takes no process id as the calling thread (setpriority(2), "C library/kernel differences").
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "training runs at normal priority");
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panicked: {}", words.unwrap_or("without words"))
}
