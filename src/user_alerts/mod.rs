//! Alerts of users: what is stored of them, the evaluation of the event log by them, and the relay of what fired.
//! It knows PostgreSQL, the event log, the pure evaluator of [`crate::alerts`] and the push hub, and nothing
//! of HTTP.
//!
//! One evaluator judges the whole log, whichever process it runs in: it has a lock in the database. It writes
//! events, changed states of rules and the offsets up to which it has judged in one transaction, so that
//! reading the log again after a crash misses nothing and fires nothing twice. A change of an alert is
//! answered once the evaluator judges by it.

mod alert;
mod error;
pub mod evaluation;
mod event;
pub mod limits;
mod notice;
mod preview;
pub mod relay;
mod request;
mod service;
mod spelling;
mod test;
mod user_data;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use coinsphere_actors::push::PushHub;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::signal::Signal;
use coinsphere_pipelines::store::{PooledConnection, StoreSource};

pub use alert::{Alert, AlertState, EscalationStep, Severity};
pub use error::{AlertError, WrongField};
pub use evaluation::EvaluationDeps;
pub use event::{AlertEvent, Trigger};
pub use notice::notice;
pub use preview::Preview;
pub use request::{AlertRequest, RuleFields};
pub use user_data::AlertUserData;

use crate::market::{MarketData, Reader};
use crate::secrets::Randomness;

/// The channel of announcements between processes.
const CHANNEL: &str = "coinsphere_alerts";

/// The alerts of this database. Cheap to clone.
#[derive(Clone)]
pub struct UserAlerts(Arc<Inner>);

struct Inner {
    source: Arc<dyn StoreSource>,
    clock: SharedClock,
    randomness: Randomness,
    market: Reader,
    hub: Arc<PushHub>,
    /// Raised when the evaluator has taken up changes.
    applied: Signal,
}

impl UserAlerts {
    /// In the database of this source, which may be away; their owners hear of events through the hub.
    #[must_use]
    pub fn new(
        source: Arc<dyn StoreSource>,
        clock: SharedClock,
        randomness: Randomness,
        hub: Arc<PushHub>,
    ) -> Self {
        Self(Arc::new(Inner {
            market: Reader::new(Arc::clone(&source)),
            source,
            clock,
            randomness,
            hub,
            applied: Signal::new(),
        }))
    }

    fn market(&self) -> &dyn MarketData {
        &self.0.market
    }

    async fn session(&self) -> Result<PooledConnection, AlertError> {
        let store = self.0.source.store().ok_or(AlertError::Unavailable)?;
        Ok(store.session().await?)
    }

    fn now(&self) -> DateTime<Utc> {
        self.0.clock.now().to_utc()
    }
}
