//! The database: candles, gaps, instruments and how far the log is reflected in them, in TimescaleDB
//! or in plain PostgreSQL, by URL or in a private server. It knows nothing of venues' protocols, of
//! actors or of HTTP; what to write is decided in `candles`.

mod catalog;
mod closes;
mod commit;
mod config;
mod coverage;
mod describe;
mod error;
mod exact;
mod flavour;
mod history;
mod import;
mod listen;
mod listing;
mod pool;
mod predictions;
mod primary;
pub mod private_server;
mod read;
mod repair;
mod resume;
mod rows;
mod schema;
mod server_message;
mod settings;
mod source;
mod times;
mod tls;

pub use catalog::{CatalogNews, PricedAssets};
pub use closes::{CloseSeries, DailyClose, SeriesCloses};
pub use config::{DatabaseUrl, DatabaseUrlError, StoreConfig};
pub use describe::{Chunk, Description, Hypertable, Job, Partition, Table, View};
pub use error::{ConnectCause, StoreError, failed};
pub use flavour::Flavour;
pub use history::{HistoryBatch, HistoryWritten, ProvenSpan};
pub use listen::Listener;
pub use listing::{Listing, NewInstrument, NewToken};
pub use pool::{Params, execute, query};
pub use predictions::{
    Forecast, ForecastCommit, ForecastQuery, ForecastSeries, ForecastState, Outcome, PriceRange,
    Settlement, StoredForecast,
};
pub use primary::PrimaryOrder;
pub use read::ClosedCandles;
pub use repair::DueGap;
pub use rows::{
    Asset, AssetLookup, CandlePage, CandleQuery, CandleSource, ChangedCandle, CommitOutcome,
    GapQuery, ImportTarget, ImportedCandle, Instrument, InstrumentId, ListQuery, MAX_PAGE, Resume,
    StoredCandle, StoredGap, Upkeep, spellings,
};
pub use schema::Migrated;
pub use settings::DatabaseSettings;
pub use source::StoreSource;

pub use deadpool_postgres::{GenericClient, Transaction};

/// A pooled connection as the application role.
pub type PooledConnection = deadpool_postgres::Object;

use std::sync::Arc;

use crate::market::Timestamp;

/// The database, ready to be written and read. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Store {
    pool: pool::ConnectionPool,
    flavour: Flavour,
    months: Arc<flavour::KnownMonths>,
    catalog: Arc<catalog::Catalog>,
}

/// Use of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct PoolUsage {
    /// Open connections.
    pub open: usize,
    /// Open connections that nobody uses.
    pub idle: usize,
    /// The most there may be.
    pub limit: usize,
}

impl Store {
    /// Applies the migrations that are missing, as the owner. Several processes may do so at once:
    /// one of them does it, the others wait.
    ///
    /// # Errors
    /// When the database is unreachable, is older than PostgreSQL 15, or refuses.
    pub async fn migrate(config: &StoreConfig) -> Result<Migrated, StoreError> {
        schema::migrate(config).await
    }

    /// Connects to a database that has been migrated.
    ///
    /// # Errors
    /// When the database is unreachable or refuses, or its tables are not this version's.
    pub async fn connect(config: &StoreConfig) -> Result<Self, StoreError> {
        // Asks before the pool exists, because the pool's settings depend on the answer.
        let flavour = schema::inspect(config).await?;
        Ok(Self {
            pool: pool::ConnectionPool::new(config, flavour.session_settings())?,
            flavour,
            months: Arc::default(),
            catalog: Arc::default(),
        })
    }

    /// Migrates, then connects.
    ///
    /// # Errors
    /// As [`Store::migrate`] and [`Store::connect`].
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        Self::migrate(config).await?;
        Self::connect(config).await
    }

    /// The database's flavour: TimescaleDB or plain PostgreSQL.
    #[must_use]
    pub const fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// Use of the pool.
    #[must_use]
    pub fn pool_usage(&self) -> PoolUsage {
        let (open, idle, limit) = self.pool.usage();
        PoolUsage { open, idle, limit }
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// When there is none.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let session = self.pool.get().await?;
        pool::query(&session, "ask for a sign of life", "SELECT 1", &[]).await?;
        Ok(())
    }

    /// A session of the pool, for the tables of other parts of the program.
    ///
    /// # Errors
    /// When the database is unreachable, or every connection stays in use.
    pub async fn session(&self) -> Result<PooledConnection, StoreError> {
        self.pool.get().await
    }

    /// One round of upkeep: brings stale longer candles up to date and, on plain PostgreSQL, drops
    /// 1-minute candles older than a year before `now`. A bounded amount of work: call it every few
    /// seconds, and again at once while [`Upkeep::more`] is set.
    ///
    /// # Errors
    /// When the database is unreachable or refuses; what was not done is done by the next call.
    pub async fn keep_up(&self, now: Timestamp) -> Result<Upkeep, StoreError> {
        self.flavour.keep_up(&self.pool, &self.months, now).await
    }

    /// Closes the connections that nobody uses: to make room on a server that has few.
    pub fn close_idle(&self) {
        self.pool.close_idle();
    }

    /// Closes the pool: later calls fail, running ones end.
    pub fn close(&self) {
        self.pool.close();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("flavour", &self.flavour)
            .finish_non_exhaustive()
    }
}
