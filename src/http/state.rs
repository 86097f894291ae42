//! The state of the HTTP layer: the program gives all of it, and each feature's handlers and each layer take
//! their own part. Nothing here knows a handler or a layer.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use coinsphere_actors::push::PushHub;
use coinsphere_pipelines::clock::SharedClock;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::accounts::Accounts;
use crate::audit::AdminAudit;
use crate::forecasts::Forecasts;
use crate::http::limits::Limits;
use crate::http::settings::{HttpSettings, StreamSettings};
use crate::http::stream_gate::StreamGate;
use crate::idempotency::IdempotencyStore;
use crate::jobs::Jobs;
use crate::market::{Listings, MarketData};
use crate::notifications::Notifications;
use crate::secrets::ServerToken;
use crate::telemetry::HealthSource;
use crate::user_alerts::UserAlerts;
use crate::user_portfolios::{PortfolioFigures, UserPortfolios};

/// All of it.
#[derive(Clone)]
pub struct ApiState {
    /// Tokens, instruments, candles and gaps.
    pub market: Arc<dyn MarketData>,
    /// Adds tokens.
    pub listings: Arc<dyn Listings>,
    /// Keeps a record of what administrators do.
    pub admin_audit: Arc<dyn AdminAudit>,
    /// Forecasts and models.
    pub forecasts: Arc<dyn Forecasts>,
    /// Work that is done later.
    pub jobs: Jobs,
    /// Notifications of users, and the channels that deliver them.
    pub notifications: Notifications,
    /// The portfolios of users.
    pub portfolios: UserPortfolios,
    /// Figures computed of them.
    pub figures: PortfolioFigures,
    /// The alerts of users.
    pub alerts: UserAlerts,
    /// The tokens that are forecast, by CoinGecko id.
    pub forecast_tokens: Arc<[String]>,
    /// The token of programs that administer.
    pub server_token: ServerToken,
    /// Live trades and candles.
    pub hub: Arc<PushHub>,
    /// The state of every part, kept up to date by them.
    pub health: HealthSource,
    /// The metrics that `/metrics` renders.
    pub metrics: PrometheusHandle,
    /// The clock.
    pub clock: SharedClock,
    /// Who may do what.
    pub accounts: Arc<Accounts>,
    /// True if market data may be read without signing in.
    pub public_market_data: bool,
    /// Limits of the HTTP server.
    pub http: Arc<HttpSettings>,
    /// Remembers mutations that were answered.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// The rate limits.
    pub limits: Arc<Limits>,
    /// Limits of the WebSocket stream.
    pub stream: Arc<StreamSettings>,
    /// Counts the open streams, so that stopping can wait for them.
    pub streams: StreamGate,
}

/// All of it as the router has it: each request clones it for every layer, which has to cost one counter
/// rather than one a field.
#[derive(Clone)]
pub(in crate::http) struct SharedState(Arc<ApiState>);

impl SharedState {
    /// Shares a state.
    pub(in crate::http) fn new(state: ApiState) -> Self {
        Self(Arc::new(state))
    }
}

impl Deref for SharedState {
    type Target = ApiState;

    fn deref(&self) -> &ApiState {
        &self.0
    }
}

/// A part of the state: the fields of [`ApiState`] that one feature needs.
macro_rules! part {
    ($(#[$about:meta])* $part:ident { $($field:ident: $of:ty),* $(,)? }) => {
        $(#[$about])*
        #[derive(Clone)]
        pub(in crate::http) struct $part {
            $(pub(in crate::http) $field: $of,)*
        }

        impl FromRef<SharedState> for $part {
            fn from_ref(state: &SharedState) -> Self {
                Self { $($field: state.$field.clone(),)* }
            }
        }
    };
}

part! {
    /// Tokens, instruments and candles.
    MarketState {
        market: Arc<dyn MarketData>,
        listings: Arc<dyn Listings>,
        admin_audit: Arc<dyn AdminAudit>,
        hub: Arc<PushHub>,
        clock: SharedClock,
    }
}

part! {
    /// Forecasts and models.
    ForecastState {
        forecasts: Arc<dyn Forecasts>,
        forecast_tokens: Arc<[String]>,
        market: Arc<dyn MarketData>,
        admin_audit: Arc<dyn AdminAudit>,
    }
}

part! {
    /// Work that is done later.
    JobsState {
        jobs: Jobs,
        admin_audit: Arc<dyn AdminAudit>,
    }
}

part! {
    /// Notifications of users, and their channels.
    NotificationState {
        notifications: Notifications,
    }
}

part! {
    /// The portfolios of users.
    PortfolioState {
        portfolios: UserPortfolios,
        figures: PortfolioFigures,
    }
}

part! {
    /// The alerts of users.
    AlertState {
        alerts: UserAlerts,
        notifications: Notifications,
    }
}

part! {
    /// Accounts, and what says who may ask for how much.
    AccountState {
        accounts: Arc<Accounts>,
        server_token: ServerToken,
        public_market_data: bool,
        limits: Arc<Limits>,
        http: Arc<HttpSettings>,
    }
}

part! {
    /// The WebSocket stream.
    StreamState {
        hub: Arc<PushHub>,
        stream: Arc<StreamSettings>,
        streams: StreamGate,
        portfolios: UserPortfolios,
        alerts: UserAlerts,
        clock: SharedClock,
    }
}

part! {
    /// Mutations that were answered.
    IdempotencyState {
        idempotency: Arc<dyn IdempotencyStore>,
        http: Arc<HttpSettings>,
    }
}

part! {
    /// The state of the server: health and metrics.
    OperationState {
        health: HealthSource,
        metrics: PrometheusHandle,
        clock: SharedClock,
    }
}
