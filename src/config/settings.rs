//! Every setting with its default. Field names are the keys of the TOML file; the environment's
//! names are derived from them (see `environment`).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use coinsphere_pipelines::log::LogSettings;
use coinsphere_pipelines::shared_state::RedisSettings;
use coinsphere_pipelines::store::DatabaseSettings;
use coinsphere_pipelines::venues;
use serde::{Deserialize, Serialize};

use crate::accounts::AccountSettings;
use crate::forecasts::ForecastSettings;
use crate::http::{HttpSettings, LimitSettings, StreamSettings};
use crate::market::{CandleSettings, MarketSettings, VenueSettings};
use crate::notifications::{MailSettings, NotificationSettings};
use crate::telemetry::LoggingSettings;

/// The whole configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where everything that lasts is kept: the event log, the private database.
    pub data_dir: PathBuf,
    /// Address and port of the HTTP API.
    pub listen: SocketAddr,
    /// The parts this process runs.
    pub roles: Vec<Role>,
    /// True if market data may be read without signing in.
    pub public_market_data: bool,
    /// The event log.
    pub log: LogSettings,
    /// The database.
    pub database: DatabaseSettings,
    /// Shared state between processes.
    pub redis: RedisSettings,
    /// One section for every venue this program knows, by its lower-case name.
    pub venues: BTreeMap<String, VenueSettings>,
    /// The building of candles.
    pub candles: CandleSettings,
    /// Which instrument stands for a token.
    pub market: MarketSettings,
    /// Forecasts.
    pub forecasts: ForecastSettings,
    /// The HTTP server.
    pub http: HttpSettings,
    /// Rate limits.
    pub limits: LimitSettings,
    /// The WebSocket stream.
    pub stream: StreamSettings,
    /// Who may have an account, and how accounts are protected.
    pub accounts: AccountSettings,
    /// Mail to users.
    pub mail: MailSettings,
    /// Notifications to users.
    pub notifications: NotificationSettings,
    /// The program's own messages.
    pub logging: LoggingSettings,
}

/// A part of the program that can run on its own.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Listens to the venues and appends their trades to the event log.
    Ingest,
    /// Builds candles from the event log and writes them to the database.
    Candles,
    /// Trains models and keeps their forecasts up to date.
    Forecasts,
    /// Serves HTTP and WebSocket.
    Api,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Candles, Self::Forecasts, Self::Api];
}

impl Config {
    /// The defaults, with this data directory.
    #[must_use]
    pub fn with_data_dir(data_dir: PathBuf) -> Self {
        Self {
            data_dir,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 3001)),
            roles: Role::ALL.to_vec(),
            public_market_data: false,
            log: LogSettings::default(),
            database: DatabaseSettings::default(),
            redis: RedisSettings::default(),
            venues: venues::ALL
                .iter()
                .map(|protocol| (protocol.venue().name().to_owned(), VenueSettings::default()))
                .collect(),
            candles: CandleSettings::default(),
            market: MarketSettings::default(),
            forecasts: ForecastSettings::default(),
            http: HttpSettings::default(),
            limits: LimitSettings::default(),
            stream: StreamSettings::default(),
            accounts: AccountSettings::default(),
            mail: MailSettings::default(),
            notifications: NotificationSettings::default(),
            logging: LoggingSettings::default(),
        }
    }

    /// Returns whether this process runs the part.
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}
