//! The application over a database of its own, and requests to it.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use coinsphere::accounts::Accounts;
use coinsphere::accounts::AuditTrail;
use coinsphere::app::accounts;
use coinsphere::audit::AdminAuditLog;
use coinsphere::audit::{AuditLog, ChainSigner};
use coinsphere::config::Config;
use coinsphere::forecasts::{Forecasts, Judged, ModelVersion, PastQuery, PromoteError, Skill};
use coinsphere::http::{self, ApiState, Limits, Peer, StreamGate};
use coinsphere::idempotency::IdempotencyKeys;
use coinsphere::jobs::Jobs;
use coinsphere::market::{self, MarketData, ReadError};
use coinsphere::secrets::{Randomness, ServerToken};
use coinsphere::telemetry::{HealthReport, HealthSource};
use coinsphere::user_alerts::UserAlerts;
use coinsphere::user_portfolios::{PortfolioFigures, UserPortfolios};
use coinsphere_actors::push::{PushHub, PushLimits};
use coinsphere_actors::supervision::{StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::clock::{ManualClock, SystemClock};
use coinsphere_pipelines::coverage::Coverage;
use coinsphere_pipelines::market::{AssetId, InstrumentKey, Interval, Symbol, Timestamp, Venue};
use coinsphere_pipelines::shared_state::{InProcess, InProcessLimits, SharedState};
use coinsphere_pipelines::store::{
    DatabaseUrl, Listing, NewToken, Store, StoreConfig, StoredForecast,
};
use coinsphere_pipelines::time_ranges::TimeRange;
use serde_json::{Value, json};
use tokio_postgres::NoTls;
use tower::ServiceExt as _;

use super::smtp::Sink;

/// A password that may be one.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// The database server, with a migrated database to copy.
pub(crate) struct Server {
    url: DatabaseUrl,
    keys: PathBuf,
    made: AtomicU32,
}

/// A database of one's own, and a time.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) url: DatabaseUrl,
    pub(crate) keys: PathBuf,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) data_dir: Arc<tempfile::TempDir>,
    /// Where limits are counted, if not in each process for itself.
    pub(crate) shared: Option<Arc<dyn SharedState>>,
}

/// One process's application.
pub(crate) struct App {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Store,
    pub(crate) state: ApiState,
    router: Router,
    keeping_up: Vec<SupervisedLoop>,
    pub(crate) statuses: StatusRegistry,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Somebody's tokens.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Server {
    pub(crate) async fn prepare(url: DatabaseUrl, keys: PathBuf) -> Self {
        let server = Self {
            url,
            keys,
            made: AtomicU32::new(0),
        };
        server.admin("CREATE DATABASE model").await;
        let config = StoreConfig::new(server.url.with_database("model"));
        Store::migrate(&config).await.unwrap();
        server
    }

    pub(crate) async fn place(&self) -> Place {
        let name = format!("t{}", self.made.fetch_add(1, Ordering::SeqCst));
        self.admin(&format!("CREATE DATABASE {name} TEMPLATE model"))
            .await;
        Place {
            url: self.url.with_database(&name),
            keys: self.keys.clone(),
            clock: ManualClock::at(Timestamp::parse_rfc3339("2026-03-01T12:00:00Z").unwrap()),
            data_dir: Arc::new(tempfile::tempdir().unwrap()),
            shared: None,
        }
    }

    async fn admin(&self, statement: &str) {
        let url = self.url.with_database("postgres");
        let (client, connection) = url.config().connect(NoTls).await.unwrap();
        let driving = tokio::spawn(connection);
        client.batch_execute(statement).await.unwrap();
        drop(client);
        driving.await.unwrap().unwrap();
    }
}

impl Place {
    /// A process that hears of what others do.
    pub(crate) async fn app(&self) -> App {
        let mut app = self.app_with(|_| {}).await;
        app.keep_up().await;
        app
    }

    /// A process whose emails go to this server.
    pub(crate) async fn app_with_mail(&self, sink: &Sink) -> App {
        let url = sink.url();
        let mut app = self
            .app_with(|config| {
                config.mail.smtp_url = Some(url.into());
                config.accounts.public_url = Some("https://coins.example/".to_owned());
            })
            .await;
        app.keep_up().await;
        app
    }

    /// A process that does not hear (yet), with other settings.
    pub(crate) async fn app_with(&self, change: impl FnOnce(&mut Config)) -> App {
        let own = || InProcess::new(self.clock.clone(), InProcessLimits::default());
        let mut config = Config::with_data_dir(self.data_dir.path().to_owned());
        config.accounts.keys_dir = Some(self.keys.clone());
        // As cheap as can be: what hashing costs is no part of these tests.
        config.accounts.password_memory_kib = 32;
        config.accounts.password_passes = 1;
        config.accounts.password_threads = 4;
        // The tests of limits set their own.
        config.limits.anonymous = 1_000_000;
        config.limits.authentication = 1_000_000;
        config.limits.strict = 1_000_000;
        change(&mut config);
        let store = Store::connect(&StoreConfig {
            connection_limit: 8,
            ..StoreConfig::new(self.url.clone())
        })
        .await
        .unwrap();
        let seal = ChainSigner::open(self.data_dir.path()).unwrap();
        let statuses = StatusRegistry::new(SystemClock::shared());
        let audit = AuditLog::open(store.clone(), self.clock.clone(), seal, &statuses);
        let events = Arc::new(AuditTrail::new(&audit));
        let source = Arc::new(store.clone());
        let portfolios = UserPortfolios::new(
            source.clone(),
            self.clock.clone(),
            Randomness::of_system().unwrap(),
            events.clone(),
        );
        let notifications =
            coinsphere::app::notifications::open(&config, source.clone(), self.clock.clone())
                .unwrap();
        let accounts = accounts::open(&config, source, self.clock.clone(), events).unwrap();
        let shared = self.shared.clone().unwrap_or_else(|| own());
        let hub = PushHub::new(PushLimits::default());
        let state = ApiState {
            market: Arc::new(EmptyMarket),
            listings: Arc::new(NoListings),
            admin_audit: Arc::new(AdminAuditLog::new(&audit)),
            hub: hub.clone(),
            health: HealthSource::new(HealthReport::default),
            metrics: coinsphere::telemetry::recorder()
                .unwrap()
                .build_recorder()
                .handle(),
            clock: self.clock.clone(),
            accounts: accounts.clone(),
            public_market_data: config.public_market_data,
            forecasts: Arc::new(NoForecasts),
            jobs: Jobs::new(Arc::new(store.clone()), self.clock.clone()),
            figures: PortfolioFigures::new(portfolios.clone(), hub.clone()),
            portfolios,
            alerts: UserAlerts::new(
                Arc::new(store.clone()),
                self.clock.clone(),
                Randomness::of_system().unwrap(),
                hub.clone(),
            ),
            notifications,
            forecast_tokens: Arc::from([]),
            server_token: ServerToken::new(&"a-token-of-administrators".into()),
            idempotency: Arc::new(IdempotencyKeys::open(store.clone())),
            limits: Arc::new(Limits::new(shared, own(), config.limits)),
            http: Arc::new(config.http),
            stream: Arc::new(config.stream),
            streams: StreamGate::default(),
        };
        App {
            accounts,
            clock: self.clock.clone(),
            store,
            router: http::router(state.clone()),
            state,
            keeping_up: Vec::new(),
            statuses,
        }
    }
}

impl App {
    /// Begins to hear of what others do.
    pub(crate) async fn keep_up(&mut self) {
        self.keeping_up = coinsphere::app::accounts::keep(&self.accounts, &self.statuses);
        let accounts = self.accounts.clone();
        eventually("it hears", || accounts.hears_revocations()).await;
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        self.send_from("203.0.113.1", method, path, token, body)
            .await
    }

    pub(crate) async fn send_from(
        &self,
        address: &str,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::USER_AGENT, "the tests")
            .extension(Peer(address.parse::<IpAddr>().unwrap()));
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send_request(request.body(body).unwrap()).await
    }

    /// A request as it is.
    pub(crate) async fn send_request(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request);
        let (parts, body) = response.await.unwrap().into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, Some(token), None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, None, Some(&body)).await
    }

    pub(crate) async fn me(&self, token: &str) -> Answer {
        self.get("/api/v1/auth/me", token).await
    }

    pub(crate) async fn register(&self, email: &str) -> Value {
        let body = json!({"email": email, "password": PASSWORD});
        self.post("/api/v1/auth/register", body).await.good(201)
    }

    pub(crate) async fn try_login(&self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.post("/api/v1/auth/login", body).await
    }

    pub(crate) async fn login(&self, email: &str) -> Pair {
        self.try_login(email, PASSWORD).await.pair()
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        let body = json!({"refresh_token": token});
        self.post("/api/v1/auth/refresh", body).await
    }

    /// Rows of the database, asked directly.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<tokio_postgres::Row> {
        let session = self.store.session().await.unwrap();
        session.query(sql, &[]).await.unwrap()
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn good(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        if self.body.is_empty() {
            return Value::Null;
        }
        self.json()
    }

    #[track_caller]
    pub(crate) fn pair(&self) -> Pair {
        let body = self.good(200);
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 900);
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store");
        Pair {
            access: body["access_token"].as_str().unwrap().to_owned(),
            refresh: body["refresh_token"].as_str().unwrap().to_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, kind: &str) -> Value {
        let body = self.json();
        assert_eq!(body["type"], format!("/problems/{kind}"), "{body}");
        assert_eq!(
            (self.status, &body["status"]),
            (status, &json!(status)),
            "{body}"
        );
        body
    }
}

/// Waits for something that another task does.
pub(crate) async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

/// Waits until a process answers a token so.
pub(crate) async fn eventually_status(app: &App, token: &str, status: u16) {
    let waiting = async {
        while app.me(token).await.status != status {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {status}"));
}

/// Waits until a query finds a row.
pub(crate) async fn eventually_rows(app: &App, sql: &str) {
    let waiting = async {
        while app.rows(sql).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {sql}"));
}

/// Nothing is traded.
/// Nothing is forecast.
struct NoForecasts;

#[async_trait]
impl Forecasts for NoForecasts {
    async fn newest(&self, _: &AssetId, _: Interval) -> Result<Vec<Judged>, ReadError> {
        Ok(Vec::new())
    }

    async fn past(&self, _: &PastQuery) -> Result<Vec<StoredForecast>, ReadError> {
        Ok(Vec::new())
    }

    async fn track_record(&self, _: &PastQuery) -> Result<Option<Skill>, ReadError> {
        Ok(None)
    }

    async fn instrument(&self, _: &AssetId) -> Result<Option<InstrumentKey>, ReadError> {
        Ok(None)
    }

    async fn models(&self) -> Result<Vec<ModelVersion>, ReadError> {
        Ok(Vec::new())
    }

    async fn model(&self, _: &str) -> Result<Option<ModelVersion>, ReadError> {
        Ok(None)
    }

    async fn promote(&self, _: &str) -> Result<ModelVersion, PromoteError> {
        Err(PromoteError::Unknown)
    }

    async fn train(
        &self,
        _: Option<&AssetId>,
        _: Option<Interval>,
        _: Option<uuid::Uuid>,
    ) -> Result<Option<Vec<String>>, ReadError> {
        Ok(Some(Vec::new()))
    }
}

/// Nothing is added here.
struct NoListings;

#[async_trait]
impl market::Listings for NoListings {
    async fn add(&self, _: &NewToken) -> Result<Listing, ReadError> {
        Err(ReadError::Failed("no tokens here".to_owned()))
    }
}

struct EmptyMarket;

#[async_trait]
impl MarketData for EmptyMarket {
    async fn tokens(&self, _: Option<&str>, _: usize) -> Result<Vec<market::Token>, ReadError> {
        Ok(Vec::new())
    }

    async fn token(&self, _: &str) -> Result<market::TokenLookup, ReadError> {
        Ok(market::TokenLookup::Unknown)
    }

    async fn instruments(
        &self,
        _: &market::InstrumentFilter,
        _: Option<&str>,
        _: usize,
    ) -> Result<Vec<market::Instrument>, ReadError> {
        Ok(Vec::new())
    }

    async fn instrument(
        &self,
        _: Venue,
        _: &[Symbol],
    ) -> Result<Option<market::Instrument>, ReadError> {
        Ok(None)
    }

    async fn candles(&self, _: &market::CandlesQuery) -> Result<market::Candles, ReadError> {
        Ok(market::Candles::default())
    }

    async fn coverage(
        &self,
        _: &InstrumentKey,
        _: Interval,
        _: TimeRange,
    ) -> Result<Coverage, ReadError> {
        Ok(Coverage::default())
    }

    async fn instruments_of(&self, _: &AssetId) -> Result<Vec<market::Instrument>, ReadError> {
        Ok(Vec::new())
    }
}
