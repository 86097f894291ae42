//! Security events of accounts, for whoever keeps a record of them. It never contains a secret.

use uuid::Uuid;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// What, as a stable dotted name, e.g. `login.failed`.
    pub what: &'static str,
    /// True if it was done, or refused.
    pub done: bool,
    /// Whose account, where that is known.
    pub user: Option<Uuid>,
    /// Who did it to that account, where it was somebody else.
    pub by: Option<Uuid>,
    /// The session or key it was done with, or that it happened to.
    pub subject: Option<Uuid>,
    /// The client's address.
    pub from: Option<String>,
}

/// Keeps a record of what happened.
pub trait SecurityEvents: Send + Sync + 'static {
    /// Takes note; must not block.
    fn note(&self, event: SecurityEvent);
}

/// Writes to the program's log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Logged;

impl SecurityEvents for Logged {
    fn note(&self, event: SecurityEvent) {
        let SecurityEvent {
            what,
            done,
            user,
            by,
            subject,
            from,
        } = event;
        metrics::counter!("coinsphere_account_events_total", "event" => what,
            "outcome" => if done { "done" } else { "refused" })
        .increment(1);
        tracing::info!(
            event = what,
            done,
            user = user.map(tracing::field::display),
            by = by.map(tracing::field::display),
            subject = subject.map(tracing::field::display),
            from,
            "account"
        );
    }
}
