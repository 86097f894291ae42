//! The parts that build candles from the event log.

use std::sync::Arc;

use actix::Addr;
use anyhow::Context;
use coinsphere_actors::database::Database;
use coinsphere_actors::market::pipeline::{self, PipelineDeps};
use coinsphere_actors::push::PushHub;
use coinsphere_actors::push::pusher::PushActor;
use coinsphere_actors::supervision::{ActorAddress, StatusRegistry, Supervisor};
use coinsphere_pipelines::candles::Rules;
use coinsphere_pipelines::log::EventLog;

use crate::market::CandleSettings;

/// Starts them. Returns the address of the part that shows candles.
///
/// # Errors
/// When the supervisor is gone.
pub(super) async fn start(
    settings: &CandleSettings,
    log: &Arc<dyn EventLog>,
    database: &Arc<Database>,
    hub: &Arc<PushHub>,
    statuses: &StatusRegistry,
    supervisor: &Addr<Supervisor>,
) -> anyhow::Result<ActorAddress<PushActor>> {
    let deps = PipelineDeps {
        log: Arc::clone(log),
        store: Arc::clone(database) as _,
        history: Arc::clone(database) as _,
        hub: Arc::clone(hub),
        rules: Rules {
            grace: settings.grace(),
            end_bridged_outages: settings.repair,
            ..Rules::default()
        },
        committed: database.committed.clone(),
        statuses: statuses.clone(),
    };
    let started = pipeline::start(deps, supervisor).await;
    started.context("the supervisor is gone")
}
