//! Accounts over the program's database.

use std::sync::Arc;

use anyhow::Context;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::store::Store;
use tokio::task::JoinHandle;

use super::database::Database;
use crate::accounts::{AccountParts, Accounts, Entropy, Logged, StoreSource};
use crate::config::Config;

impl StoreSource for Database {
    fn store(&self) -> Option<Store> {
        Self::store(self)
    }
}

/// The accounts of this database, with the keys of the configured directory.
///
/// # Errors
/// When the keys cannot be read or made.
pub fn open(
    config: &Config,
    source: Arc<dyn StoreSource>,
    clock: SharedClock,
) -> anyhow::Result<Arc<Accounts>> {
    let parts = AccountParts {
        settings: config.accounts.clone(),
        source,
        clock,
        entropy: Entropy::of_system().context("no randomness to be had")?,
        events: Arc::new(Logged),
    };
    let accounts = Accounts::open(parts, &config.data_dir)?;
    Ok(Arc::new(accounts))
}

/// Keeps up with what other processes do, until aborted.
#[must_use]
pub fn keep(accounts: &Arc<Accounts>) -> JoinHandle<()> {
    let accounts = Arc::clone(accounts);
    tokio::spawn(async move { accounts.keep_up().await })
}
