//! Durable jobs: work that is done later, once at a time, whatever happens to the process that does it.
//! It knows PostgreSQL and nothing of what a job does: handlers do.
//!
//! - [`Jobs`] is the table: enqueue, claim, heartbeat, finish, cancel.
//! - [`JobRunner`] claims jobs and runs their handlers, as a supervised part.
//!
//! A job that is done is done at least once: a worker that dies after the work and before saying so
//! leaves it to the next, so handlers can be run again.

mod runner;
mod table;
mod user_data;

use std::str::FromStr;

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::StoreError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

pub use runner::{JobContext, JobFailure, JobHandler, JobRunner};
pub use table::Jobs;
pub use user_data::JobUserData;

/// A job to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Which handler does it.
    pub kind: &'static str,
    /// Arguments for the handler; never a secret.
    pub arguments: Value,
    /// The higher, the sooner.
    pub priority: i16,
    /// While a job of this kind and key is unfinished, there is no second.
    pub deduplication_key: Option<String>,
    /// Who asked.
    pub requested_by: Option<Uuid>,
    /// Number of attempts at most, at least one.
    pub max_attempts: u16,
}

/// Outcome of enqueuing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// It waits.
    Added(Uuid),
    /// One with its key is unfinished: this one.
    Unfinished(Uuid),
}

/// A job that a worker has.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedJob {
    /// Which.
    pub id: Uuid,
    /// Kind of work.
    pub kind: String,
    /// Arguments for the handler.
    pub arguments: Value,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    pub(crate) claim: Uuid,
}

/// The answer to a worker that says that it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// Go on.
    Held,
    /// Somebody asks for the job to be cancelled.
    CancelRequested,
    /// Another worker has the job, or it is finished: stop.
    Lost,
}

/// End of a worker's attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The work is done.
    Done,
    /// It failed.
    Failed(JobFailure),
    /// It was cancelled.
    Cancelled,
    /// The worker stops: the attempt does not count.
    GivenBack,
}

/// A job: work that is done later, whatever happens to the process that does it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    /// The job.
    pub id: Uuid,
    /// Kind of work.
    #[schema(example = "forecasts.train")]
    pub kind: String,
    /// Arguments of the work.
    #[schema(value_type = Object)]
    pub arguments: Value,
    /// `waiting`, `running`, `done`, `failed` or `cancelled`.
    #[schema(value_type = String, example = "running")]
    pub state: JobState,
    /// True when its cancellation was requested: a running job ends within seconds.
    pub cancel_requested: bool,
    /// Its latest report of progress.
    #[schema(example = "the trainer has it: see its state")]
    pub progress: Option<String>,
    /// Number of times it was begun.
    pub attempts: i32,
    /// Number of times it may be begun.
    pub max_attempts: i32,
    /// Why the last attempt failed.
    #[schema(example = "its worker is gone")]
    pub last_error: Option<String>,
    /// The user who asked for it; null for the server's token, and after that account was deleted.
    pub requested_by: Option<Uuid>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// The earliest time of its next attempt.
    pub run_at: DateTime<Utc>,
    /// When it ended; null while it waits or runs.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Which jobs are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobQuery {
    /// Those in this state only.
    pub state: Option<JobState>,
    /// Those of this kind only.
    pub kind: Option<String>,
    /// Those older than the job that was asked for at this time and has this id.
    pub after: Option<(DateTime<Utc>, Uuid)>,
    /// So many at most.
    pub limit: u32,
}

/// State of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Nobody has it.
    Waiting,
    /// A worker has it.
    Running,
    /// It is done.
    Done,
    /// It failed for good.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Its name, as in the API and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for JobState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.name() == text);
        found.ok_or_else(|| format!("use one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// Why the table could not be asked or changed.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The database has not been reached yet.
    #[error("the database is unavailable")]
    Unavailable,
    /// The database refused or went away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are too many unfinished jobs.
    #[error("too many jobs are unfinished: try again when some are done")]
    Full,
}

impl JobError {
    /// True when the same call may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unavailable | Self::Full => true,
            Self::Store(error) => error.is_retriable(),
        }
    }
}
