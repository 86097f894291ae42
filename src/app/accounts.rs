//! Accounts over the program's database.

use std::sync::Arc;

use anyhow::Context;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::store::StoreSource;
use tokio::task::JoinHandle;

use crate::accounts::{AccountDeps, AccountUserData, Accounts, SecurityEvents};
use crate::audit::AuditUserData;
use crate::config::Config;
use crate::idempotency::IdempotencyUserData;
use crate::jobs::JobUserData;
use crate::notifications::OutboxUserData;
use crate::secrets::Randomness;
use crate::user_data::UserData;

/// What each feature keeps of users.
#[must_use]
pub fn user_data() -> Vec<Arc<dyn UserData>> {
    vec![
        Arc::new(AccountUserData),
        Arc::new(OutboxUserData),
        Arc::new(IdempotencyUserData),
        Arc::new(AuditUserData),
        Arc::new(JobUserData),
    ]
}

/// The accounts of this database, with the keys of the configured directory.
///
/// # Errors
/// When the keys cannot be read or made.
pub fn open(
    config: &Config,
    source: Arc<dyn StoreSource>,
    clock: SharedClock,
    events: Arc<dyn SecurityEvents>,
) -> anyhow::Result<Arc<Accounts>> {
    let parts = AccountDeps {
        settings: config.accounts.clone(),
        mail: config.mail.clone(),
        public_url: match &config.accounts.public_url {
            Some(url) => url.clone(),
            None if config.http.tls_certificate.is_some() => format!("https://{}", config.listen),
            None => format!("http://{}", config.listen),
        },
        source,
        clock,
        randomness: Randomness::of_system().context("no randomness to be had")?,
        events,
        user_data: user_data(),
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
