//! Connections to the database: the pool, which works as the application role, and connections
//! as the owner for what only the owner may do. Slow statements are logged here, with their text
//! and never their values.

use std::time::Duration;

use deadpool_postgres::{
    GenericClient, Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError,
    RecyclingMethod, Runtime, TimeoutType, Timeouts,
};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row};

use super::config::{DatabaseUrl, StoreConfig};
use super::error::{StoreError, failed};
use super::tls;

/// The role the program works as.
pub(super) const APP_ROLE: &str = "coinsphere_app";

/// Statements that take longer are logged.
const SLOW: Duration = Duration::from_millis(100);

/// Takes a session that waits, and neither waits for one nor connects.
const AT_ONCE: Timeouts = Timeouts {
    wait: Some(Duration::ZERO),
    create: Some(Duration::ZERO),
    recycle: None,
};

/// Values for a statement's `$1`, `$2`, …
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The pool of connections, all as the application role.
#[derive(Clone)]
pub(super) struct ConnectionPool {
    pool: Pool,
    runtime: tokio::runtime::Handle,
    config: StoreConfig,
}

impl ConnectionPool {
    /// Prepares a pool; connects nothing yet. `settings` are more `SET` statements for each new
    /// session.
    pub(super) fn new(config: &StoreConfig, settings: &str) -> Result<Self, StoreError> {
        let url = config.app_url.as_ref().unwrap_or(&config.url);
        let pg = with_timeouts(url, config);
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = if url.requires_tls() {
            Manager::from_config(pg, tls::connector(config.ca_file.as_deref())?, recycling)
        } else {
            Manager::from_config(pg, NoTls, recycling)
        };
        let role = if config.app_url.is_some() {
            String::new()
        } else {
            format!("SET ROLE {APP_ROLE};")
        };
        let setup = format!("{}{settings}{role}", session_settings(config));
        let pool = Pool::builder(manager)
            .max_size(config.connection_limit.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.pool_timeout))
            .create_timeout(Some(config.connect_timeout))
            .post_create(Hook::async_fn(move |client, _| {
                let setup = setup.clone();
                Box::pin(async move {
                    client
                        .batch_execute(&setup)
                        .await
                        .map_err(HookError::Backend)
                })
            }))
            .build()
            .map_err(|error| StoreError::Schema(format!("cannot make a pool: {error}")))?;
        Ok(Self {
            pool,
            runtime: tokio::runtime::Handle::current(),
            config: config.clone(),
        })
    }

    /// A pooled connection as the application role.
    pub(super) async fn get(&self) -> Result<Object, StoreError> {
        // One that waits is taken on the spot.
        if self.pool.status().available > 0
            && let Ok(session) = self.pool.timeout_get(&AT_ONCE).await
        {
            return Ok(session);
        }
        // A new connection is driven by the runtime on which it is made: always the one that the
        // pool was made on, never that of a caller who may be busy computing.
        let pool = self.pool.clone();
        #[allow(clippy::disallowed_methods, reason = "it is awaited at once")]
        let got = self.runtime.spawn(async move { pool.get().await }).await;
        match got {
            Ok(got) => got.map_err(|error| self.refusal(error)),
            Err(_) => Err(self.refusal(PoolError::Closed)),
        }
    }

    /// A connection as the owner, in no pool: it ends when dropped. It takes a pooled connection's place
    /// rather than a further connection, so that a server with a single one suffices.
    pub(super) async fn owner(&self) -> Result<OwnerConnection, StoreError> {
        if self.config.app_url.is_some() {
            return OwnerConnection::connect(&self.config).await;
        }
        let session = Object::take(self.get().await?);
        session
            .batch_execute("RESET ROLE; SET statement_timeout = 0")
            .await
            .map_err(failed("become the owner of the tables"))?;
        Ok(OwnerConnection::Pooled(session))
    }

    /// Number of connections that exist, are idle and are allowed: for metrics.
    pub(super) fn usage(&self) -> (usize, usize, usize) {
        let status = self.pool.status();
        (status.size, status.available, status.max_size)
    }

    pub(super) const fn config(&self) -> &StoreConfig {
        &self.config
    }

    pub(super) fn close_idle(&self) {
        self.pool.retain(|_, _| false);
    }

    pub(super) fn close(&self) {
        self.pool.close();
    }

    fn refusal(&self, error: PoolError) -> StoreError {
        let url = self.config.app_url.as_ref().unwrap_or(&self.config.url);
        match error {
            PoolError::Timeout(TimeoutType::Wait) => StoreError::Busy {
                limit: self.config.connection_limit,
                waited_ms: self.config.pool_timeout.as_millis(),
            },
            PoolError::Timeout(_) => timed_out(url, &self.config),
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                StoreError::connect(url.target(), &error)
            }
            other => StoreError::Schema(format!("the pool is unusable: {other}")),
        }
    }
}

/// A connection as the owner of the tables.
pub(super) enum OwnerConnection {
    /// Taken out of the pool for good.
    Pooled(deadpool_postgres::ClientWrapper),
    /// Connected on its own.
    Own(Client, tokio::task::JoinHandle<()>),
}

impl OwnerConnection {
    /// Connects with the owner's URL.
    pub(super) async fn connect(config: &StoreConfig) -> Result<Self, StoreError> {
        Self::connect_to(config, &config.url).await
    }

    /// Connects as the program does, but outside the pool and without giving up the owner's role
    /// where the URL is the owner's.
    pub(super) async fn connect_as_app(config: &StoreConfig) -> Result<Self, StoreError> {
        Self::connect_to(config, config.app_url.as_ref().unwrap_or(&config.url)).await
    }

    async fn connect_to(config: &StoreConfig, url: &DatabaseUrl) -> Result<Self, StoreError> {
        let pg = with_timeouts(url, config);
        let refused = |error: tokio_postgres::Error| StoreError::connect(url.target(), &error);
        let connecting = async {
            if url.requires_tls() {
                let tls = tls::connector(config.ca_file.as_deref())?;
                let (client, connection) = pg.connect(tls).await.map_err(refused)?;
                Ok((client, crate::task::spawn_bounded(drive(connection))))
            } else {
                let (client, connection) = pg.connect(NoTls).await.map_err(refused)?;
                Ok((client, crate::task::spawn_bounded(drive(connection))))
            }
        };
        let (client, task) = tokio::time::timeout(config.connect_timeout, connecting)
            .await
            .unwrap_or_else(|_| Err(timed_out(url, config)))?;
        // `RESET ROLE` matters where sessions share one backend (PGlite).
        client
            .batch_execute("RESET ROLE; SET statement_timeout = 0; SET lock_timeout = '30s'")
            .await
            .map_err(failed("set up a session"))?;
        Ok(Self::Own(client, task))
    }

    /// The client.
    pub(super) fn client(&mut self) -> &mut Client {
        match self {
            Self::Pooled(client) => client,
            Self::Own(client, _) => client,
        }
    }

    /// Ends the session and waits until the server knows, for servers that have only one.
    pub(super) async fn close(self) {
        if let Self::Own(client, task) = self {
            drop(client);
            // The task ends when the client is gone; a panic in it has nothing to tell us.
            let _ = task.await;
        }
    }
}

async fn drive<S, T>(connection: tokio_postgres::Connection<S, T>)
where
    tokio_postgres::Connection<S, T>: Future<Output = Result<(), tokio_postgres::Error>>,
{
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an owner's database session broke");
    }
}

pub(super) fn with_timeouts(url: &DatabaseUrl, config: &StoreConfig) -> tokio_postgres::Config {
    let mut pg = url.config().clone();
    pg.connect_timeout(config.connect_timeout)
        .application_name("coinsphere");
    if !url.requires_tls() {
        // `prefer` would encrypt without checking whom we talk to, or fail on a certificate that
        // nobody asked for; `require` both encrypts and checks.
        pg.ssl_mode(tokio_postgres::config::SslMode::Disable);
    }
    pg
}

pub(super) fn timed_out(url: &DatabaseUrl, config: &StoreConfig) -> StoreError {
    StoreError::Connect {
        target: url.target(),
        reason: format!("no answer in {} ms", config.connect_timeout.as_millis()),
        cause: super::error::ConnectCause::Unreachable,
    }
}

fn session_settings(config: &StoreConfig) -> String {
    // Compiling a plan costs more than any of our statements; a session whose client vanished must
    // not keep its locks.
    format!(
        "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = 60000; \
         SET jit = off; SET TIME ZONE 'UTC';",
        config.statement_timeout.as_millis()
    )
}

/// Runs a prepared query. `doing` says in an error what was being attempted.
///
/// # Errors
/// When the database is unreachable or refuses.
pub async fn query<C: GenericClient>(
    session: &C,
    doing: &'static str,
    sql: &str,
    params: Params<'_>,
) -> Result<Vec<Row>, StoreError> {
    timed(sql, async {
        let statement = session.prepare_cached(sql).await.map_err(failed(doing))?;
        session
            .query(&statement, params)
            .await
            .map_err(failed(doing))
    })
    .await
}

/// Runs a prepared statement and says how many rows it touched. `doing` as for [`query`].
///
/// # Errors
/// When the database is unreachable or refuses.
pub async fn execute<C: GenericClient>(
    session: &C,
    doing: &'static str,
    sql: &str,
    params: Params<'_>,
) -> Result<u64, StoreError> {
    timed(sql, async {
        let statement = session.prepare_cached(sql).await.map_err(failed(doing))?;
        session
            .execute(&statement, params)
            .await
            .map_err(failed(doing))
    })
    .await
}

async fn timed<T>(sql: &str, work: impl Future<Output = T>) -> T {
    let started = tokio::time::Instant::now();
    let outcome = work.await;
    let took = started.elapsed();
    if took > SLOW {
        metrics::counter!("coinsphere_store_slow_statements_total").increment(1);
        let text = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        tracing::warn!(took_ms = took.as_millis(), statement = %text, "slow statement");
    }
    outcome
}
