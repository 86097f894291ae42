//! Errors of notifications and their channels: refusals, and failures of the database.

use coinsphere_pipelines::store::StoreError;

use crate::secrets::SecretError;

/// Errors of notifications and their channels.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// A field has a value that it cannot have.
    #[error("{field}: {detail}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The fault, and the allowed values.
        detail: String,
    },
    /// There is none, or it is somebody else's: never said which.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// It is so already, or a bound is reached.
    #[error("{0}")]
    Conflict(String),
    /// The database has not been reached.
    #[error("the database is unavailable")]
    Unavailable,
    /// The database refused or went away.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Settings cannot be encrypted or decrypted.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

impl NotificationError {
    pub(super) fn wrong(field: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            detail: detail.into(),
        }
    }

    /// True if the same call may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Unavailable => true,
            Self::Store(error) => error.is_retriable(),
            _ => false,
        }
    }
}
