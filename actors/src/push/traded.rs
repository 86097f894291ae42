//! The newest prices, for parts of this program that follow them: the price of each instrument is
//! coalesced to its newest until it is taken, so that a follower needs no queue.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use coinsphere_pipelines::market::{InstrumentKey, Price, Timestamp};
use tokio::sync::Notify;

use super::hub::PushHub;

/// The newest trade of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastTrade {
    /// Its price.
    pub price: Price,
    /// Its time.
    pub time: Timestamp,
}

/// Who follows prices.
#[derive(Debug, Default)]
pub(super) struct Traded(RwLock<Vec<Arc<Following>>>);

#[derive(Debug, Default)]
struct Following {
    /// The instruments, with the price that has not been taken yet.
    prices: Mutex<HashMap<InstrumentKey, Option<LastTrade>>>,
    notify: Notify,
}

/// Follows the prices of some instruments. Dropping it ends that.
#[derive(Debug)]
pub struct PriceFollower {
    hub: Arc<PushHub>,
    following: Arc<Following>,
}

impl PushHub {
    /// A follower of prices, of no instrument yet.
    #[must_use]
    pub fn follow_prices(self: &Arc<Self>) -> PriceFollower {
        let following = Arc::new(Following::default());
        self.traded().add(Arc::clone(&following));
        PriceFollower {
            hub: Arc::clone(self),
            following,
        }
    }
}

impl PriceFollower {
    /// Follows these instruments and no others. What was not taken of those that stay is kept.
    pub fn follow(&self, instruments: HashSet<InstrumentKey>) {
        let mut prices = self.following.lock();
        prices.retain(|instrument, _| instruments.contains(instrument));
        for instrument in instruments {
            prices.entry(instrument).or_default();
        }
    }

    /// Waits until an instrument has traded, or returns early. Cancel-safe.
    pub async fn changed(&self) {
        self.following.notify.notified().await;
    }

    /// Takes the newest price of each instrument that has traded since the last time.
    #[must_use]
    pub fn take(&self) -> Vec<(InstrumentKey, LastTrade)> {
        let mut prices = self.following.lock();
        let taken = prices.iter_mut().filter_map(|(instrument, price)| {
            let price = price.take()?;
            Some((instrument.clone(), price))
        });
        taken.collect()
    }
}

impl Drop for PriceFollower {
    fn drop(&mut self) {
        self.hub.traded().remove(&self.following);
    }
}

impl Traded {
    /// Tells the followers of an instrument its newest trade.
    pub(super) fn note(&self, instrument: &InstrumentKey, trade: LastTrade) {
        for following in self.read().iter() {
            if let Some(price) = following.lock().get_mut(instrument) {
                *price = Some(trade);
                following.notify.notify_one();
            }
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Arc<Following>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, following: Arc<Following>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.push(following);
    }

    fn remove(&self, following: &Arc<Following>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| !Arc::ptr_eq(other, following));
    }
}

impl Following {
    /// Nothing panics while holding the lock half-way through a change, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<InstrumentKey, Option<LastTrade>>> {
        self.prices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
