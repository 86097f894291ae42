//! Errors of a registry of models.

use std::io;
use std::path::{Path, PathBuf};

use super::file::ModelFileError;
use super::id::{ModelId, ModelKey};

/// Failure of an operation on a registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The file system refused.
    #[error("cannot {what} {path}", path = .path.display())]
    Io {
        /// The operation attempted.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A version is not usable.
    #[error(transparent)]
    Model(#[from] ModelFileError),
    /// There is no such version.
    #[error("{key} has no version {id}: `coinsphere models list` shows what there is")]
    Unknown {
        /// Of this model.
        key: ModelKey,
        /// The version.
        id: ModelId,
    },
    /// The version holds a model of other candles.
    #[error("version {id} is a model of {found}, not of {key}: it was moved there by hand")]
    Misplaced {
        /// Where it lies.
        key: ModelKey,
        /// The version.
        id: ModelId,
        /// The key on its card.
        found: ModelKey,
    },
    /// The version is there already.
    #[error("{key} already has a version {id}")]
    Duplicate {
        /// Of this model.
        key: ModelKey,
        /// The version.
        id: ModelId,
    },
    /// There is no earlier promotion to go back to.
    #[error("{0} cannot be rolled back: no earlier version that served is still there and sound")]
    NothingBefore(ModelKey),
    /// The pointer to the serving version cannot be understood.
    #[error("{path} is not a pointer to a serving model: {why}; promote a version to replace it", path = .path.display())]
    Pointer {
        /// The file.
        path: PathBuf,
        /// Its fault.
        why: String,
    },
}

impl RegistryError {
    /// Returns whether the same call may succeed later without anyone changing the registry's contents.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Io { .. } => true,
            Self::Model(error) => error.is_retriable(),
            _ => false,
        }
    }
}

/// For `map_err`: what was attempted, and on what.
pub(super) fn failed<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> RegistryError + 'a {
    move |source| RegistryError::Io {
        what,
        path: path.to_owned(),
        source,
    }
}
