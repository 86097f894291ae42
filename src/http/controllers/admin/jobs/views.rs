//! Ids and errors that several handlers share.

use uuid::Uuid;

use crate::http::respond::problem::{Kind, Problem};
use crate::jobs::JobError;

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
