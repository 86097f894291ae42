//! What administrators do to the program (accounts are `accounts::events`' part), for whoever keeps a
//! record of it.

use uuid::Uuid;

use super::admin::Administrator;
use super::client_address::ClientAddress;

/// Something an administrator did, or tried to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminAct {
    /// What, as a stable dotted name, e.g. `token.added`.
    pub what: &'static str,
    /// Whether it was done, or refused.
    pub done: bool,
    /// Who; `None` for whoever has the administrators' token.
    pub by: Option<Uuid>,
    /// The client's address.
    pub from: std::net::IpAddr,
    /// To what: an id, nothing secret or personal.
    pub about: String,
}

/// Keeps a record of what administrators do.
pub trait AdminActs: Send + Sync + 'static {
    /// Takes note; must not block.
    fn note(&self, act: AdminAct);
}

impl Administrator {
    /// What this administrator did, or was refused.
    pub(super) fn act(
        &self,
        what: &'static str,
        done: bool,
        from: ClientAddress,
        about: impl Into<String>,
    ) -> AdminAct {
        AdminAct {
            what,
            done,
            by: self.user,
            from: from.0,
            about: about.into(),
        }
    }
}
