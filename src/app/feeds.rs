//! What this process listens to: the instruments of the configuration, and those that administrators
//! have added, whenever that was and in whichever process. An addition gets connections of its own, so
//! that what is listened to already is not disturbed; the next start joins additions of a venue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, Arbiter};
use anyhow::Context;
use coinsphere_actors::market::feed::FeedActor;
use coinsphere_actors::push::PushHub;
use coinsphere_actors::supervision::StatusRegistry;
use coinsphere_actors::supervision::{ExitNotice, Started, Supervise, Supervisor};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::log::EventLog;
use coinsphere_pipelines::market::{InstrumentKey, Symbol, Venue};
use coinsphere_pipelines::venues::admission::Admission;
use coinsphere_pipelines::venues::{self, LiveFeed, VenueProtocol};
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use tokio::task::JoinHandle;

use super::database::Database;
use crate::config::Config;
use crate::market::Instruments;

/// How often additions of other processes are looked for.
const LOOK: Duration = Duration::from_secs(5);

/// Most additions of one run: each is a connection, and venues limit those.
const MOST_ADDITIONS: usize = 64;

/// The instruments that this configuration follows, in whichever process.
pub(super) fn configured(config: &Config) -> Vec<InstrumentKey> {
    let enabled = venues::ALL.iter().filter_map(|protocol| {
        let settings = config.venues.get(protocol.venue().name())?;
        settings.enabled.then_some((*protocol, settings))
    });
    enabled
        .flat_map(|(protocol, settings)| {
            let symbols = match &settings.instruments {
                Instruments::Seeded => venues::majors(protocol),
                Instruments::Only(symbols) => symbols.clone(),
            };
            let venue = protocol.venue();
            symbols.into_iter().map(move |symbol| {
                // A wrong spelling was refused with the configuration.
                let symbol = protocol.spelling(&symbol).unwrap_or(symbol);
                InstrumentKey::new(venue, symbol)
            })
        })
        .collect()
}

/// Starts feeds.
pub(super) struct Feeds {
    log: Arc<dyn EventLog>,
    clock: SharedClock,
    statuses: StatusRegistry,
    supervisor: Addr<Supervisor>,
    admission: Admission,
    /// Of the venues that are enabled.
    endpoints: BTreeMap<Venue, Option<String>>,
}

impl Feeds {
    pub(super) fn new(
        config: &Config,
        log: &Arc<dyn EventLog>,
        clock: &SharedClock,
        statuses: &StatusRegistry,
        supervisor: &Addr<Supervisor>,
    ) -> Self {
        let endpoints = venues::ALL.iter().filter_map(|protocol| {
            let settings = config.venues.get(protocol.venue().name())?;
            let endpoint = settings.endpoint.clone();
            settings.enabled.then_some((protocol.venue(), endpoint))
        });
        Self {
            log: Arc::clone(log),
            clock: clock.clone(),
            statuses: statuses.clone(),
            supervisor: supervisor.clone(),
            admission: Admission {
                max_ahead: config.candles.max_ahead(),
                ..Admission::LIVE
            },
            endpoints: endpoints.collect(),
        }
    }

    /// Listens to these instruments; those of venues that are not enabled are left out. What is
    /// started is named `feed_<venue><suffix>`.
    ///
    /// # Errors
    /// When TLS cannot be set up, there is no randomness, or the supervisor is gone.
    pub(super) async fn start(
        &self,
        instruments: &[InstrumentKey],
        suffix: &str,
    ) -> anyhow::Result<()> {
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
    ) -> anyhow::Result<()> {
        let mut seeds = StdRng::try_from_rng(&mut SysRng).context("no randomness to be had")?;
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
        let asked = self.supervisor.send(Supervise { name, factory }).await;
        asked.context("the supervisor is gone")
    }
}

/// Follows additions until it is aborted: listens to them, if this process does, and lets them be
/// subscribed to in `hub`, if its streams hear of them.
pub(super) fn follow_additions(
    known: Vec<InstrumentKey>,
    feeds: Option<Feeds>,
    database: Arc<Database>,
    hub: Option<Arc<PushHub>>,
) -> JoinHandle<()> {
    let mut additions = Additions {
        known: known.into_iter().collect(),
        feeds,
        hub,
        count: 0,
    };
    // Arbiters are made in the system's own thread.
    actix::spawn(async move {
        let mut listed = database.listed.waiter();
        let mut every = tokio::time::interval(LOOK);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = listed.raised() => {}
            }
            // Until the database has been reached there is nothing to look at; the next turn may.
            let Some(store) = database.store() else {
                continue;
            };
            match store.added_instruments().await {
                Ok(added) => additions.take(added).await,
                Err(error) => tracing::debug!(%error, "added instruments could not be read"),
            }
        }
    })
}

struct Additions {
    known: BTreeSet<InstrumentKey>,
    feeds: Option<Feeds>,
    hub: Option<Arc<PushHub>>,
    count: usize,
}

impl Additions {
    async fn take(&mut self, added: Vec<InstrumentKey>) {
        let new: Vec<_> = added
            .into_iter()
            .filter(|key| !self.known.contains(key))
            .collect();
        if new.is_empty() {
            return;
        }
        self.known.extend(new.iter().cloned());
        if let Some(hub) = &self.hub {
            hub.list_more(new.iter().cloned());
        }
        let Some(feeds) = &self.feeds else {
            return;
        };
        self.count += 1;
        let names: Vec<_> = new.iter().map(ToString::to_string).collect();
        if self.count > MOST_ADDITIONS {
            tracing::warn!(
                instruments = names.join(" "),
                "too many additions since the start: restart to listen to these"
            );
            return;
        }
        tracing::info!(instruments = names.join(" "), "listening to what was added");
        if let Err(error) = feeds.start(&new, &format!("_added_{}", self.count)).await {
            tracing::error!(%error, "what was added cannot be listened to; the next start tries again");
        }
    }
}
