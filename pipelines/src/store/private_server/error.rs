//! Why there is no private server, and what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why the private server could not be started, reached or stopped.
#[derive(Debug, thiserror::Error)]
pub enum PrivateServerError {
    /// No usable PostgreSQL was found.
    #[error(
        "PostgreSQL 15 or later is not installed (looked for initdb and postgres in PATH and {searched}; {found}); \
         install it (Debian and Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; \
         macOS: brew install postgresql@17), or set database.url to a server you have"
    )]
    NotInstalled {
        /// Where was looked.
        searched: String,
        /// The version found instead.
        found: String,
    },
    /// The cluster was made by another major version.
    #[error(
        "the database in {} was made by PostgreSQL {cluster_major}, but only {installed} is installed; \
         install PostgreSQL {cluster_major} (Debian: apt-get install postgresql-{cluster_major}), or move the \
         database over with pg_upgrade or pg_dump", cluster.display()
    )]
    OtherVersion {
        /// The cluster.
        cluster: PathBuf,
        /// The major version that made it.
        cluster_major: u32,
        /// The major versions at hand.
        installed: String,
    },
    /// Another process of ours has it.
    #[error(
        "another coinsphere process is using {}; stop it, or choose another --data-dir",
        data_dir.display()
    )]
    InUse {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// We are root and there is nobody to run the server as.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user \"postgres\" nor \"nobody\" to run it as; \
         create one (useradd --system postgres), or start coinsphere as an ordinary user"
    )]
    NoAccount,
    /// A directory or file could not be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// The operation attempted.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("cannot create a database cluster in {}: {output}", cluster.display())]
    NotCreated {
        /// Where.
        cluster: PathBuf,
        /// The end of what it said.
        output: String,
    },
    /// The server ended right after its start.
    #[error("the private PostgreSQL in {} does not start: {reason}; its log is {}", cluster.display(), log.display())]
    NotStarted {
        /// The cluster.
        cluster: PathBuf,
        /// The end of its log.
        reason: String,
        /// Its log.
        log: PathBuf,
    },
    /// The server runs but cannot be used.
    #[error("the private PostgreSQL in {} cannot be used: {reason}", cluster.display())]
    Unusable {
        /// The cluster.
        cluster: PathBuf,
        /// Why.
        reason: String,
    },
    /// The server does not stop.
    #[error("the private PostgreSQL (process {pid}) does not stop; end it with: kill -QUIT {pid}")]
    NotStopped {
        /// Its process.
        pid: i32,
    },
}

/// Says what was being attempted when the operating system refused.
pub(super) trait Io<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, PrivateServerError>;
}

impl<T> Io<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, PrivateServerError> {
        self.map_err(|source| PrivateServerError::Io {
            doing,
            path: path.to_owned(),
            source,
        })
    }
}
