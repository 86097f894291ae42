//! Claims jobs and runs their handlers, one at a time, until asked to quit.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use coinsphere_actors::supervision::ExitReason;
use coinsphere_actors::supervision::{PartStatus, StatusRegistry};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::{Attempt, ClaimedJob, JobError, Jobs, Lease};

/// The time for which a job is held without a heartbeat, and how often there is one.
const LEASE: Duration = Duration::from_secs(30);
const BEAT: Duration = Duration::from_secs(5);

/// The interval at which jobs are looked for.
const ROUND: Duration = Duration::from_secs(1);

/// Number of rounds without a job before old ones are removed.
const TIDY_AFTER: u32 = 3_600;

/// Why a handler could not do its job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct JobFailure {
    /// The error.
    pub error: String,
    /// True if trying again may help.
    pub is_retriable: bool,
}

/// Does jobs of one kind.
#[async_trait]
pub trait JobHandler: Send + Sync + 'static {
    /// Which kind.
    fn kind(&self) -> &'static str;

    /// Does a job. When it is cancelled, or the program stops, the future is dropped.
    ///
    /// # Errors
    /// Why it could not be done.
    async fn run(&self, job: &ClaimedJob, context: &JobContext) -> Result<(), JobFailure>;
}

/// Environment of a handler besides its job.
pub struct JobContext {
    progress: watch::Sender<Option<String>>,
}

impl JobContext {
    /// Says how far the job is.
    pub fn progress(&self, text: impl Into<String>) {
        self.progress.send_replace(Some(text.into()));
    }
}

/// Runs jobs.
#[derive(Clone)]
pub struct JobRunner {
    /// Its name among the parts.
    pub name: String,
    /// The jobs.
    pub jobs: Jobs,
    /// Handlers of the jobs, by kind.
    pub handlers: Vec<Arc<dyn JobHandler>>,
    /// Where its state is published.
    pub statuses: StatusRegistry,
}

/// Observable state.
#[derive(Debug, Default, Serialize)]
struct RunnerState {
    /// The kind of the job that runs now.
    running: Option<String>,
    done: u64,
    failed: u64,
}

impl JobRunner {
    /// Runs until asked to quit. A job that runs then is given back.
    pub async fn run(self, mut quit: watch::Receiver<bool>) -> ExitReason {
        let kinds: Vec<&str> = self.handlers.iter().map(|handler| handler.kind()).collect();
        let mut state = RunnerState::default();
        let mut idle = 0;
        loop {
            match self.jobs.claim(&kinds, LEASE).await {
                Ok(Some(job)) => {
                    self.statuses.set(&self.name, PartStatus::Running, None);
                    self.work(&job, &mut state, &mut quit).await;
                }
                Ok(None) => {
                    self.statuses.set(&self.name, PartStatus::Running, None);
                    idle += 1;
                    if idle % TIDY_AFTER == 1
                        && let Err(error) = self.jobs.tidy().await
                    {
                        tracing::warn!(%error, "finished jobs were not removed");
                    }
                }
                Err(error) => {
                    let status = PartStatus::Degraded;
                    self.statuses
                        .set(&self.name, status, Some(error.to_string()));
                }
            }
            if *quit.borrow() {
                return ExitReason::Quit;
            }
            if state.running.take().is_none() {
                tokio::select! {
                    () = tokio::time::sleep(ROUND) => {}
                    _ = quit.wait_for(|quit| *quit) => return ExitReason::Quit,
                }
            }
        }
    }

    async fn work(
        &self,
        job: &ClaimedJob,
        state: &mut RunnerState,
        quit: &mut watch::Receiver<bool>,
    ) {
        state.running = Some(job.kind.clone());
        self.statuses.observe(&self.name, state);
        let Some(attempt) = self.attempt(job, quit).await else {
            tracing::warn!(job = %job.id, kind = job.kind, "another worker has the job meanwhile");
            return;
        };
        match &attempt {
            Attempt::Failed(failure) => {
                state.failed += 1;
                tracing::warn!(job = %job.id, kind = job.kind, attempt = job.attempt, error = %failure, "a job failed");
            }
            Attempt::Done => state.done += 1,
            Attempt::Cancelled | Attempt::GivenBack => {}
        }
        let label = match &attempt {
            Attempt::Done => "done",
            Attempt::Failed(_) => "failed",
            Attempt::Cancelled => "cancelled",
            Attempt::GivenBack => "given_back",
        };
        metrics::counter!("coinsphere_jobs_total", "outcome" => label).increment(1);
        self.statuses.observe(&self.name, state);
        if let Err(error) = self.jobs.finish(job, &attempt).await {
            tracing::warn!(%error, job = %job.id, "the end of a job was not recorded: it is tried again");
        }
    }

    /// Runs a job's handler; `None` when another worker has the job.
    async fn attempt(&self, job: &ClaimedJob, quit: &mut watch::Receiver<bool>) -> Option<Attempt> {
        let handler = self.handlers.iter().find(|found| found.kind() == job.kind);
        let Some(handler) = handler else {
            let why = format!("nothing does jobs of the kind {}", job.kind);
            return Some(Attempt::Failed(JobFailure::permanent(why)));
        };
        let (progress, mut said) = watch::channel(None);
        let context = JobContext { progress };
        let work = handler.run(job, &context);
        tokio::pin!(work);
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                outcome = &mut work => {
                    // What it said last is kept, though the next beat was not due yet.
                    if said.has_changed().unwrap_or(false) {
                        let text: Option<String> = said.borrow_and_update().clone();
                        let noted = self.jobs.heartbeat(job, LEASE, text.as_deref()).await;
                        noted.err().inspect(|error| log_missed_beat(job, error));
                    }
                    return Some(outcome.map_or_else(Attempt::Failed, |()| Attempt::Done));
                }
                _ = quit.wait_for(|quit| *quit) => return Some(Attempt::GivenBack),
                _ = beat.tick() => {
                    self.statuses.progressed(&self.name);
                    let text: Option<String> = said.borrow_and_update().clone();
                    match self.jobs.heartbeat(job, LEASE, text.as_deref()).await {
                        Ok(Lease::Held) => {}
                        Ok(Lease::CancelRequested) => return Some(Attempt::Cancelled),
                        Ok(Lease::Lost) => return None,
                        Err(error) => log_missed_beat(job, &error),
                    }
                }
            }
        }
    }
}

/// The lease may outlast it.
fn log_missed_beat(job: &ClaimedJob, error: &JobError) {
    tracing::debug!(%error, job = %job.id, "a job's heartbeat was not noted");
}
