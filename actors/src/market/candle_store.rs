//! The market actors' interface to a store. The program's database implements it; tests have one in
//! memory.

use async_trait::async_trait;
use coinsphere_pipelines::candles::{Checkpoint, Commit};
use coinsphere_pipelines::log::{EventLog, Offset};

/// Failure of the store, by what it could not do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct StoreFault {
    message: String,
    retriable: bool,
}

impl StoreFault {
    /// Says what happened and whether the same call may succeed later.
    #[must_use]
    pub const fn new(message: String, retriable: bool) -> Self {
        Self { message, retriable }
    }

    /// Returns whether the same call may succeed later.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        self.retriable
    }
}

/// The candles' interface to a store.
#[async_trait]
pub trait CandleStore: Send + Sync + 'static {
    /// The offset up to which the store accounts for this partition of this log (`None` if it knows
    /// nothing of this log), and the stored state of the partition's instruments.
    ///
    /// # Errors
    /// When the store is away or holds what cannot be read.
    async fn load(
        &self,
        log: &dyn EventLog,
        partition: u32,
    ) -> Result<(Option<Offset>, Vec<Checkpoint>), StoreFault>;

    /// Writes a commit in one transaction, and returns the revisions of the closed candles in it
    /// that replaced different ones, by their place in `commit.closed`.
    ///
    /// # Errors
    /// When nothing was written.
    async fn commit(
        &self,
        log: &dyn EventLog,
        commit: &Commit,
    ) -> Result<Vec<(usize, u32)>, StoreFault>;
}
