//! The running program: `up`, and `demo` on top of it.
//!
//! Parts are started in the order in which data needs them and stopped in the reverse: feeds first,
//! then what they fed, the log and the database last.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use anyhow::Context;
use coinsphere_actors::market::additions::{self, AdditionsDeps};
use coinsphere_actors::push::PushHub;
use coinsphere_actors::supervision::{StatusRegistry, StopAll, Supervisor};
use coinsphere_pipelines::clock::SharedClock;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::oneshot;

use super::database::database;
use super::feeds;
use super::repair::{self, RepairParts};
use super::shared::Shared;
use super::{
    accounts, alerts, audit, backfills, candles, event_log, http, notifications, portfolios,
};
use crate::accounts::AuditTrail;
use crate::config::{Config, Role};
use crate::forecasts::{ForecastParts, HISTORY_VENUE};
use crate::telemetry::{HealthSource, keep_metrics_tidy};

/// The time the parts may take to stop.
const STOP: Duration = Duration::from_secs(60);

/// Runs the configured parts, whose states are published in `statuses`, until `stop` completes.
///
/// # Errors
/// When a part cannot be started, or the HTTP server fails.
pub async fn run(
    config: Config,
    clock: SharedClock,
    metrics: PrometheusHandle,
    statuses: StatusRegistry,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    // Taken first: a port in use is the most likely mistake, and cheap to find.
    let listener = match config.has_role(Role::Api) {
        true => Some(http::listen(&config).await?),
        false => None,
    };
    let database = database(&config, statuses.clone(), clock.clone())?;
    // Before anything runs that would have to be stopped: keys that cannot be used end the start.
    // Who asks for something to be done asks here, so this is where it is recorded.
    let api = match listener {
        Some(listener) => {
            let audit = audit::open(&config, &database, &clock, &statuses)?;
            let source = Arc::clone(&database) as _;
            let events = Arc::new(AuditTrail::new(&audit));
            let accounts = accounts::open(&config, source, clock.clone(), events)?;
            Some((listener, audit, accounts))
        }
        None => None,
    };
    let uses_log = config.has_role(Role::Ingest) || config.has_role(Role::Candles);
    let log = match uses_log {
        true => Some(event_log::open(&config, clock.clone(), &statuses).await?),
        false => None,
    };
    // A process that only listens needs no database, but learns of added instruments where it has one.
    let uses_database = [Role::Candles, Role::Forecasts, Role::Api]
        .into_iter()
        .any(|role| config.has_role(role))
        || config.database.url.is_some();
    let keeper = match uses_database {
        true => Some(database.keep().await?),
        false => None,
    };
    let mut shared = Shared::open(&config, &clock, &statuses)?;
    let hub = PushHub::new(config.stream.push_limits());
    shared.connect(&config, &hub, &statuses);
    let supervisor = Supervisor::new(statuses.clone()).start();
    let mut repairs = Vec::new();
    if let Some(log) = &log
        && config.has_role(Role::Candles)
    {
        let push = candles::start(
            &config.candles,
            log,
            &database,
            &hub,
            &statuses,
            &supervisor,
        )
        .await?;
        if config.candles.repair {
            let parts = RepairParts {
                log,
                database: &database,
                push: &push,
                clock: &clock,
                statuses: &statuses,
            };
            repairs = repair::start(&config, &parts)?;
        }
    }
    let listening = match &log {
        Some(log) if config.has_role(Role::Ingest) => {
            let feeds = feeds::feeds(&config, log, &clock, &statuses, &supervisor);
            let configured = feeds::configured(&config);
            feeds.start(&configured, "").await?;
            hub.list(configured);
            Some(feeds)
        }
        _ => None,
    };
    let hears_all = shared.hears_all(&config);
    if uses_database && (listening.is_some() || hears_all) {
        let follow = AdditionsDeps {
            known: feeds::configured(&config).into_iter().collect(),
            feeds: listening,
            store: Arc::clone(&database) as _,
            listed: database.listed.clone(),
            hub: hears_all.then(|| Arc::clone(&hub)),
            statuses: statuses.clone(),
        };
        let started = additions::start(follow, &supervisor).await;
        started.context("the supervisor is gone")?;
    }

    if config.has_role(Role::Candles) {
        let part = backfills::part(&config, &database, &clock, &statuses);
        let supervised = supervisor.send(part).await;
        supervised.context("the supervisor is gone")?;
    }

    let trains = config.has_role(Role::Forecasts);
    let forecasts = ForecastParts::open(&config.data_dir, &config.forecasts, &database, &clock)
        .context("the models")?;
    if trains {
        let source = config.venues.get(HISTORY_VENUE);
        for part in forecasts.parts(&hub, &statuses, &database.kept_up, source) {
            let supervised = supervisor.send(part).await;
            supervised.context("the supervisor is gone")?;
        }
    }

    let user_alerts = alerts::open(&database, &clock, &hub)?;
    let evaluation = match &log {
        Some(log) if config.has_role(Role::Candles) => {
            Some(alerts::start_evaluation(&user_alerts, log, &statuses))
        }
        _ => None,
    };

    let upkeep = keep_metrics_tidy(metrics.clone(), &statuses);
    let (outcome, audit) = match api {
        Some((listener, audit, accounts)) => {
            let mut loops = accounts::keep(&accounts, &statuses);
            loops.push(accounts::offer_setup(&accounts, &statuses));
            loops.push(audit::start(&audit, &statuses));
            let deps = http::StateDeps {
                database: &database,
                shared: &shared.state,
                audit: &audit,
                accounts,
                alerts: user_alerts.clone(),
                forecasts: forecasts.reader(trains),
                hub: &hub,
                health: HealthSource::of_program(statuses.clone(), log.clone()),
                metrics,
                clock: &clock,
            };
            let state = http::state(&config, deps)?;
            loops.push(portfolios::start_live(&state.figures, &statuses));
            loops.push(alerts::start_relay(&user_alerts, &statuses));
            loops.push(notifications::start(&state.notifications, &statuses));
            let served = crate::http::serve(listener, state, &statuses, stop).await;
            for part in loops {
                part.stop().await;
            }
            (served.context("the HTTP server failed"), Some(audit))
        }
        None => {
            stop.await;
            (Ok(()), None)
        }
    };

    for part in repairs {
        part.stop().await;
    }
    stop_parts(&supervisor).await;
    if let Some(evaluation) = evaluation {
        evaluation.stop().await;
    }
    upkeep.stop().await;
    if let Some(log) = log
        && let Err(error) = log.close().await
    {
        tracing::warn!(%error, "the event log was not closed in order");
    }
    if let Some(audit) = audit {
        audit::close(&audit).await;
    }
    if let Some(keeper) = keeper {
        keeper.stop().await;
    }
    tracing::info!("stopped");
    outcome
}

async fn stop_parts(supervisor: &Addr<Supervisor>) {
    let (done, stopped) = oneshot::channel();
    if supervisor.send(StopAll(done)).await.is_ok()
        && tokio::time::timeout(STOP, stopped).await.is_err()
    {
        tracing::warn!("not every part ended in time; the next start recovers");
    }
}
