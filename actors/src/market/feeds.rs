//! Starts feeds: for each venue, one that listens to the instruments asked for, as a part of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix::{Actor, Addr, Arbiter, MailboxError};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::log::EventLog;
use coinsphere_pipelines::market::{InstrumentKey, Symbol, Venue};
use coinsphere_pipelines::venues::admission::Admission;
use coinsphere_pipelines::venues::{self, FeedError, LiveFeed, VenueProtocol};
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};

use super::feed::FeedActor;
use crate::supervision::{ExitNotice, Started, StatusRegistry, Supervise, Supervisor};

/// A feed that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum FeedsError {
    /// Its connections cannot be numbered.
    #[error("no randomness to be had: {0}")]
    Randomness(#[from] rand::rngs::SysError),
    /// It cannot be made.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The program is stopping.
    #[error("the supervisor is gone")]
    SupervisorGone(#[from] MailboxError),
}

/// Everything that feeds are started with.
pub struct Feeds {
    /// Where they append to.
    pub log: Arc<dyn EventLog>,
    /// Receive times.
    pub clock: SharedClock,
    /// Where their states are published.
    pub statuses: StatusRegistry,
    /// Who keeps them running.
    pub supervisor: Addr<Supervisor>,
    /// Which trades are let in.
    pub admission: Admission,
    /// The venues that are listened to, and where each is, if not at its own address.
    pub endpoints: BTreeMap<Venue, Option<String>>,
}

impl Feeds {
    /// Listens to these instruments; those of venues that are not listened to are left out. What is
    /// started is named `feed_<venue><suffix>`. To be called in the thread of the actor system, which
    /// makes a thread for each.
    ///
    /// # Errors
    /// When TLS cannot be set up, there is no randomness, or the supervisor is gone.
    pub async fn start(
        &self,
        instruments: &[InstrumentKey],
        suffix: &str,
    ) -> Result<(), FeedsError> {
        for protocol in venues::ALL.iter().copied() {
            let venue = protocol.venue();
            let Some(endpoint) = self.endpoints.get(&venue) else {
                continue;
            };
            let of_venue = instruments.iter().filter(|key| key.venue == venue);
            let symbols: Vec<Symbol> = of_venue.map(|key| key.symbol.clone()).collect();
            if symbols.is_empty() {
                continue;
            }
            let name = format!("feed_{venue}{suffix}");
            self.listen(protocol, symbols, endpoint.clone(), name)
                .await?;
        }
        Ok(())
    }

    async fn listen(
        &self,
        protocol: &'static dyn VenueProtocol,
        symbols: Vec<Symbol>,
        endpoint: Option<String>,
        name: String,
    ) -> Result<(), FeedsError> {
        let mut seeds = StdRng::try_from_rng(&mut SysRng)?;
        // Tried once before it is supervised, so that what cannot work is said at the start.
        let make = {
            let (log, clock, admission) =
                (Arc::clone(&self.log), self.clock.clone(), self.admission);
            move |rng: StdRng| {
                let (symbols, endpoint) = (symbols.clone(), endpoint.as_deref());
                LiveFeed::new(protocol, symbols, endpoint, log.clone(), clock.clone(), rng)
                    .map(|feed| feed.with_admission(admission))
            }
        };
        make(StdRng::from_rng(&mut seeds))?;
        let (statuses, arbiter) = (self.statuses.clone(), Arbiter::new().handle());
        let part = name.clone();
        let factory = move |exit: ExitNotice| {
            let (statuses, name) = (statuses.clone(), part.clone());
            let feed = make(StdRng::from_rng(&mut seeds))
                .expect("the same feed could be made before it was supervised");
            let address = FeedActor::start_in_arbiter(&arbiter, move |_| {
                FeedActor::new(name, statuses, feed, exit)
            });
            Started {
                quit: address.recipient(),
            }
        };
        let factory = Box::new(factory);
        Ok(self.supervisor.send(Supervise { name, factory }).await?)
    }
}
