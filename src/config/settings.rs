//! Every setting with its default. Field names are the keys of the TOML file; the environment's
//! names are derived from them (see `environment`).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use coinsphere_pipelines::venues;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::accounts::AccountSettings;
use crate::forecasts::ForecastSettings;
use crate::http::{HttpSettings, LimitSettings, StreamSettings};
use crate::market::{CandleSettings, MarketSettings, VenueSettings};
use crate::notifications::MailSettings;
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
    /// Whether market data may be read without signing in.
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

/// The event log.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// Which implementation.
    pub kind: LogKind,
    /// Partitions of a new log.
    pub partitions: u32,
    /// Hours that records are kept once every consumer has read them.
    pub retention_hours: u64,
    /// Bytes at which appending stops.
    pub max_bytes: u64,
    /// Longest time between an append and its being durable, in milliseconds.
    pub sync_interval_ms: u64,
    /// Where Fluvio is, if it is the log.
    pub fluvio: FluvioSettings,
}

/// Which event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogKind {
    /// Files in the data directory.
    Embedded,
    /// A Fluvio cluster.
    Fluvio,
}

/// Where Fluvio is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FluvioSettings {
    /// Address of the cluster's streaming controller.
    pub endpoint: String,
    /// The topic that holds the trades.
    pub topic: String,
}

/// The database.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// Where the server is. Without one, a private server in the data directory is used.
    #[serde(serialize_with = "crate::secrets::never_serialized")]
    pub url: Option<SecretString>,
    /// Most connections the pool opens.
    pub connection_limit: u32,
    /// Longest wait for a new connection, in seconds.
    pub connect_timeout: u64,
    /// Longest wait for a free connection of the pool, in seconds.
    pub pool_timeout: u64,
}

/// Shared state between processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisSettings {
    /// Where Redis is. Without one, shared state lives in the process.
    #[serde(serialize_with = "crate::secrets::never_serialized")]
    pub url: Option<SecretString>,
    /// Its password, if the URL does not hold it.
    #[serde(serialize_with = "crate::secrets::never_serialized")]
    pub password: Option<SecretString>,
    /// The prefix of all keys, so that installations can share a server.
    pub prefix: String,
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
            log: LogSettings {
                kind: LogKind::Embedded,
                partitions: 4,
                retention_hours: 48,
                max_bytes: 10 << 30,
                sync_interval_ms: 50,
                fluvio: FluvioSettings {
                    endpoint: "127.0.0.1:9003".to_owned(),
                    topic: "coinsphere-trades".to_owned(),
                },
            },
            database: DatabaseSettings {
                url: None,
                connection_limit: 10,
                connect_timeout: 5,
                pool_timeout: 10,
            },
            redis: RedisSettings {
                url: None,
                password: None,
                prefix: "coinsphere".to_owned(),
            },
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
            logging: LoggingSettings::default(),
        }
    }

    /// Whether this process runs the part.
    #[must_use]
    pub fn has_role(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}
