//! Actions of administrators on the program, and their record. Accounts are the part of `accounts::events`.

use std::sync::Arc;

use uuid::Uuid;

use super::{AuditEntry, AuditLog, Outcome};

/// Something an administrator did, or tried to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminAction {
    /// What, as a stable dotted name, e.g. `token.added`.
    pub what: &'static str,
    /// True if it was done, or refused.
    pub done: bool,
    /// Who; `None` for whoever has the administrators' token.
    pub by: Option<Uuid>,
    /// The client's address.
    pub from: std::net::IpAddr,
    /// To what: an id, nothing secret or personal.
    pub about: String,
}

/// Keeps a record of what administrators do.
pub trait AdminAudit: Send + Sync + 'static {
    /// Takes note; must not block.
    fn note(&self, act: AdminAction);
}

/// Writes what administrators do into the audit log, and into the program's own.
pub struct AdminAuditLog {
    audit: Arc<AuditLog>,
}

impl AdminAuditLog {
    /// Into this audit log.
    #[must_use]
    pub fn new(audit: &Arc<AuditLog>) -> Self {
        Self {
            audit: Arc::clone(audit),
        }
    }
}

impl AdminAudit for AdminAuditLog {
    fn note(&self, act: AdminAction) {
        let outcome = match act.done {
            true => Outcome::Done,
            false => Outcome::Refused,
        };
        let mut entry = AuditEntry::new(act.what, outcome)
            .from(act.from)
            .with("about", act.about.as_str());
        if let Some(user) = act.by {
            entry = entry.by(user);
        }
        self.audit.note(entry);
        tracing::info!(
            act = act.what,
            done = act.done,
            about = act.about,
            by = act.by.map(tracing::field::display),
            from = %act.from,
            "administration"
        );
    }
}
