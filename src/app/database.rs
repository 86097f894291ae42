//! The database, however it is reached: a private server that is started, watched and stopped here,
//! or one by URL. It may be away at any time, at the start too; whoever needs it is told, and the
//! program goes on without.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use coinsphere_actors::supervision::{
    ExitReason, LoopContext, PartStatus, StatusRegistry, SupervisedLoop,
};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::net::Backoff;
use coinsphere_pipelines::signal::Signal;
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{DatabaseUrl, Store, StoreConfig, StoreError};
use secrecy::ExposeSecret;
use serde::Serialize;
use tokio::sync::Mutex;

use crate::config::{Config, DatabaseSettings};
use crate::market::MarketSettings;
use coinsphere_pipelines::store::StoreSource;

/// The name on the statuses.
const NAME: &str = "database";

/// How long a private server may take to start.
pub(crate) const START: Duration = Duration::from_secs(60);

/// How often a private server is looked at, and upkeep done when nothing was committed.
const ROUND: Duration = Duration::from_secs(2);

/// How long a round of upkeep may take.
const PROGRESS: Duration = Duration::from_secs(120);

/// The waits between attempts to reach the database.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const MOST_RETRY: Duration = Duration::from_secs(5);

/// The database.
pub struct Database {
    store: RwLock<Option<Store>>,
    settings: DatabaseSettings,
    market: MarketSettings,
    data_dir: PathBuf,
    statuses: StatusRegistry,
    clock: SharedClock,
    /// Raised when candles have been committed, so that longer ones are brought up to date.
    pub committed: Signal,
    /// Raised when an instrument was added in this process.
    pub listed: Signal,
    /// Raised after each round of upkeep: longer candles may have changed.
    pub kept_up: Signal,
}

/// What is shown of the database.
#[derive(Debug, Serialize)]
struct Shown {
    /// Where it is, without secrets.
    target: String,
    private: bool,
    flavour: &'static str,
    cost: &'static str,
    pool: coinsphere_pipelines::store::PoolUsage,
}

/// The part that keeps the database reachable.
pub struct Keeper(SupervisedLoop);

impl Database {
    /// A database that nobody has reached for yet.
    #[must_use]
    pub fn new(config: &Config, statuses: StatusRegistry, clock: SharedClock) -> Arc<Self> {
        Arc::new(Self {
            store: RwLock::new(None),
            settings: config.database.clone(),
            market: config.market.clone(),
            data_dir: config.data_dir.clone(),
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
    /// When there is no private server to be had, or the URL is wrong: waiting would not help.
    pub async fn keep(self: &Arc<Self>) -> anyhow::Result<Keeper> {
        self.statuses.set(NAME, PartStatus::Starting, None);
        let server = match &self.settings.url {
            Some(_) => None,
            None => Some(self.start_server().await?),
        };
        let config = store_config(&self.settings, &self.market, server.as_ref())?;
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
        // Kept beside the loop: a server outlives a panic of what watches it.
        let (database, server) = (Arc::clone(self), Arc::new(Mutex::new(server)));
        let part = SupervisedLoop::start(&self.statuses, NAME, PROGRESS, move |context| {
            let (database, server) = (Arc::clone(&database), Arc::clone(&server));
            let config = config.clone();
            async move {
                let mut server = server.lock().await;
                database.run(&config, private, &mut server, context).await
            }
        });
        Ok(Keeper(part))
    }

    async fn start_server(&self) -> anyhow::Result<PrivateServer> {
        let server = PrivateServer::start(&self.data_dir, START)
            .await
            .context("the private PostgreSQL server did not start")?;
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
            if let Some(Err(error)) = server.as_ref().map(PrivateServer::bound_log) {
                tracing::warn!(%error, "the log of the private PostgreSQL server stays as large as it is");
            }
            if private && server.is_none() {
                match self.start_server().await {
                    Ok(started) => *server = Some(started),
                    Err(error) => self.trouble(&format!("{error:#}")),
                }
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
        self.0.stop().await;
    }
}

/// The store's configuration, with a private server's URL where one runs.
///
/// # Errors
/// When the configured URL is none.
pub fn store_config(
    settings: &DatabaseSettings,
    market: &MarketSettings,
    server: Option<&PrivateServer>,
) -> anyhow::Result<StoreConfig> {
    match (&settings.url, server) {
        (Some(url), _) => Ok(url_config(
            settings,
            market,
            url.expose_secret().parse().context("database.url")?,
        )),
        (None, Some(server)) => Ok(url_config(settings, market, server.url())),
        (None, None) => anyhow::bail!("there is neither a database URL nor a private server"),
    }
}

/// The store's configuration for this URL.
#[must_use]
pub fn url_config(
    settings: &DatabaseSettings,
    market: &MarketSettings,
    url: DatabaseUrl,
) -> StoreConfig {
    StoreConfig {
        connection_limit: settings.connection_limit as usize,
        connect_timeout: Duration::from_secs(settings.connect_timeout),
        pool_timeout: Duration::from_secs(settings.pool_timeout),
        primary: market.order(),
        ..StoreConfig::new(url)
    }
}

impl StoreSource for Database {
    fn store(&self) -> Option<Store> {
        Self::store(self)
    }
}
