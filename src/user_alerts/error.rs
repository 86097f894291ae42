//! Errors of alerts: refusals, and failures of the database.

use coinsphere_pipelines::store::StoreError;

use crate::market::ReadError;

/// A field of a rule or of a request that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// The field, by its path: `condition.threshold`.
    pub field: String,
    /// The fault, and the allowed values.
    pub detail: String,
}

impl WrongField {
    /// Names a field and its fault.
    #[must_use]
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            detail: detail.into(),
        }
    }
}

/// Errors of alerts: refusals, and failures of the database.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// Fields have values that they cannot have.
    #[error("the request is not valid: {}", .0.iter().map(|wrong| wrong.field.as_str()).collect::<Vec<_>>().join(", "))]
    Invalid(Vec<WrongField>),
    /// There is none, or it is somebody else's: never said which.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// It is so already, or a bound is reached.
    #[error("{0}")]
    Conflict(String),
    /// Nobody judges trades by alerts at the moment.
    #[error("{0}")]
    NotEvaluated(&'static str),
    /// The database has not been reached.
    #[error("the database is unavailable")]
    Unavailable,
    /// The database refused or went away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The market's records could not be read.
    #[error(transparent)]
    Market(#[from] ReadError),
}

impl AlertError {
    /// An error in one field.
    pub(super) fn wrong(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![WrongField::new(field, detail)])
    }

    /// True if the same call may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unavailable | Self::NotEvaluated(_) => true,
            Self::Store(error) => error.is_retriable(),
            Self::Market(error) => error.is_retriable(),
            _ => false,
        }
    }
}
