//! Accounts over the program's database.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use coinsphere_pipelines::clock::SharedClock;
use tokio::task::JoinHandle;

use uuid::Uuid;

use crate::accounts::{AccountParts, Accounts, Entropy, Logged, SecurityEvent, SecurityEvents};
use crate::audit::{AuditEntry, AuditLog, Outcome};
use crate::config::Config;
use crate::store_source::StoreSource;

/// The event of leaving: what tells who it was goes with the account.
const USER_DELETED: &str = "user.deleted";

/// How often is looked for people in the audit log who have no account any more, and how soon again
/// when that could not be done.
const FORGET_ROUND: Duration = Duration::from_secs(3_600);
const FORGET_RETRY: Duration = Duration::from_secs(5);

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
    if let Err(error) = audit.forget(user).await {
        tracing::warn!(%error, "a deleted account is named in the audit log until the next round");
    }
}

/// Makes the entries of everybody pseudonymous whose account is gone, again and again: a deletion that
/// was cut short, by a crash or the database, is finished so. Runs until aborted.
#[must_use]
pub fn keep_forgetting(audit: &Arc<AuditLog>) -> JoinHandle<()> {
    let audit = Arc::clone(audit);
    tokio::spawn(async move {
        loop {
            let wait = match audit.forget_the_gone().await {
                Ok(0) => FORGET_ROUND,
                Ok(count) => {
                    tracing::info!(count, "deleted accounts were forgotten in the audit log");
                    FORGET_RETRY
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot look for deleted accounts in the audit log");
                    FORGET_RETRY
                }
            };
            tokio::time::sleep(wait).await;
        }
    })
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
            None if config.http.tls_certificate.is_some() => format!("https://{}", config.listen),
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

/// Waits for the database, and where there is no admin yet prints a token to become one with: on
/// standard output, for whoever started it: the log, on standard error, never has it.
#[must_use]
pub fn offer_setup(accounts: &Arc<Accounts>) -> JoinHandle<()> {
    let accounts = Arc::clone(accounts);
    tokio::spawn(async move {
        loop {
            match accounts.setup_token().await {
                Ok(Some(setup)) => {
                    println!(
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
