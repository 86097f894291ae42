//! What an administrator did, for whoever keeps a record of it.

use super::admin::Administrator;
use super::client_address::ClientAddress;
use crate::audit::AdminAct;

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
