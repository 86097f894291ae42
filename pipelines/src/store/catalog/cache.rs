//! The newest reading of assets and instruments, and whether it may still be answered from. Knows nothing
//! of SQL.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Snapshot;
use crate::store::error::StoreError;

/// One process's copy of assets and instruments.
#[derive(Debug, Default)]
pub(in crate::store) struct Catalog(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    newest: Option<Arc<Snapshot>>,
    /// Counts what makes earlier readings invalid: changes, and questions while none is heard.
    now: u64,
    /// Value of `now` when `newest` began to be read.
    read_at: u64,
    /// Number of listeners for changes.
    hearing: usize,
}

impl Catalog {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nobody panics while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest reading, however old.
    pub(super) fn newest(&self) -> Option<Arc<Snapshot>> {
        self.state().newest.clone()
    }

    /// Something has changed: earlier readings are invalid.
    pub(in crate::store) fn changed(&self) {
        self.state().now += 1;
    }

    /// A reading that is valid now: the newest, or one by `read`.
    pub(super) async fn get<F>(&self, read: impl FnOnce() -> F) -> Result<Arc<Snapshot>, StoreError>
    where
        F: Future<Output = Result<Snapshot, StoreError>>,
    {
        let asked_at = {
            let mut state = self.state();
            if state.hearing == 0 {
                state.now += 1;
            }
            state.now
        };
        if let Some(valid) = self.read_since(asked_at) {
            return Ok(valid);
        }
        let snapshot = Arc::new(read().await?);
        let mut state = self.state();
        if asked_at >= state.read_at {
            state.newest = Some(Arc::clone(&snapshot));
            state.read_at = asked_at;
        }
        Ok(snapshot)
    }

    fn read_since(&self, asked_at: u64) -> Option<Arc<Snapshot>> {
        let state = self.state();
        let newest = state.newest.as_ref();
        newest.filter(|_| state.read_at >= asked_at).cloned()
    }
}

/// Claims that every change is heard, for as long as it lives: however listening ends, by a panic too, the
/// claim ends with it.
pub(super) struct Hearing<'a>(&'a Catalog);

impl<'a> Hearing<'a> {
    pub(super) fn begin(catalog: &'a Catalog) -> Self {
        let mut state = catalog.state();
        // What was read before anybody listened may be old.
        state.now += 1;
        state.hearing += 1;
        drop(state);
        Self(catalog)
    }
}

impl Drop for Hearing<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.now += 1;
        state.hearing -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Counts how often it is read.
    #[derive(Default)]
    struct Reads(AtomicU32);

    impl Reads {
        async fn of(&self, catalog: &Catalog) -> u32 {
            let read = || async {
                self.0.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                Ok(Snapshot::default())
            };
            catalog.get(read).await.unwrap();
            self.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn it_is_read_each_time_until_changes_are_heard_and_then_once_for_each() {
        let (catalog, reads) = (Catalog::default(), Reads::default());
        assert!(catalog.newest().is_none());
        assert_eq!(reads.of(&catalog).await, 1);
        assert_eq!(reads.of(&catalog).await, 2);
        let hearing = Hearing::begin(&catalog);
        assert_eq!(reads.of(&catalog).await, 3, "may have changed before");
        assert_eq!(reads.of(&catalog).await, 3);
        catalog.changed();
        catalog.changed();
        assert_eq!(reads.of(&catalog).await, 4);
        assert_eq!(reads.of(&catalog).await, 4);
        drop(hearing);
        assert_eq!(reads.of(&catalog).await, 5);
        assert_eq!(reads.of(&catalog).await, 6);
        assert!(catalog.newest().is_some());
    }

    #[tokio::test]
    async fn a_change_while_it_is_read_is_not_missed() {
        let catalog = Catalog::default();
        let _hearing = Hearing::begin(&catalog);
        let changed_meanwhile = || async {
            catalog.changed();
            Ok(Snapshot::default())
        };
        catalog.get(changed_meanwhile).await.unwrap();
        assert_eq!(Reads::default().of(&catalog).await, 1, "read again");
    }

    #[tokio::test]
    async fn a_slow_reading_does_not_replace_a_newer_one() {
        let (catalog, reads) = (Catalog::default(), Reads::default());
        let _hearing = Hearing::begin(&catalog);
        let overtaken = || async {
            catalog.changed();
            reads.of(&catalog).await;
            Ok(Snapshot::default())
        };
        catalog.get(overtaken).await.unwrap();
        assert_eq!(reads.of(&catalog).await, 1, "the newer one is still valid");
    }

    #[tokio::test]
    async fn a_reading_that_fails_leaves_what_there_was() {
        let (catalog, reads) = (Catalog::default(), Reads::default());
        let _hearing = Hearing::begin(&catalog);
        reads.of(&catalog).await;
        catalog.changed();
        let failing = || async { Err(StoreError::Unreadable("injected".to_owned())) };
        assert!(catalog.get(failing).await.is_err());
        assert!(catalog.newest().is_some());
        assert_eq!(reads.of(&catalog).await, 2);
    }
}
