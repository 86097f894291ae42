//! The database, however it is reached: a private server that is started, watched and stopped here,
//! or one by URL. It may be away at any time, at the start too; whoever needs it learns
//! of it, and the program goes on without.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::net::Backoff;
use coinsphere_pipelines::signal::Signal;
use coinsphere_pipelines::store::private_server::{PrivateServer, PrivateServerError};
use coinsphere_pipelines::store::{DatabaseUrl, Store, StoreConfig, StoreError, StoreSource};
use serde::Serialize;
use tokio::sync::Mutex;

use super::catalog;
use crate::supervision::{ExitReason, LoopContext, PartStatus, StatusRegistry, SupervisedLoop};

/// The name on the statuses.
const NAME: &str = "database";

/// The time a private server may take to start.
pub const START: Duration = Duration::from_secs(60);

/// The interval at which a private server is looked at, and upkeep done when nothing was committed.
const ROUND: Duration = Duration::from_secs(2);

/// The time a round of upkeep may take.
const PROGRESS: Duration = Duration::from_secs(120);

/// The waits between attempts to reach the database: the first, doubled up to the longest.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const MOST_RETRY: Duration = Duration::from_secs(5);

/// Where the database is.
pub struct DatabasePlace {
    /// There; else a private server is started.
    pub url: Option<DatabaseUrl>,
    /// Where a private server keeps its data.
    pub data_dir: PathBuf,
    /// Makes the store's configuration for a database's URL.
    pub configure: Box<dyn Fn(DatabaseUrl) -> StoreConfig + Send + Sync>,
}

/// A database that cannot be kept: waiting would not help.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// There is no private server to be had.
    #[error("the private PostgreSQL server did not start: {0}")]
    Server(#[from] PrivateServerError),
    /// The database refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The database.
pub struct Database {
    store: RwLock<Option<Store>>,
    place: DatabasePlace,
    statuses: StatusRegistry,
    clock: SharedClock,
    /// Raised when candles have been committed, so that longer ones are brought up to date.
    pub committed: Signal,
    /// Raised when assets or instruments have changed, or may have, whichever process changed them.
    pub listed: Signal,
    /// Raised after each round of upkeep: longer candles may have changed.
    pub kept_up: Signal,
}

/// State of the database, as shown.
#[derive(Debug, Serialize)]
struct Shown {
    /// Where it is, without secrets.
    target: String,
    private: bool,
    flavour: &'static str,
    cost: &'static str,
    pool: coinsphere_pipelines::store::PoolUsage,
}

/// The parts that keep the database reachable and what is remembered of it up to date.
pub struct Keeper {
    database: SupervisedLoop,
    catalog: SupervisedLoop,
}

impl Database {
    /// A database that nobody has reached for yet.
    #[must_use]
    pub fn new(place: DatabasePlace, statuses: StatusRegistry, clock: SharedClock) -> Arc<Self> {
        Arc::new(Self {
            store: RwLock::new(None),
            place,
            statuses,
            clock,
            committed: Signal::new(),
            kept_up: Signal::new(),
            listed: Signal::new(),
        })
    }

    /// The store, once the database has been reached for the first time.
    #[must_use]
    pub fn store(&self) -> Option<Store> {
        self.store
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reaches the database and keeps it reachable, until the keeper is stopped. A private server
    /// is started before this returns.
    ///
    /// # Errors
    /// When there is no private server to be had, or the database refuses: waiting would not help.
    pub async fn keep(self: &Arc<Self>) -> Result<Keeper, DatabaseError> {
        self.statuses.set(NAME, PartStatus::Starting, None);
        let (url, server) = match &self.place.url {
            Some(url) => (url.clone(), None),
            None => {
                let server = self.start_server().await?;
                (server.url(), Some(server))
            }
        };
        let config = (self.place.configure)(url);
        match self.open(&config).await {
            Ok(_) => {}
            Err(error) if error.is_retriable() => self.trouble(&error.to_string()),
            // Waiting would not help.
            Err(error) => {
                if let Some(server) = server {
                    server.stop().await?;
                }
                return Err(error.into());
            }
        }
        let private = server.is_some();
        // Kept outside the loop: a server outlives a panic of what watches it.
        let (database, server) = (Arc::clone(self), Arc::new(Mutex::new(server)));
        let part = SupervisedLoop::start(&self.statuses, NAME, PROGRESS, move |context| {
            let (database, server) = (Arc::clone(&database), Arc::clone(&server));
            let config = config.clone();
            async move {
                let mut server = server.lock().await;
                database.run(&config, private, &mut server, context).await
            }
        });
        Ok(Keeper {
            database: part,
            catalog: catalog::follow(self, &self.statuses),
        })
    }

    async fn start_server(&self) -> Result<PrivateServer, DatabaseError> {
        let server = PrivateServer::start(&self.place.data_dir, START).await?;
        if let Some(reason) = server.moved_because() {
            tracing::info!(cluster = %server.cluster_dir().display(), reason, "the database is not in the data directory");
        }
        tracing::info!(
            cluster = %server.cluster_dir().display(),
            adopted = server.adopted(),
            "private PostgreSQL server is running"
        );
        Ok(server)
    }

    async fn run(
        &self,
        config: &StoreConfig,
        private: bool,
        server: &mut Option<PrivateServer>,
        mut context: LoopContext,
    ) -> ExitReason {
        let mut backoff = Backoff::new(FIRST_RETRY, MOST_RETRY);
        let mut committed = self.committed.waiter();
        while !context.is_quitting() {
            if server.as_mut().is_some_and(|server| !server.is_alive()) {
                tracing::error!("the private PostgreSQL server has died; starting it again");
                drop(server.take());
            }
            if private && server.is_none() {
                match self.start_server().await {
                    Ok(started) => *server = Some(started),
                    Err(error) => self.trouble(&error.to_string()),
                }
            }
            if let Some(Err(error)) = server.as_ref().map(PrivateServer::bound_log) {
                tracing::warn!(%error, "cannot bound the database server's log");
            }
            let wait = match self.round(config, private).await {
                Ok(more) => {
                    backoff.reset();
                    self.kept_up.raise();
                    if more { Duration::ZERO } else { ROUND }
                }
                Err(error) => {
                    self.trouble(&error.to_string());
                    backoff.next_wait()
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = committed.raised() => {}
                () = context.quits() => {}
            }
        }
        if let Some(store) = self.store() {
            store.close();
        }
        if let Some(server) = server.take()
            && let Err(error) = server.stop().await
        {
            tracing::warn!(%error, "the private PostgreSQL server was not stopped");
        }
        ExitReason::Quit
    }

    /// Opens the store if it is not open, and does one round of upkeep. True if there is more.
    async fn round(&self, config: &StoreConfig, private: bool) -> Result<bool, StoreError> {
        let store = self.open(config).await?;
        let upkeep = store.keep_up(self.clock.now()).await?;
        self.statuses.set(NAME, PartStatus::Running, None);
        let pool = store.pool_usage();
        metrics::gauge!("coinsphere_store_up").set(1.0);
        metrics::gauge!("coinsphere_store_connections", "state" => "used")
            .set(pool.open.saturating_sub(pool.idle) as f64);
        metrics::gauge!("coinsphere_store_connections", "state" => "idle").set(pool.idle as f64);
        self.statuses.observe(
            NAME,
            &Shown {
                target: config.url.target(),
                private,
                flavour: store.flavour().name(),
                cost: store.flavour().cost(),
                pool,
            },
        );
        Ok(upkeep.more)
    }

    /// The store, opened now if it was not.
    async fn open(&self, config: &StoreConfig) -> Result<Store, StoreError> {
        if let Some(store) = self.store() {
            return Ok(store);
        }
        let store = Store::open(config).await?;
        *self.store.write().unwrap_or_else(PoisonError::into_inner) = Some(store.clone());
        Ok(store)
    }

    fn trouble(&self, error: &str) {
        tracing::warn!(error, "the database is away");
        metrics::gauge!("coinsphere_store_up").set(0.0);
        let status = if self.store().is_some() {
            PartStatus::Degraded
        } else {
            PartStatus::Starting
        };
        self.statuses.set(NAME, status, Some(error.to_owned()));
    }
}

impl Keeper {
    /// Closes the store and stops a private server.
    pub async fn stop(self) {
        self.catalog.stop().await;
        self.database.stop().await;
    }
}

impl StoreSource for Database {
    fn store(&self) -> Option<Store> {
        Self::store(self)
    }
}
