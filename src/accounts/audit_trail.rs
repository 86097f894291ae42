//! Security events of accounts, written into the audit log.

use std::sync::Arc;

use coinsphere_pipelines::task::spawn_bounded;
use uuid::Uuid;

use super::events::{Logged, SecurityEvent, SecurityEvents};
use crate::audit::{AuditEntry, AuditLog, Outcome};

/// The event of leaving: what identifies the user goes with the account.
const USER_DELETED: &str = "user.deleted";

/// Writes what happens to accounts into the audit log, and into the program's own.
pub struct AuditTrail {
    audit: Arc<AuditLog>,
}

impl AuditTrail {
    /// In this audit log.
    #[must_use]
    pub fn new(audit: &Arc<AuditLog>) -> Self {
        Self {
            audit: Arc::clone(audit),
        }
    }
}

impl SecurityEvents for AuditTrail {
    fn note(&self, event: SecurityEvent) {
        let entry = entry(&event);
        match (event.what, event.done, event.user) {
            (USER_DELETED, true, Some(user)) => {
                spawn_bounded(deleted(Arc::clone(&self.audit), entry, user));
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
