//! The database, as the configuration names it.

use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{DatabaseUrl, PrimaryOrder, StoreConfig};

/// The database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// Where the server is. Without one, a private server in the data directory is used.
    #[serde(serialize_with = "crate::secret_settings::never_serialized")]
    pub url: Option<SecretString>,
    /// Most connections the pool opens.
    pub connection_limit: u32,
    /// Longest wait for a new connection, in seconds.
    pub connect_timeout: u64,
    /// Longest wait for a free connection of the pool, in seconds.
    pub pool_timeout: u64,
}

impl Default for DatabaseSettings {
    fn default() -> Self {
        Self {
            url: None,
            connection_limit: 10,
            connect_timeout: 5,
            pool_timeout: 10,
        }
    }
}

impl DatabaseSettings {
    /// Configuration of a store at this URL, the configured one or a private server's.
    #[must_use]
    pub fn store_config(&self, url: DatabaseUrl, primary: PrimaryOrder) -> StoreConfig {
        StoreConfig {
            connection_limit: self.connection_limit as usize,
            connect_timeout: Duration::from_secs(self.connect_timeout),
            pool_timeout: Duration::from_secs(self.pool_timeout),
            primary,
            ..StoreConfig::new(url)
        }
    }
}
