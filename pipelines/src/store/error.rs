//! Why the store could not do what it was asked, and whether asking again may help.

use std::error::Error as _;
use std::io;

use tokio_postgres::error::SqlState;

use super::config::DatabaseUrlError;
use super::private_server::PrivateServerError;
use super::server_message::explain;
use crate::log::Offset;
use crate::net::TlsError;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database URL cannot be read.
    #[error(transparent)]
    Url(#[from] DatabaseUrlError),
    /// The certificates for an encrypted connection cannot be used.
    #[error("cannot prepare an encrypted database connection: {0}")]
    Tls(#[from] TlsError),
    /// No connection could be made.
    #[error("cannot connect to the database {target}: {reason}{}", advice(*.cause))]
    Connect {
        /// Host, port and database name, without credentials.
        target: String,
        /// The server's or the operating system's words.
        reason: String,
        /// Kind of refusal.
        cause: ConnectCause,
    },
    /// All connections stayed in use for too long.
    #[error(
        "all {limit} database connections are in use and none came free in {waited_ms} ms; raise database.connection_limit or database.pool_timeout"
    )]
    Busy {
        /// Greatest number of connections.
        limit: usize,
        /// Time waited, in milliseconds.
        waited_ms: u128,
    },
    /// A statement failed.
    #[error("cannot {doing}: {}", explain(.source))]
    Statement {
        /// The operation attempted.
        doing: &'static str,
        /// The failure.
        source: tokio_postgres::Error,
    },
    /// The database's tables are not those this program expects.
    #[error("{0}")]
    Schema(String),
    /// A migration failed; it left nothing behind.
    #[error("cannot migrate the database: {0}")]
    Migration(String),
    /// Another process has committed further for this log: this one must not write any more.
    #[error(
        "refusing to commit partition {partition} up to offset {}: the database already reflects it up to {}; does another process write to this database?",
        offered.0, stored.0
    )]
    Stale {
        /// The partition.
        partition: u32,
        /// The offset in the database.
        stored: Offset,
        /// The offset that was to be committed.
        offered: Offset,
    },
    /// A stored value is not one this program writes.
    #[error("the database holds a value this program does not understand: {0}")]
    Unreadable(String),
    /// The private server could not be started or reached.
    #[error(transparent)]
    PrivateServer(#[from] PrivateServerError),
}

/// Kind of trouble that kept a connection from being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectCause {
    /// Nobody answers, or the server is starting or stopping, or has no connection to spare.
    Unreachable,
    /// User or password are wrong, or the server does not admit us.
    Refused,
    /// There is no such database.
    NoDatabase,
    /// Anything else.
    Other,
}

const fn advice(cause: ConnectCause) -> &'static str {
    match cause {
        ConnectCause::Unreachable => "; is the server running, and are host and port right?",
        ConnectCause::Refused => {
            "; check user and password, and append ?sslmode=require if the server wants encryption"
        }
        ConnectCause::NoDatabase => "; create it, e.g. with createdb",
        ConnectCause::Other => "",
    }
}

impl StoreError {
    /// Returns whether the same call may succeed later without anyone changing anything.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Connect { cause, .. } => *cause == ConnectCause::Unreachable,
            Self::Busy { .. } => true,
            Self::Statement { source, .. } => may_pass(source),
            _ => false,
        }
    }

    pub(super) fn connect(target: String, error: &tokio_postgres::Error) -> Self {
        let cause = match error.code() {
            Some(code) if *code == SqlState::INVALID_CATALOG_NAME => ConnectCause::NoDatabase,
            Some(code) if code.code().starts_with("28") => ConnectCause::Refused,
            _ if may_pass(error) => ConnectCause::Unreachable,
            // tokio-postgres has no code of its own for a missing password.
            _ if explain(error).contains("password missing") => ConnectCause::Refused,
            _ => ConnectCause::Other,
        };
        Self::Connect {
            target,
            reason: explain(error),
            cause,
        }
    }
}

/// For `map_err`: names what was being attempted.
pub fn failed(doing: &'static str) -> impl FnOnce(tokio_postgres::Error) -> StoreError {
    move |source| StoreError::Statement { doing, source }
}

fn may_pass(error: &tokio_postgres::Error) -> bool {
    let Some(code) = error.code() else {
        let io_trouble = error
            .source()
            .is_some_and(<dyn std::error::Error>::is::<io::Error>);
        return error.is_closed() || io_trouble;
    };
    // Classes: 08 connection, 40 rollback (serialization, deadlock), 53 out of resources,
    // 57P operator intervention. https://www.postgresql.org/docs/15/errcodes-appendix.html
    let code = code.code();
    ["08", "40", "53", "57P"]
        .iter()
        .any(|class| code.starts_with(class))
        || [
            SqlState::QUERY_CANCELED.code(),
            SqlState::LOCK_NOT_AVAILABLE.code(),
            // A server that has just become a replica.
            SqlState::READ_ONLY_SQL_TRANSACTION.code(),
        ]
        .contains(&code)
}
