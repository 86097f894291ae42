//! The parts that close gaps: one a venue, so that none waits for another's limits.

use std::sync::Arc;

use anyhow::Context;
use coinsphere_actors::database::Database;
use coinsphere_actors::market::repair::{self, RepairDeps};
use coinsphere_actors::push::pusher::PushActor;
use coinsphere_actors::supervision::{ActorAddress, StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::backfill::GapRepair;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::log::EventLog;
use coinsphere_pipelines::venues::{self, RestClient};

use super::feeds;
use crate::config::Config;

/// Dependencies of the repairs.
pub(super) struct RepairParts<'a> {
    pub(super) log: &'a Arc<dyn EventLog>,
    pub(super) database: &'a Arc<Database>,
    pub(super) push: &'a ActorAddress<PushActor>,
    pub(super) clock: &'a SharedClock,
    pub(super) statuses: &'a StatusRegistry,
}

/// Starts a repair for each venue that is listened to.
///
/// # Errors
/// When an endpoint is no URL, or encryption cannot be set up.
pub(super) fn start(
    config: &Config,
    parts: &RepairParts<'_>,
) -> anyhow::Result<Vec<SupervisedLoop>> {
    let followed = feeds::configured(config);
    let mut loops = Vec::new();
    for protocol in venues::ALL {
        let venue = protocol.venue();
        let settings = config.venues.get(venue.name());
        let Some(settings) = settings.filter(|settings| settings.enabled) else {
            continue;
        };
        let history = venues::history(venue.name()).context("the venue has no history")?;
        let rest = RestClient::new(history, settings.endpoint.as_deref(), parts.clock.clone())?;
        let of_venue = followed.iter().filter(|key| key.venue == venue);
        let deps = RepairDeps {
            venue,
            followed: of_venue.map(|key| key.symbol.clone()).collect(),
            repair: GapRepair::new(rest, Arc::clone(parts.log)),
            store: Arc::clone(parts.database) as _,
            clock: parts.clock.clone(),
            committed: parts.database.committed.clone(),
            push: parts.push.clone(),
        };
        let (name, limit) = (repair::name(venue), repair::PROGRESS);
        loops.push(SupervisedLoop::start(
            parts.statuses,
            &name,
            limit,
            move |context| {
                let (deps, of) = (deps.clone(), context.clone());
                context.until_quit(repair::run(deps, of))
            },
        ));
    }
    Ok(loops)
}
