//! A PostgreSQL server of our own, in the data directory, for machines without a database: found,
//! created, started, adopted after a crash of ours, and stopped with the program. It listens on a
//! Unix socket in a directory that only its user (and root) may enter. Nothing here knows our
//! tables.

mod account;
mod cluster;
mod error;
mod locate;
mod log_file;
mod place;
mod process;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::NoTls;

pub use error::PrivateServerError;
pub use locate::{Installation, find_installation, installations};

use super::config::DatabaseUrl;
use error::Io as _;
use place::Place;
use process::Postmaster;

/// The database superuser of a private server, and its database's name.
const NAME: &str = "coinsphere";

/// A running private server. Stop it with [`PrivateServer::stop`]; dropping it asks it to stop
/// without waiting.
#[derive(Debug)]
pub struct PrivateServer {
    place: Place,
    postmaster: Postmaster,
    adopted: bool,
    /// Held while we own the data directory's server.
    _lock: Lock,
}

impl PrivateServer {
    /// Starts the server of this data directory, creating directory and cluster if they are
    /// missing, and waits until it answers. A server that outlived a crash of ours is adopted.
    ///
    /// # Errors
    /// When PostgreSQL is not installed, another process of ours uses the directory, or the server
    /// does not start within `within`; the message says what to do.
    pub async fn start(data_dir: &Path, within: Duration) -> Result<Self, PrivateServerError> {
        let account = account::server_account()?;
        let place = Place::prepare(data_dir, account)?;
        let lock = Lock::take(&place)?;
        log_file::bound(&place.log)?;
        let deadline = tokio::time::Instant::now() + within;

        let (postmaster, adopted) = match process::adopt(&place, deadline).await? {
            Some(postmaster) => (postmaster, true),
            None => {
                let major = cluster::major_version(&place.cluster)?;
                let installation = locate::find_installation(&place.cluster, major)?;
                if major.is_none() {
                    cluster::create(&installation, &place).await?;
                }
                let postmaster = process::start(&installation, &place, deadline).await?;
                (postmaster, false)
            }
        };
        let server = Self {
            place,
            postmaster,
            adopted,
            _lock: lock,
        };
        server.ensure_database().await?;
        Ok(server)
    }

    /// The server of this data directory if one is running, whoever started it: for commands that
    /// look while the program runs.
    #[must_use]
    pub fn running(data_dir: &Path) -> Option<DatabaseUrl> {
        let place = Place::look(data_dir)?;
        process::recorded(&place).map(|recorded| url(&recorded.socket_dir))
    }

    /// URL of the database, as the owner.
    #[must_use]
    pub fn url(&self) -> DatabaseUrl {
        url(&self.place.socket_dir)
    }

    /// Where the cluster is.
    #[must_use]
    pub fn cluster_dir(&self) -> &Path {
        &self.place.cluster
    }

    /// Why the cluster is not in the data directory, if it is not: for a message to the user.
    #[must_use]
    pub fn moved_because(&self) -> Option<&str> {
        self.place.moved_because.as_deref()
    }

    /// The server's log file, at most a few megabytes.
    #[must_use]
    pub fn log_file(&self) -> &Path {
        &self.place.log
    }

    /// Returns whether the server had outlived an earlier process of ours.
    #[must_use]
    pub const fn adopted(&self) -> bool {
        self.adopted
    }

    /// Moves the server's log away once it has grown too large. To be called now and then by
    /// whoever watches the server: it takes one look at the file.
    ///
    /// # Errors
    /// When the file cannot be moved.
    pub fn bound_log(&self) -> Result<(), PrivateServerError> {
        log_file::bound(&self.place.log)
    }

    /// The server's process id.
    #[must_use]
    pub const fn pid(&self) -> i32 {
        self.postmaster.pid()
    }

    /// Returns whether the server process is alive.
    #[must_use]
    pub fn is_alive(&mut self) -> bool {
        self.postmaster.is_running()
    }

    /// Stops the server: sessions are ended, everything is on disk.
    ///
    /// # Errors
    /// When it is still there after a minute and an immediate shutdown.
    pub async fn stop(mut self) -> Result<(), PrivateServerError> {
        self.postmaster.stop(&self.place).await
    }

    async fn ensure_database(&self) -> Result<(), PrivateServerError> {
        let trouble = |error: tokio_postgres::Error| PrivateServerError::Unusable {
            cluster: self.place.cluster.clone(),
            reason: super::server_message::explain(&error),
        };
        let admin = self.url().with_database("postgres");
        let (client, connection) = admin.config().connect(NoTls).await.map_err(trouble)?;
        let task = crate::task::spawn_bounded(connection);
        let exists = client
            .query_opt("SELECT FROM pg_database WHERE datname = $1", &[&NAME])
            .await
            .map_err(trouble)?
            .is_some();
        if !exists {
            client
                .batch_execute(&format!("CREATE DATABASE {NAME}"))
                .await
                .map_err(trouble)?;
        }
        drop(client);
        // Ends with the client; how it ended tells nothing that the statements did not.
        let _ = task.await;
        Ok(())
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.postmaster.ask_to_stop();
    }
}

fn url(socket_dir: &Path) -> DatabaseUrl {
    let mut config = tokio_postgres::Config::new();
    config
        .host_path(socket_dir)
        .port(place::PORT)
        .user(NAME)
        .dbname(NAME);
    DatabaseUrl::from_config(config)
}

/// One process of ours at a time: a second one would adopt the first one's server, and stop it.
#[derive(Debug)]
struct Lock(File);

impl Lock {
    fn take(place: &Place) -> Result<Self, PrivateServerError> {
        let path: PathBuf = place.data_dir.join("pg.lock");
        let file = File::create(&path).doing("create", &path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(PrivateServerError::InUse {
                data_dir: place.data_dir.clone(),
            }),
            Err(TryLockError::Error(error)) => Err(error).doing("lock", &path),
        }
    }
}

impl Drop for Lock {
    /// Closing the file would not do: a child process that is being started has a copy of it until
    /// it executes its program, and flock(2) holds the lock until the last copy is closed.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock of the data directory is kept until this process ends");
        }
    }
}
