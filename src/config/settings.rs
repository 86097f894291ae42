//! Every setting with its default. Field names are the keys of the TOML file; the environment's
//! names are derived from them (see `environment`).

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use coinsphere_pipelines::market::Symbol;
use coinsphere_pipelines::venues;
use secrecy::SecretString;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::network::Network;
use crate::accounts::AccountSettings;
use crate::forecasts::ForecastSettings;
use crate::market::MarketSettings;
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
    /// How candles are built.
    pub candles: CandleSettings,
    /// Which instrument stands for a token.
    pub market: MarketSettings,
    /// Forecasts.
    pub forecasts: ForecastSettings,
    /// The HTTP server.
    pub http: HttpSettings,
    /// How much callers may ask.
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
    /// How many partitions a new log gets.
    pub partitions: u32,
    /// How long records are kept, in hours, once every consumer has read them.
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
    /// What all keys there begin with, so that installations can share a server.
    pub prefix: String,
}

/// One venue.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VenueSettings {
    /// Whether to listen to it.
    pub enabled: bool,
    /// Where to connect instead of the venue's public endpoint.
    pub endpoint: Option<String>,
    /// What to listen to.
    pub instruments: Instruments,
}

/// Which of a venue's instruments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instruments {
    /// Those of the seeded tokens.
    Seeded,
    /// These, in the venue's own spelling.
    Only(Vec<Symbol>),
}

/// How candles are built.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CandleSettings {
    /// How long after its end a minute waits for late trades, in milliseconds.
    pub grace_ms: u64,
    /// Trades further ahead of our clock are refused, in seconds.
    pub max_ahead_seconds: u64,
}

/// The HTTP server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Most connections at a time, streams not counted; more wait to be accepted.
    pub max_connections: u32,
    /// Largest request body, in bytes.
    pub body_limit_bytes: u64,
    /// Longest time to answer a request, in milliseconds.
    pub request_timeout_ms: u64,
    /// How long requests in flight may take to finish when the program stops, in milliseconds.
    pub shutdown_timeout_ms: u64,
    /// Web origins whose pages may read answers, e.g. `https://example.org`, or `*`.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed: addresses or networks, e.g. `10.0.0.0/8`.
    pub trusted_proxies: Vec<Network>,
    /// The certificate chain to serve HTTPS with, PEM; without one the server speaks HTTP.
    pub tls_certificate: Option<PathBuf>,
    /// The certificate's private key, PEM.
    pub tls_key: Option<PathBuf>,
    /// The bearer token of administrators. Without one, it is made and kept in the data directory.
    #[serde(serialize_with = "crate::secrets::never_serialized")]
    pub admin_token: Option<SecretString>,
}

/// How much callers may ask: so many requests within so many seconds up to now.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// Requests of callers who are not signed in, by address.
    pub anonymous: u32,
    /// Within so many seconds.
    pub anonymous_seconds: u64,
    /// Requests of one who is signed in.
    pub user: u32,
    /// Within so many seconds.
    pub user_seconds: u64,
    /// Attempts to sign in and the like, by address, and by account and address.
    pub authentication: u32,
    /// Within so many seconds.
    pub authentication_seconds: u64,
    /// Requests to endpoints that cost much or decide much, by caller and endpoint.
    pub strict: u32,
    /// Within so many seconds.
    pub strict_seconds: u64,
}

/// The WebSocket stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSettings {
    /// Most clients at a time.
    pub max_clients: u32,
    /// Most topics a client may be subscribed to.
    pub max_topics: u32,
    /// Longest message a client may send, in bytes.
    pub max_message_bytes: u32,
    /// Messages that may wait for a slow client before it is closed.
    pub queue: u32,
    /// How often the server pings, in seconds.
    pub heartbeat_seconds: u64,
    /// A client from which nothing arrives for this long is closed, in seconds.
    pub idle_seconds: u64,
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
            candles: CandleSettings {
                grace_ms: 2_000,
                max_ahead_seconds: 60,
            },
            market: MarketSettings::default(),
            forecasts: ForecastSettings::default(),
            http: HttpSettings {
                max_connections: 512,
                body_limit_bytes: 1 << 20,
                request_timeout_ms: 10_000,
                shutdown_timeout_ms: 10_000,
                cors_origins: Vec::new(),
                trusted_proxies: Vec::new(),
                tls_certificate: None,
                tls_key: None,
                admin_token: None,
            },
            limits: LimitSettings {
                anonymous: 100,
                anonymous_seconds: 900,
                user: 5_000,
                user_seconds: 900,
                authentication: 5,
                authentication_seconds: 900,
                strict: 10,
                strict_seconds: 60,
            },
            stream: StreamSettings {
                max_clients: 400,
                max_topics: 200,
                max_message_bytes: 16_384,
                queue: 1_024,
                heartbeat_seconds: 15,
                idle_seconds: 60,
            },
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

impl Default for VenueSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            endpoint: None,
            instruments: Instruments::Seeded,
        }
    }
}

impl CandleSettings {
    /// How long after its end a minute waits for late trades.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }

    /// How far ahead of our clock a trade may be.
    #[must_use]
    pub const fn max_ahead(&self) -> Duration {
        Duration::from_secs(self.max_ahead_seconds)
    }
}

impl Serialize for Instruments {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Seeded => serializer.serialize_str("seeded"),
            Self::Only(symbols) => symbols.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Instruments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Instruments;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"seeded\" or a list of symbols")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Instruments, E> {
                if text == "seeded" {
                    return Ok(Instruments::Seeded);
                }
                Err(E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Instruments, A::Error> {
                let mut symbols = Vec::new();
                while let Some(text) = seq.next_element::<String>()? {
                    symbols.push(Symbol::new(&text).map_err(de::Error::custom)?);
                }
                Ok(Instruments::Only(symbols))
            }
        }
        deserializer.deserialize_any(Read)
    }
}
