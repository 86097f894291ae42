//! Where the database is and what the program may use of it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

use super::primary::PrimaryOrder;
use super::server_message::explain;

/// Address of the database and limits of its use.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Connects as the role that owns the tables. The program itself works as the application
    /// role, to which each pooled connection switches.
    pub url: DatabaseUrl,
    /// Connects as a login that is only a member of the application role, where the operator
    /// keeps the owner's password away from the running program.
    pub app_url: Option<DatabaseUrl>,
    /// Certificates (PEM) to trust besides the public authorities, for `sslmode=require`.
    pub ca_file: Option<PathBuf>,
    /// The most connections the pool opens.
    pub connection_limit: usize,
    /// The time that making one connection may take.
    pub connect_timeout: Duration,
    /// The time to wait for a free connection.
    pub pool_timeout: Duration,
    /// The time one statement may run.
    pub statement_timeout: Duration,
    /// Which instrument stands for an asset.
    pub primary: PrimaryOrder,
}

impl StoreConfig {
    /// The defaults, for this URL.
    #[must_use]
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            app_url: None,
            ca_file: None,
            connection_limit: 10,
            connect_timeout: Duration::from_secs(10),
            pool_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
            primary: PrimaryOrder::default(),
        }
    }
}

/// A text that is no database URL. What it says of the text leaves out the password.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the database URL: {0}; expected postgres://user:password@host:5432/database")]
pub struct DatabaseUrlError(String);

/// A database URL that never shows its password.
#[derive(Clone)]
pub struct DatabaseUrl {
    config: tokio_postgres::Config,
}

impl DatabaseUrl {
    /// Wraps a configuration that was put together rather than parsed.
    #[must_use]
    pub(super) const fn from_config(config: tokio_postgres::Config) -> Self {
        Self { config }
    }

    /// Host, port and database, without credentials: for messages and `doctor`.
    #[must_use]
    pub fn target(&self) -> String {
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(host)) => format!("{host}:{port}"),
            Some(Host::Unix(directory)) => format!("{}:{port}", directory.display()),
            None => "(no host)".to_owned(),
        };
        format!("{host}/{}", self.config.get_dbname().unwrap_or("postgres"))
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let mut config = self.config.clone();
        config.dbname(name);
        Self { config }
    }

    /// Returns whether the connection must be encrypted.
    #[must_use]
    pub fn requires_tls(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Require
    }

    /// The client library's configuration, password included: for connections of one's own, never for
    /// printing.
    #[must_use]
    pub const fn config(&self) -> &tokio_postgres::Config {
        &self.config
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = ["postgres://", "postgresql://"];
        // The `key=value` form is PostgreSQL's own too.
        if !known.iter().any(|scheme| text.starts_with(scheme)) && !text.contains('=') {
            return Err(DatabaseUrlError(
                "it does not begin with postgres://".to_owned(),
            ));
        }
        let config: tokio_postgres::Config = text
            .parse()
            .map_err(|error: tokio_postgres::Error| DatabaseUrlError(explain(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(DatabaseUrlError("it names no host".to_owned()));
        }
        Ok(Self { config })
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({})", self.target())
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.target())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows_credentials() {
        let url: DatabaseUrl = "postgres://me:secret@db.example:6432/coins"
            .parse()
            .unwrap();
        assert_eq!(url.to_string(), "db.example:6432/coins");
        assert!(!format!("{url:?}").contains("secret"));
        let config = StoreConfig::new(url);
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn says_what_is_wrong_without_repeating_the_password() {
        let error = |text: &str| text.parse::<DatabaseUrl>().unwrap_err().to_string();
        let bad_scheme = error("mysql://me:secret@host/db");
        assert!(bad_scheme.contains("does not begin with postgres://"));
        let bad_port = error("postgres://me:secret@host:port/db");
        assert!(bad_port.contains("port"), "{bad_port}");
        let unknown = error("postgres://me:secret@host/db?sslrootcert=x");
        assert!(unknown.contains("sslrootcert"), "{unknown}");
        for text in [bad_scheme, bad_port, unknown] {
            assert!(!text.contains("secret"), "{text}");
            assert!(text.contains("postgres://user:password@host"), "{text}");
        }
        assert!(error("postgres:///db").contains("names no host"));
    }
}
