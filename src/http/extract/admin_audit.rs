//! What an administrator did, for whoever keeps a record of it.

use crate::audit::AdminAct;
use crate::http::extract::admin::AdminOrServerToken;
use crate::http::middleware::client_address::ClientAddress;

impl AdminOrServerToken {
    /// What this administrator did, or was refused.
    pub(in crate::http) fn act(
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
