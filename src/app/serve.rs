//! The running program: `up`, and `demo` on top of it.
//!
//! Parts are started in the order in which data needs them and stopped in the reverse: feeds first,
//! then what they fed, the log and the database last.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr};
use anyhow::Context;
use coinsphere_actors::market::pipeline::{self, PipelineDeps};
use coinsphere_actors::push::PushHub;
use coinsphere_actors::supervision::{
    Backoff, StatusRegistry, StopAll, Supervise, SupervisedLoop, Supervisor,
};
use coinsphere_pipelines::candles::Rules;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::log::EventLog;
use coinsphere_pipelines::shared_state::{InProcess, InProcessLimits};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::database::Database;
use super::feeds::{self, Feeds};
use super::forecasts::{Forecasts, PartFactory};
use super::shared::Shared;
use crate::accounts::{AuditTrail, RegistrationMode};
use crate::app::{accounts, event_log};
use crate::audit::AuditedActs;
use crate::audit::{AuditEntry, AuditLog, ChainSigner, Outcome};
use crate::config::{Config, Role};
use crate::http::{self, ApiState, Limits, StreamGate};
use crate::idempotency::IdempotencyKeys;
use crate::jobs::Jobs;
use crate::market::Reader;
use crate::market::StoredListings;
use crate::market::listing_cache::{CachedReader, ListingCache};
use crate::secrets::ServerToken;
use crate::telemetry::keep_health_report;

/// How long the parts may take to stop.
const STOP: Duration = Duration::from_secs(60);

/// How long the audit log may go without a scan for deleted accounts: two of its rounds.
const FORGETTING: Duration = Duration::from_secs(2 * 3_600);

/// How often the metrics recorder tidies up.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Runs the configured parts until `stop` completes.
///
/// # Errors
/// When a part cannot be started, or the HTTP server fails.
pub async fn run(
    config: Config,
    clock: SharedClock,
    metrics: PrometheusHandle,
    stop: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    // Taken first: a port in use is the most likely mistake, and cheap to find.
    let listener = match config.has_role(Role::Api) {
        true => Some(listen(&config).await?),
        false => None,
    };
    let statuses = StatusRegistry::new(clock.clone());
    let database = Database::new(&config, statuses.clone(), clock.clone());
    // Before anything runs that would have to be stopped: keys that cannot be used end the start.
    // Who asks for something to be done asks here, so this is where it is recorded.
    let audit = match config.has_role(Role::Api) {
        true => Some(AuditLog::open(
            Arc::clone(&database),
            clock.clone(),
            ChainSigner::open(&config.data_dir)?,
        )),
        false => None,
    };
    let api = match (listener, &audit) {
        (Some(listener), Some(audit)) => {
            let source = Arc::clone(&database) as _;
            let events = Arc::new(AuditTrail::new(audit));
            let accounts = accounts::open(&config, source, clock.clone(), events)?;
            Some((listener, accounts))
        }
        _ => None,
    };
    let uses_log = config.has_role(Role::Ingest) || config.has_role(Role::Candles);
    let log = match uses_log {
        true => Some(event_log::open(&config, clock.clone()).await?),
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
    shared.connect(&config, &hub);
    let supervisor = Supervisor::new(statuses.clone(), Backoff::default()).start();
    let parts = Parts {
        config: &config,
        statuses: &statuses,
        supervisor: &supervisor,
    };
    if let Some(log) = &log
        && config.has_role(Role::Candles)
    {
        parts.start_candles(log, &database, &hub).await?;
    }
    let listening = match &log {
        Some(log) if config.has_role(Role::Ingest) => {
            let feeds = Feeds::new(&config, log, &clock, &statuses, &supervisor);
            let configured = feeds::configured(&config);
            feeds.start(&configured, "").await?;
            hub.list(configured);
            Some(feeds)
        }
        _ => None,
    };
    let hears_all = shared.hears_all(&config);
    let additions = (uses_database && (listening.is_some() || hears_all)).then(|| {
        let (known, database) = (feeds::configured(&config), Arc::clone(&database));
        let hub = hears_all.then(|| Arc::clone(&hub));
        feeds::follow_additions(known, listening, database, hub)
    });

    let forecasts = Forecasts::open(&config)?;
    if config.has_role(Role::Forecasts) {
        for (name, factory) in forecasts.parts(&config, &database, &hub, &statuses, &clock) {
            parts.supervise_boxed(name, factory).await?;
        }
    }

    let (report, reporter) = keep_health_report(statuses.clone(), log.clone());
    let upkeep = {
        let metrics = metrics.clone();
        SupervisedLoop::start(
            &statuses,
            "metrics_upkeep",
            6 * METRICS_UPKEEP,
            move |context| {
                let (metrics, of) = (metrics.clone(), context.clone());
                context.until_quit(async move {
                    let mut every = tokio::time::interval(METRICS_UPKEEP);
                    loop {
                        every.tick().await;
                        of.running();
                        metrics.run_upkeep();
                    }
                })
            },
        )
    };
    if let Some(audit) = &audit {
        let started = AuditEntry::new("program.started", Outcome::Done);
        audit.note(started.with("version", env!("CARGO_PKG_VERSION")));
    }
    let outcome = match (api, &audit) {
        (Some((listener, accounts)), Some(audit)) => {
            let mut loops = accounts::keep(&accounts, &statuses);
            let offer = {
                let accounts = Arc::clone(&accounts);
                tokio::spawn(async move { accounts.offer_setup().await })
            };
            let forgetting = Arc::clone(audit);
            loops.push(SupervisedLoop::start(
                &statuses,
                "audit_forgetting",
                FORGETTING,
                move |context| {
                    let audit = Arc::clone(&forgetting);
                    let of = context.clone();
                    context.until_quit(async move { audit.keep_forgetting(|| of.running()).await })
                },
            ));
            let cache = ListingCache::new(Arc::clone(&shared.state));
            let state = ApiState {
                market: Arc::new(CachedReader::new(
                    Reader::new(Arc::clone(&database) as _),
                    Arc::clone(&cache),
                )),
                listings: Arc::new(StoredListings::new(
                    Arc::clone(&database) as _,
                    cache,
                    database.listed.clone(),
                )),
                acts: Arc::new(AuditedActs::new(audit)),
                forecasts: Arc::new(forecasts.reader(&config, &database, &clock)),
                jobs: Jobs::new(Arc::clone(&database) as _, clock.clone()),
                forecast_tokens: config.forecasts.tokens.clone().into(),
                server_token: ServerToken::load(
                    config.http.admin_token.as_ref(),
                    &config.data_dir,
                )?,
                hub: Arc::clone(&hub),
                health: report,
                metrics,
                idempotency: Arc::new(IdempotencyKeys::open(Arc::clone(&database))),
                limits: Arc::new(Limits::new(
                    Arc::clone(&shared.state),
                    InProcess::new(clock.clone(), InProcessLimits::default()),
                    config.limits.clone(),
                )),
                clock,
                accounts,
                public_market_data: config.public_market_data,
                http: Arc::new(config.http.clone()),
                stream: Arc::new(config.stream.clone()),
                streams: StreamGate::default(),
            };
            let served = http::serve(listener, state, stop).await;
            for part in loops {
                part.stop().await;
            }
            offer.abort();
            served.context("the HTTP server failed")
        }
        _ => {
            stop.await;
            Ok(())
        }
    };

    if let Some(additions) = additions {
        additions.abort();
    }
    let (done, stopped) = oneshot::channel();
    if supervisor.send(StopAll(done)).await.is_ok()
        && tokio::time::timeout(STOP, stopped).await.is_err()
    {
        tracing::warn!("not every part ended in time; the next start recovers");
    }
    reporter.stop().await;
    upkeep.stop().await;
    if let Some(log) = log
        && let Err(error) = log.close().await
    {
        tracing::warn!(%error, "the event log was not closed in order");
    }
    if let Some(audit) = audit {
        audit.note(AuditEntry::new("program.stopped", Outcome::Done));
        audit.close().await;
    }
    if let Some(keeper) = keeper {
        keeper.stop().await;
    }
    tracing::info!("stopped");
    outcome
}

async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!(
            "cannot listen on {}: choose another address with --listen",
            config.listen
        )
    })?;
    let address = listener.local_addr()?;
    let scheme = match config.http.tls_certificate {
        Some(_) => "https",
        None => "http",
    };
    tracing::info!("{scheme}://{address}  (docs: {scheme}://{address}/docs)");
    if !address.ip().is_loopback() {
        if config.http.tls_certificate.is_none() {
            tracing::warn!(
                "others can reach {address}: passwords and tokens must not cross a network unencrypted, so set http.tls_certificate, or put a proxy with TLS in front"
            );
        }
        if config.accounts.registration == RegistrationMode::Open && !config.public_market_data {
            tracing::warn!(
                "everybody who reaches {address} may register: see accounts.registration"
            );
        }
    }
    Ok(listener)
}

/// What is needed to start parts.
struct Parts<'a> {
    config: &'a Config,
    statuses: &'a StatusRegistry,
    supervisor: &'a Addr<Supervisor>,
}

impl Parts<'_> {
    async fn start_candles(
        &self,
        log: &Arc<dyn EventLog>,
        database: &Arc<Database>,
        hub: &Arc<PushHub>,
    ) -> anyhow::Result<()> {
        let deps = PipelineDeps {
            log: Arc::clone(log),
            store: Arc::clone(database) as _,
            history: Arc::clone(database) as _,
            hub: Arc::clone(hub),
            rules: Rules {
                grace: self.config.candles.grace(),
                ..Rules::default()
            },
            committed: database.committed.clone(),
            statuses: self.statuses.clone(),
        };
        let started = pipeline::start(deps, self.supervisor).await;
        started.context("the supervisor is gone")
    }

    async fn supervise_boxed(&self, name: String, factory: PartFactory) -> anyhow::Result<()> {
        let supervise = Supervise { name, factory };
        self.supervisor
            .send(supervise)
            .await
            .context("the supervisor is gone")
    }
}
