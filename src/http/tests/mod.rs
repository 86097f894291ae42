//! Requests to the whole application, with the market's records in memory; the files mirror the
//! routes.

mod accounts;
mod additions;
mod bodies;
mod candles;
mod dashboard;
mod documents;
mod errors;
mod forecasts;
mod hardening;
mod health;
mod instruments;
mod limited_routes;
mod limits;
mod memory;
mod server;
mod stopping;
mod stream;
mod tls;
mod tokens;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use coinsphere_actors::push::{PushHub, PushLimits};
use coinsphere_actors::supervision::StatusRegistry;
use coinsphere_pipelines::clock::{ManualClock, SystemClock};
use coinsphere_pipelines::market::Timestamp;
use coinsphere_pipelines::shared_state::{InProcess, InProcessLimits};
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt as _;

use self::memory::MemoryMarket;
use super::*;
use crate::config::Config;
use crate::forecasts::{Estimate, Forecasts, Judged, ModelVersion, PastQuery, PromoteError, Skill};
use crate::market::ReadError;
use crate::secrets::ServerToken;
use crate::telemetry::{HealthReport, HealthSource, ServiceHealth, ServiceStatus, recorder};

/// The time all tests begin at.
const NOW: &str = "2024-08-09T00:00:30Z";

/// An application, and what can be turned behind its back.
pub(super) struct App {
    state: ApiState,
    /// Made of the state at the first request: making it takes longer than most requests.
    router: OnceLock<Router>,
    clock: Arc<ManualClock>,
    health: watch::Sender<Arc<HealthReport>>,
    market: Arc<MemoryMarket>,
    listings: Arc<additions::MemoryListings>,
    hub: Arc<PushHub>,
    statuses: StatusRegistry,
}

/// An answer, read whole.
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

impl App {
    fn new() -> Self {
        let config = Config::with_data_dir(PathBuf::from("nowhere"));
        Self::with(config.stream.push_limits(), |_| {})
    }

    fn with(limits: PushLimits, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::with_data_dir(PathBuf::from("nowhere"));
        // Tests of other things ask as much as they like; limits have tests of their own.
        config.limits.anonymous = 1_000_000;
        change(&mut config);
        let clock = ManualClock::at(at(NOW));
        let market = Arc::new(MemoryMarket::seeded());
        let listings = Arc::new(additions::MemoryListings::default());
        let hub = PushHub::new(limits);
        let mut report = HealthReport::default();
        report.set("database", ServiceHealth::new(ServiceStatus::Ok));
        let health = watch::Sender::new(Arc::new(report));
        let portfolios = crate::user_portfolios::UserPortfolios::new(
            Arc::new(accounts::Nowhere),
            clock.clone(),
            crate::secrets::Randomness::of_system().unwrap(),
            Arc::new(crate::accounts::Logged),
        );
        let alerts = crate::user_alerts::UserAlerts::new(
            Arc::new(accounts::Nowhere),
            clock.clone(),
            crate::secrets::Randomness::of_system().unwrap(),
            hub.clone(),
        );
        let keys = tempfile::tempdir().unwrap();
        config.accounts.keys_dir = Some(keys.path().to_owned());
        let notifications =
            crate::app::notifications::open(&config, Arc::new(accounts::Nowhere), clock.clone())
                .unwrap();
        let state = ApiState {
            market: market.clone(),
            listings: listings.clone(),
            admin_audit: listings.clone(),
            forecasts: Arc::new(forecasts::MemoryForecasts::default()),
            jobs: crate::jobs::Jobs::new(Arc::new(accounts::Nowhere), clock.clone()),
            figures: crate::user_portfolios::PortfolioFigures::new(portfolios.clone(), hub.clone()),
            portfolios,
            alerts,
            notifications,
            forecast_tokens: config.forecasts.tokens.clone().into(),
            server_token: ServerToken::new(&secrecy::SecretString::from(forecasts::TOKEN)),
            hub: hub.clone(),
            health: {
                let report = health.subscribe();
                HealthSource::new(move || (**report.borrow()).clone())
            },
            metrics: recorder().unwrap().build_recorder().handle(),
            idempotency: Arc::new(memory::MemoryKeys::default()),
            limits: Arc::new(Limits::new(
                InProcess::new(clock.clone(), InProcessLimits::default()),
                InProcess::new(clock.clone(), InProcessLimits::default()),
                config.limits,
            )),
            clock: clock.clone(),
            accounts: accounts::nowhere(),
            public_market_data: true,
            http: Arc::new(config.http),
            stream: Arc::new(config.stream),
            streams: StreamGate::default(),
        };
        Self {
            state,
            router: OnceLock::new(),
            clock,
            health,
            market,
            listings,
            hub,
            statuses: StatusRegistry::new(SystemClock::shared()),
        }
    }

    fn router(&self) -> Router {
        self.router
            .get_or_init(|| router(self.state.clone()))
            .clone()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router(), request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    #[track_caller]
    fn is(&self, status: u16, body: Value) -> &Self {
        assert_eq!((self.status.as_u16(), self.json()), (status, body));
        self
    }

    #[track_caller]
    fn is_problem(&self, status: u16, kind: &str) -> Value {
        let body = self.json();
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{body}"
        );
        assert_eq!(body["type"], format!("/problems/{kind}"), "{body}");
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(self.status.as_u16(), status, "{body}");
        body
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}
