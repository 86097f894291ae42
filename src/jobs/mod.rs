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

use coinsphere_pipelines::store::StoreError;
use serde_json::Value;
use uuid::Uuid;

pub use runner::{JobContext, JobFailure, JobHandler, JobRunner};
pub use table::Jobs;
pub use user_data::JobUserData;

/// A job to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Which handler does it.
    pub kind: &'static str,
    /// What the handler needs to know; never a secret.
    pub arguments: Value,
    /// The higher, the sooner.
    pub priority: i16,
    /// While a job of this kind and key is unfinished, there is no second.
    pub deduplication_key: Option<String>,
    /// Who asked.
    pub requested_by: Option<Uuid>,
    /// How often it is tried at most, at least once.
    pub max_attempts: u16,
}

/// What enqueuing came to.
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
    /// What kind.
    pub kind: String,
    /// What the handler needs to know.
    pub arguments: Value,
    /// Which attempt this is, from 1.
    pub attempt: i32,
    pub(crate) claim: Uuid,
}

/// What a worker is told when it says that it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// Go on.
    Held,
    /// Somebody asks for the job to be cancelled.
    CancelRequested,
    /// Another worker has the job, or it is finished: stop.
    Lost,
}

/// How a worker's attempt ended.
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

/// A job, as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// How far it is.
    pub state: JobState,
    /// What its handler last said.
    pub progress: Option<String>,
    /// How often it was begun.
    pub attempts: i32,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Who asked.
    pub requested_by: Option<Uuid>,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unavailable | Self::Full => true,
            Self::Store(error) => error.is_retriable(),
        }
    }
}
