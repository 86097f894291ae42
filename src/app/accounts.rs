//! Accounts over the program's database.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use coinsphere_actors::supervision::{StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::store::StoreSource;

use crate::accounts::{AccountDeps, AccountUserData, Accounts, SecurityEvents};
use crate::audit::AuditUserData;
use crate::config::Config;
use crate::idempotency::IdempotencyUserData;
use crate::jobs::JobUserData;
use crate::notifications::{NotificationUserData, OutboxUserData};
use crate::secrets::Randomness;
use crate::user_alerts::AlertUserData;
use crate::user_data::UserData;
use crate::user_portfolios::PortfolioUserData;

/// Data that each feature keeps of users.
#[must_use]
pub fn user_data() -> Vec<Arc<dyn UserData>> {
    vec![
        Arc::new(AccountUserData),
        Arc::new(OutboxUserData),
        Arc::new(IdempotencyUserData),
        Arc::new(AuditUserData),
        Arc::new(JobUserData),
        Arc::new(PortfolioUserData),
        Arc::new(NotificationUserData),
        Arc::new(AlertUserData),
    ]
}

/// Where users reach the server.
pub(super) fn public_url(config: &Config) -> String {
    match &config.accounts.public_url {
        Some(url) => url.clone(),
        None if config.http.tls_certificate.is_some() => format!("https://{}", config.listen),
        None => format!("http://{}", config.listen),
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
    events: Arc<dyn SecurityEvents>,
) -> anyhow::Result<Arc<Accounts>> {
    let parts = AccountDeps {
        settings: config.accounts.clone(),
        mail: config.mail.clone(),
        public_url: public_url(config),
        source,
        clock,
        randomness: Randomness::of_system().context("no randomness to be had")?,
        events,
        user_data: user_data(),
    };
    let accounts = Accounts::open(parts, &config.data_dir)?;
    Ok(Arc::new(accounts))
}

/// The loops of accounts, each a part of its own.
pub const LOOPS: [&str; 4] = [
    "accounts_revocations",
    "accounts_signing_keys",
    "accounts_outbox",
    "accounts_cleanup",
];

/// The time for which each may go without a mark of progress: a few turns of it.
const PROGRESS: [Duration; 4] = [
    Duration::from_secs(15),
    Duration::from_secs(300),
    Duration::from_secs(300),
    Duration::from_secs(1_800),
];

/// The time that looking for an admin at the start may take, the database being there.
const SETUP: Duration = Duration::from_secs(60);

/// Offers an invitation for the first admin, where there is none yet.
#[must_use]
pub fn offer_setup(accounts: &Arc<Accounts>, statuses: &StatusRegistry) -> SupervisedLoop {
    let accounts = Arc::clone(accounts);
    SupervisedLoop::start(statuses, "accounts_setup", SETUP, move |context| {
        let accounts = Arc::clone(&accounts);
        context.running();
        context.until_quit(async move { accounts.offer_setup().await })
    })
}

/// Starts the loops: keeps up with what other processes do, sends emails and removes what is old.
#[must_use]
pub fn keep(accounts: &Arc<Accounts>, statuses: &StatusRegistry) -> Vec<SupervisedLoop> {
    let loops = LOOPS.into_iter().zip(PROGRESS);
    loops
        .map(|(name, limit)| {
            let accounts = Arc::clone(accounts);
            SupervisedLoop::start(statuses, name, limit, move |context| {
                let (accounts, of) = (Arc::clone(&accounts), context.clone());
                context.until_quit(async move {
                    match name {
                        "accounts_revocations" => accounts.keep_revocations(&of).await,
                        "accounts_signing_keys" => accounts.keep_keys(&of).await,
                        "accounts_outbox" => accounts.keep_mail(&of).await,
                        _ => accounts.keep_tidy(&of).await,
                    }
                })
            })
        })
        .collect()
}
