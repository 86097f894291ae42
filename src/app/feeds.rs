//! Instruments that this process listens to, by its configuration.

use std::sync::Arc;

use actix::Addr;
use coinsphere_actors::market::feeds::Feeds;
use coinsphere_actors::supervision::{StatusRegistry, Supervisor};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::log::EventLog;
use coinsphere_pipelines::market::InstrumentKey;
use coinsphere_pipelines::venues;
use coinsphere_pipelines::venues::admission::Admission;

use crate::config::Config;
use crate::market::Instruments;

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

/// Everything that starts feeds, of the venues that are enabled.
pub(super) fn feeds(
    config: &Config,
    log: &Arc<dyn EventLog>,
    clock: &SharedClock,
    statuses: &StatusRegistry,
    supervisor: &Addr<Supervisor>,
) -> Feeds {
    let endpoints = venues::ALL.iter().filter_map(|protocol| {
        let settings = config.venues.get(protocol.venue().name())?;
        let endpoint = settings.endpoint.clone();
        settings.enabled.then_some((protocol.venue(), endpoint))
    });
    Feeds {
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
