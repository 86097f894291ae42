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
        mail: config.mail.clone(),
        public_url: match &config.accounts.public_url {
            Some(url) => url.clone(),
            None => format!("http://{}", config.listen),
        },
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

/// Waits for the database, and where there is no admin yet prints a token to become one with: to
/// whoever sees the program's output, never to its log.
#[must_use]
pub fn offer_setup(accounts: &Arc<Accounts>) -> JoinHandle<()> {
    let accounts = Arc::clone(accounts);
    tokio::spawn(async move {
        loop {
            match accounts.setup_token().await {
                Ok(Some(setup)) => {
                    eprintln!(
                        "there is no admin yet: register with this as `invitation` to become one, until {}, or run `coinsphere user create --admin`\n  {}",
                        setup.expires_at.format("%Y-%m-%dT%H:%M:%SZ"),
                        setup.token
                    );
                    return;
                }
                Ok(None) => return,
                Err(error) if error.is_retriable() => {
                    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
                }
                Err(error) => {
                    tracing::error!(%error, "cannot look for an admin");
                    return;
                }
            }
        }
    })
}
