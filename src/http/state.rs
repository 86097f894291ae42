//! The state that handlers and middleware work with, given to them by the program.

use std::sync::Arc;

use coinsphere_actors::push::PushHub;
use coinsphere_pipelines::clock::SharedClock;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use crate::accounts::Accounts;
use crate::audit::AdminActs;
use crate::config::{HttpSettings, StreamSettings};
use crate::forecasts::Forecasts;
use crate::http::controllers::stream;
use crate::http::middleware::limits::Limits;
use crate::idempotency::IdempotencyStore;
use crate::market::Listings;
use crate::market::MarketData;
use crate::secrets::ServerToken;
use crate::telemetry::HealthReport;

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    /// Tokens, instruments, candles and gaps.
    pub market: Arc<dyn MarketData>,
    /// Adds tokens.
    pub listings: Arc<dyn Listings>,
    /// Keeps a record of what administrators do.
    pub acts: Arc<dyn AdminActs>,
    /// Forecasts and models.
    pub forecasts: Arc<dyn Forecasts>,
    /// The tokens that are forecast, by CoinGecko id.
    pub forecast_tokens: Arc<[String]>,
    /// The token of programs that administer.
    pub server_token: ServerToken,
    /// Live trades and candles.
    pub hub: Arc<PushHub>,
    /// The state of every part, kept up to date by them.
    pub health: watch::Receiver<Arc<HealthReport>>,
    /// What `/metrics` renders.
    pub metrics: PrometheusHandle,
    /// The clock.
    pub clock: SharedClock,
    /// Who may do what.
    pub accounts: Arc<Accounts>,
    /// Whether market data may be read without signing in.
    pub public_market_data: bool,
    /// Limits of the HTTP server.
    pub http: Arc<HttpSettings>,
    /// Remembers mutations that were answered.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// How much callers may ask.
    pub limits: Arc<Limits>,
    /// Limits of the WebSocket stream.
    pub stream: Arc<StreamSettings>,
    /// Counts the open streams, so that stopping can wait for them.
    pub streams: stream::StreamGate,
}
