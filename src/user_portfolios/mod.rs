//! Portfolios of users: what is stored of them, imports, links to show them by, and what is computed of them at
//! the market's prices. It knows PostgreSQL, the exact accounting of [`crate::portfolios`] and the push hub, and
//! nothing of HTTP.
//!
//! Whatever changes a portfolio locks its row, so changes of one follow one another; each makes its version
//! grow and is announced ([`PortfolioChanged`]) for whoever computes from it.

mod accounts;
mod allocation;
mod asset_names;
mod categories;
mod changes;
mod choices;
mod error;
mod figures;
mod import;
mod import_list;
pub mod live;
mod live_message;
mod portfolio;
mod price_plan;
mod prices;
mod share_links;
mod slot;
mod snapshot;
mod transaction_rows;
mod transactions;
mod transfers;
mod user_data;
mod valuation;
mod what_if;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::store::{PooledConnection, StoreSource};
use tokio::sync::broadcast;
use uuid::Uuid;

pub use accounts::PortfolioAccount;
pub use allocation::Allocation;
pub use categories::AssetCategory;
pub use choices::ImportChoice;
pub use error::{PortfolioError, WrongField};
pub use figures::PortfolioFigures;
pub use import::{ImportReceipt, ImportRequest, RowChoice};
pub use import_list::{ImportedFile, PortfolioImport};
pub use portfolio::{Portfolio, PortfolioSettings, SettingsChange, fees_name, scope_name};
pub use share_links::{NewShareLink, ShareLink, SharedPortfolio};
pub use snapshot::Snapshot;
pub use transactions::{StoredTransaction, TransactionFilter, TransactionPlace};
pub use user_data::PortfolioUserData;
pub use valuation::{HoldingPrice, HoldingValue, Valuation};

use crate::accounts::{SecurityEvent, SecurityEvents};
use crate::secrets::Randomness;

/// Changes that a slow listener may be behind; beyond that it learns how many it missed.
const CHANGES: usize = 1_024;

/// A portfolio that has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortfolioChanged {
    /// The id.
    pub portfolio: Uuid,
    /// Its version now; none: it is gone.
    pub version: Option<i64>,
    /// Transactions before this time, in nanoseconds since 1970, are as they were; none: anything may have
    /// changed.
    pub since: Option<i64>,
}

/// The portfolios of this database. Cheap to clone.
#[derive(Clone)]
pub struct UserPortfolios(Arc<Inner>);

struct Inner {
    source: Arc<dyn StoreSource>,
    clock: SharedClock,
    randomness: Randomness,
    events: Arc<dyn SecurityEvents>,
    changes: broadcast::Sender<PortfolioChanged>,
}

impl UserPortfolios {
    /// In the database of this source, which may be away. `events` takes note of what is shared and
    /// deleted.
    #[must_use]
    pub fn new(
        source: Arc<dyn StoreSource>,
        clock: SharedClock,
        randomness: Randomness,
        events: Arc<dyn SecurityEvents>,
    ) -> Self {
        Self(Arc::new(Inner {
            source,
            clock,
            randomness,
            events,
            changes: broadcast::Sender::new(CHANGES),
        }))
    }

    /// Hears of the changes that this process makes, from now on; of those of other processes too while live
    /// values are kept ([`live::run`]). Every change shows in the version.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<PortfolioChanged> {
        self.0.changes.subscribe()
    }

    async fn session(&self) -> Result<PooledConnection, PortfolioError> {
        let store = self.0.source.store().ok_or(PortfolioError::Unavailable)?;
        Ok(store.session().await?)
    }

    fn now(&self) -> DateTime<Utc> {
        self.0.clock.now().to_utc()
    }

    /// Tells listeners of this process; after the change is committed.
    fn announce(&self, changed: PortfolioChanged) {
        // Nobody may be listening.
        let _ = self.0.changes.send(changed);
    }

    fn note(&self, what: &'static str, user: Uuid, subject: Uuid, from: Option<&str>) {
        self.0.events.note(SecurityEvent {
            what,
            done: true,
            user: Some(user),
            by: None,
            subject: Some(subject),
            from: from.map(str::to_owned),
        });
    }
}
