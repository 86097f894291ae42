//! Follows the instruments that administrators add, whenever that was and in whichever process: listens
//! to them, if this process does, and lets them be subscribed to, if its streams hear of them. An
//! addition gets connections of its own, so that what is listened to already is not disturbed; the next
//! start joins additions of a venue.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, MailboxError};
use coinsphere_pipelines::market::InstrumentKey;
use coinsphere_pipelines::signal::Signal;
use coinsphere_pipelines::store::StoreSource;
use tokio::sync::{Mutex, watch};
use tokio::time::MissedTickBehavior;

use super::feeds::Feeds;
use crate::push::PushHub;
use crate::supervision::{
    ExitReason, LoopActor, PartStatus, Started, StatusRegistry, Supervise, Supervisor,
};

/// The part's name.
const NAME: &str = "additions";

/// The interval at which additions of other processes are looked for.
const LOOK: Duration = Duration::from_secs(5);

/// Most additions of one run: each is a connection, and venues limit those.
const MOST_ADDITIONS: usize = 64;

/// Dependencies of the additions: what is followed, and for whom.
pub struct AdditionsDeps {
    /// Instruments that are listened to already.
    pub known: BTreeSet<InstrumentKey>,
    /// The feeds, if this process listens.
    pub feeds: Option<Feeds>,
    /// Where additions are found.
    pub store: Arc<dyn StoreSource>,
    /// Raised when this process has made one.
    pub listed: Signal,
    /// Where they can be subscribed to, if its streams hear of them.
    pub hub: Option<Arc<PushHub>>,
    /// Where the part's state is published.
    pub statuses: StatusRegistry,
}

/// Starts the part, in the thread of the supervisor, which must be the actor system's.
///
/// # Errors
/// When the supervisor is gone.
pub async fn start(deps: AdditionsDeps, supervisor: &Addr<Supervisor>) -> Result<(), MailboxError> {
    // What is known outlives a panic: nothing is listened to twice.
    let additions = Arc::new(Mutex::new(Additions { deps, count: 0 }));
    let factory = move |exit| {
        let additions = Arc::clone(&additions);
        let run = move |quit| async move { additions.lock().await.follow(quit).await };
        Started {
            quit: LoopActor::new(exit, run).start().recipient(),
        }
    };
    let supervise = Supervise {
        name: NAME.to_owned(),
        factory: Box::new(factory),
    };
    supervisor.send(supervise).await
}

struct Additions {
    deps: AdditionsDeps,
    count: usize,
}

impl Additions {
    async fn follow(&mut self, mut quit: watch::Receiver<bool>) -> ExitReason {
        let mut listed = self.deps.listed.waiter();
        let mut every = tokio::time::interval(LOOK);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = listed.raised() => {}
                _ = quit.wait_for(|quit| *quit) => return ExitReason::Quit,
            }
            let (status, trouble) = match self.look().await {
                Ok(()) => (PartStatus::Running, None),
                Err(error) => (PartStatus::Degraded, Some(error)),
            };
            self.deps.statuses.set(NAME, status, trouble);
        }
    }

    async fn look(&mut self) -> Result<(), String> {
        // Until the database has been reached there is nothing to look at; the next turn may.
        let Some(store) = self.deps.store.store() else {
            return Ok(());
        };
        let added = store.added_instruments().await;
        let added = added.map_err(|error| format!("cannot read what was added: {error}"))?;
        let known = &self.deps.known;
        let new: Vec<_> = added
            .into_iter()
            .filter(|key| !known.contains(key))
            .collect();
        if !new.is_empty() {
            self.take(&new).await;
            self.deps.known.extend(new);
        }
        Ok(())
    }

    async fn take(&mut self, new: &[InstrumentKey]) {
        if let Some(hub) = &self.deps.hub {
            hub.list_more(new.iter().cloned());
        }
        let Some(feeds) = &self.deps.feeds else {
            return;
        };
        self.count += 1;
        let names: Vec<_> = new.iter().map(ToString::to_string).collect();
        let instruments = names.join(" ");
        if self.count > MOST_ADDITIONS {
            tracing::warn!(
                instruments,
                "too many additions since the start: restart to listen to these"
            );
            return;
        }
        tracing::info!(instruments, "listening to what was added");
        if let Err(error) = feeds.start(new, &format!("_added_{}", self.count)).await {
            tracing::error!(%error, instruments, "what was added cannot be listened to; the next start tries again");
        }
    }
}
