//! The alerts of users over the program's database and event log.

use std::sync::Arc;

use anyhow::Context;
use coinsphere_actors::database::Database;
use coinsphere_actors::push::PushHub;
use coinsphere_actors::supervision::{StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::log::EventLog;

use crate::secrets::Randomness;
use crate::user_alerts::{EvaluationDeps, UserAlerts, evaluation, relay};

/// The alerts of this database.
///
/// # Errors
/// When the system has no randomness to give.
pub(super) fn open(
    database: &Arc<Database>,
    clock: &SharedClock,
    hub: &Arc<PushHub>,
) -> anyhow::Result<UserAlerts> {
    Ok(UserAlerts::new(
        Arc::clone(database) as _,
        clock.clone(),
        Randomness::of_system().context("no randomness to be had")?,
        Arc::clone(hub),
    ))
}

/// Starts judging the log by them.
pub(super) fn start_evaluation(
    alerts: &UserAlerts,
    log: &Arc<dyn EventLog>,
    statuses: &StatusRegistry,
) -> SupervisedLoop {
    let deps = EvaluationDeps {
        alerts: alerts.clone(),
        log: Arc::clone(log),
    };
    let (name, limit) = (evaluation::NAME, evaluation::PROGRESS);
    SupervisedLoop::start(statuses, name, limit, move |context| {
        evaluation::run(deps.clone(), context)
    })
}

/// Starts the relay of events to those who follow their alerts, and of changes to those who wait for them.
pub(super) fn start_relay(alerts: &UserAlerts, statuses: &StatusRegistry) -> SupervisedLoop {
    let alerts = alerts.clone();
    SupervisedLoop::start(statuses, relay::NAME, relay::PROGRESS, move |context| {
        let (alerts, of) = (alerts.clone(), context.clone());
        context.until_quit(relay::run(alerts, of))
    })
}
