//! Why the audit log could not do what it was asked.

use std::path::PathBuf;

use coinsphere_pipelines::store::StoreError;

use crate::secrets::SecretError;

/// Why the audit log could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database has not been reached yet.
    #[error("cannot reach the audit log: the database has not been reached yet")]
    Unreached,
    /// The file of the signing key.
    #[error(transparent)]
    KeyFile(#[from] SecretError),
    /// The signing key itself or the file of signed heads.
    #[error("cannot {doing} {}: {reason}", path.display())]
    Key {
        /// The operation attempted.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// An entry has more in it than fits.
    #[error("the audit entry {event:?} is too large: keep its detail under 4096 bytes")]
    TooLarge {
        /// The entry's event.
        event: String,
    },
    /// Too much waits to be written already, or the log is closed.
    #[error("the audit log takes no more entries now: {0}")]
    Full(&'static str),
    /// A row is not as we write them.
    #[error("the audit log's row {0} cannot be read: it was not written by this program")]
    Unreadable(i64),
    /// The output cannot be written.
    #[error("cannot write the export: {0}")]
    Output(#[from] std::io::Error),
}

impl AuditError {
    /// Returns whether the same call may succeed later.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retriable(),
            Self::Unreached | Self::Full(_) => true,
            _ => false,
        }
    }
}
