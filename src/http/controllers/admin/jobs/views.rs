//! The shapes that several answers share.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::respond::problem::{Kind, Problem};
use crate::jobs::{JobError, JobView};

/// A job: work that is done later, whatever happens to the process that does it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(in crate::http) struct JobBody {
    /// The job.
    id: Uuid,
    /// What kind of work it is.
    #[schema(example = "forecasts.train")]
    kind: String,
    /// What the work is about.
    #[schema(value_type = Object)]
    arguments: Value,
    /// `waiting`, `running`, `done`, `failed` or `cancelled`.
    #[schema(example = "running")]
    state: &'static str,
    /// Whether somebody asked for it to be cancelled: a running job ends within seconds.
    cancel_requested: bool,
    /// What it last reported.
    #[schema(example = "the trainer has it: see its state")]
    progress: Option<String>,
    /// How often it was begun.
    attempts: i32,
    /// How often it is begun at most.
    max_attempts: i32,
    /// Why the last attempt failed.
    #[schema(example = "its worker is gone")]
    last_error: Option<String>,
    /// The user who asked for it; null for the server's token, and after that account was deleted.
    requested_by: Option<Uuid>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
    /// The earliest time of its next attempt.
    run_at: DateTime<Utc>,
    /// When it ended; null while it waits or runs.
    finished_at: Option<DateTime<Utc>>,
}

impl From<JobView> for JobBody {
    fn from(job: JobView) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            arguments: job.arguments,
            state: job.state.name(),
            cancel_requested: job.cancel_requested,
            progress: job.progress,
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            last_error: job.last_error,
            requested_by: job.requested_by,
            created_at: job.created_at,
            run_at: job.run_at,
            finished_at: job.finished_at,
        }
    }
}

impl From<JobError> for Problem {
    /// Causes within us stay in our log.
    fn from(error: JobError) -> Self {
        match error {
            JobError::Full => {
                Self::new(Kind::Unavailable).with_detail("too many jobs are unfinished")
            }
            error if error.is_retriable() => Self::new(Kind::Unavailable),
            error => {
                tracing::error!(%error, "jobs could not be read or changed");
                Self::new(Kind::Internal)
            }
        }
    }
}

/// The id in a path: what is none is no job's.
pub(super) fn id(text: &str) -> Result<Uuid, Problem> {
    text.parse().map_err(|_| unknown())
}

pub(super) fn unknown() -> Problem {
    Problem::new(Kind::NotFound)
        .with_detail("there is no such job: finished ones are kept for 30 days")
}
