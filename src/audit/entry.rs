//! An entry of the audit log.

use std::collections::BTreeMap;
use std::net::IpAddr;

use uuid::Uuid;

/// Outcome of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused.
    Refused,
    /// It was tried and failed on our side.
    Failed,
}

impl Outcome {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub(super) event: &'static str,
    pub(super) outcome: Outcome,
    pub(super) actor: Option<Uuid>,
    pub(super) target: Option<Uuid>,
    pub(super) subject: Option<Uuid>,
    pub(super) address: Option<IpAddr>,
    pub(super) detail: BTreeMap<&'static str, String>,
}

impl AuditEntry {
    /// Something happened: a stable dotted name, e.g. `session.login`.
    #[must_use]
    pub const fn new(event: &'static str, outcome: Outcome) -> Self {
        Self {
            event,
            outcome,
            actor: None,
            target: None,
            subject: None,
            address: None,
            detail: BTreeMap::new(),
        }
    }

    /// The user who did it.
    #[must_use]
    pub const fn by(mut self, user: Uuid) -> Self {
        self.actor = Some(user);
        self
    }

    /// The user whose account it was done to.
    #[must_use]
    pub const fn to(mut self, user: Uuid) -> Self {
        self.target = Some(user);
        self
    }

    /// The session, API key or other thing it was about.
    #[must_use]
    pub const fn about(mut self, subject: Uuid) -> Self {
        self.subject = Some(subject);
        self
    }

    /// The client's address.
    #[must_use]
    pub const fn from(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// More about it, nothing secret or personal: it stays for good.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.detail.insert(name, value.into());
        self
    }
}
