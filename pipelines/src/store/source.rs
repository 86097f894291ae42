//! Where the database is to be had: a program that serves may have to wait for it, a command has it.

use std::sync::Arc;

use super::Store;

/// Where the database is to be had at the moment.
pub trait StoreSource: Send + Sync + 'static {
    /// The store, once the database has been reached.
    fn store(&self) -> Option<Store>;
}

impl StoreSource for Store {
    fn store(&self) -> Option<Store> {
        Some(self.clone())
    }
}

impl<T: StoreSource> StoreSource for Arc<T> {
    fn store(&self) -> Option<Store> {
        (**self).store()
    }
}
