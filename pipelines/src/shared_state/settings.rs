//! Shared state between processes, as the configuration names it.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// Shared state between processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    /// Where Redis is. Without one, shared state lives in the process.
    #[serde(serialize_with = "crate::secret_settings::never_serialized")]
    pub url: Option<SecretString>,
    /// Its password, if the URL does not hold it.
    #[serde(serialize_with = "crate::secret_settings::never_serialized")]
    pub password: Option<SecretString>,
    /// The prefix of all keys, so that installations can share a server.
    pub prefix: String,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self {
            url: None,
            password: None,
            prefix: "coinsphere".to_owned(),
        }
    }
}
