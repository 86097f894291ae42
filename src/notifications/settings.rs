//! Settings of emails and notifications to users.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::channels::AllowedDestination;

/// Mail to users.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// The SMTP server. Without one, emails are written to files.
    #[serde(serialize_with = "crate::secrets::never_serialized")]
    pub smtp_url: Option<SecretString>,
    /// Certificates of authorities that the server's own may be issued by, besides the well-known ones.
    pub ca_file: Option<PathBuf>,
    /// Who the emails are from.
    pub from: String,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            smtp_url: None,
            ca_file: None,
            from: "Coinsphere <coinsphere@localhost>".to_owned(),
        }
    }
}

/// Notifications to users.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotificationSettings {
    /// Private networks, with their ports, that channels may send to.
    pub allow_private: Vec<AllowedDestination>,
}
