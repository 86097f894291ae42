//! The HTTP server: its socket, and the state that it works with.

use std::sync::Arc;

use anyhow::Context;
use coinsphere_actors::database::Database;
use coinsphere_actors::push::PushHub;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::shared_state::{InProcess, InProcessLimits, SharedState};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use super::{notifications, portfolios};
use crate::accounts::{Accounts, RegistrationMode};
use crate::audit::{AdminAuditLog, AuditLog};
use crate::config::Config;
use crate::forecasts::ForecastReader;
use crate::http::{ApiState, Limits, StreamGate};
use crate::idempotency::IdempotencyKeys;
use crate::jobs::Jobs;
use crate::market::{Reader, StoredListings};
use crate::secrets::ServerToken;
use crate::telemetry::HealthSource;
use crate::user_alerts::UserAlerts;
use crate::user_portfolios::PortfolioFigures;

/// Takes the configured address.
///
/// # Errors
/// When it cannot be had.
pub(super) async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
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
            tracing::warn!("anybody who reaches {address} may register: see accounts.registration");
        }
    }
    Ok(listener)
}

/// Dependencies of the state, besides the configuration.
pub(super) struct StateDeps<'a> {
    pub(super) database: &'a Arc<Database>,
    pub(super) shared: &'a Arc<dyn SharedState>,
    pub(super) audit: &'a Arc<AuditLog>,
    pub(super) accounts: Arc<Accounts>,
    pub(super) alerts: UserAlerts,
    pub(super) forecasts: ForecastReader,
    pub(super) hub: &'a Arc<PushHub>,
    pub(super) health: HealthSource,
    pub(super) metrics: PrometheusHandle,
    pub(super) clock: &'a SharedClock,
}

/// The state of the HTTP layer.
///
/// # Errors
/// When the administrators' token cannot be read or made, or there is no randomness to be had.
pub(super) fn state(config: &Config, deps: StateDeps<'_>) -> anyhow::Result<ApiState> {
    let database = deps.database;
    let fallback = InProcess::new(deps.clock.clone(), InProcessLimits::default());
    let token = config.http.admin_token.as_ref();
    let notifications = notifications::open(config, Arc::clone(database) as _, deps.clock.clone())?;
    let portfolios = portfolios::open(database, deps.clock, deps.audit)?;
    Ok(ApiState {
        market: Arc::new(Reader::new(Arc::clone(database) as _)),
        listings: Arc::new(StoredListings::new(Arc::clone(database) as _)),
        admin_audit: Arc::new(AdminAuditLog::new(deps.audit)),
        forecasts: Arc::new(deps.forecasts),
        figures: PortfolioFigures::new(portfolios.clone(), Arc::clone(deps.hub)),
        portfolios,
        alerts: deps.alerts,
        notifications,
        jobs: Jobs::new(Arc::clone(database) as _, deps.clock.clone()),
        forecast_tokens: config.forecasts.tokens.clone().into(),
        server_token: ServerToken::load(token, &config.data_dir)?,
        hub: Arc::clone(deps.hub),
        health: deps.health,
        metrics: deps.metrics,
        clock: deps.clock.clone(),
        accounts: deps.accounts,
        public_market_data: config.public_market_data,
        http: Arc::new(config.http.clone()),
        idempotency: Arc::new(IdempotencyKeys::open(Arc::clone(database))),
        limits: Arc::new(Limits::new(
            Arc::clone(deps.shared),
            fallback,
            config.limits.clone(),
        )),
        stream: Arc::new(config.stream.clone()),
        streams: StreamGate::default(),
    })
}
