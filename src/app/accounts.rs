//! Accounts over the program's database.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::store::Store;
use tokio::task::JoinHandle;

use uuid::Uuid;

use super::database::Database;
use crate::accounts::{
    AccountParts, Accounts, Entropy, Logged, SecurityEvent, SecurityEvents, StoreSource,
};
use crate::audit::{AuditEntry, AuditLog, Outcome};
use crate::config::Config;

impl StoreSource for Database {
    fn store(&self) -> Option<Store> {
        Self::store(self)
    }
}

/// The event of leaving: what tells who it was goes with the account.
const USER_DELETED: &str = "user.deleted";

/// How often removing what tells who somebody was is tried, and the wait between.
const FORGET_TRIES: u32 = 60;
const FORGET_RETRY: Duration = Duration::from_secs(2);

/// Writes what happens to accounts into the audit log, and into the program's own.
pub struct Recorded {
    audit: Arc<AuditLog>,
}

impl Recorded {
    /// In this audit log.
    #[must_use]
    pub fn new(audit: &Arc<AuditLog>) -> Self {
        Self {
            audit: Arc::clone(audit),
        }
    }
}

impl SecurityEvents for Recorded {
    fn note(&self, event: SecurityEvent) {
        let entry = entry(&event);
        match (event.what, event.done, event.user) {
            (USER_DELETED, true, Some(user)) => {
                tokio::spawn(deleted(Arc::clone(&self.audit), entry, user));
            }
            _ => self.audit.note(entry),
        }
        Logged.note(event);
    }
}

/// An entry's words for an event. Who failed to prove who they are, did not do it as the user.
fn entry(event: &SecurityEvent) -> AuditEntry {
    let outcome = match event.done {
        true => Outcome::Done,
        false => Outcome::Refused,
    };
    let mut entry = AuditEntry::new(event.what, outcome);
    if let Some(user) = event.user {
        entry = entry.to(user);
        if event.done && event.by.is_none() {
            entry = entry.by(user);
        }
    }
    if let Some(by) = event.by {
        entry = entry.by(by);
    }
    if let Some(subject) = event.subject {
        entry = entry.about(subject);
    }
    match event.from.as_deref().map(str::parse) {
        Some(Ok(address)) => entry.from(address),
        _ => entry,
    }
}

/// Records that an account was deleted, and then makes all its entries pseudonymous, this one too.
async fn deleted(audit: Arc<AuditLog>, entry: AuditEntry, user: Uuid) {
    if let Err(error) = audit.append(entry).await {
        tracing::error!(%error, "the deletion of an account was not recorded");
    }
    for _ in 0..FORGET_TRIES {
        match audit.forget(user).await {
            Ok(()) => return,
            Err(error) => {
                tracing::warn!(%error, "a deleted account is still named in the audit log")
            }
        }
        tokio::time::sleep(FORGET_RETRY).await;
    }
    tracing::error!(%user, "a deleted account stays named in the audit log");
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
        events,
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
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                Err(error) => {
                    tracing::error!(%error, "cannot look for an admin");
                    return;
                }
            }
        }
    })
}
