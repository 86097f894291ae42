//! Settings of the HTTP server, of its limits and of the stream.

use std::path::PathBuf;

use coinsphere_actors::push::PushLimits;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::network::Network;

/// The HTTP server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSettings {
    /// Most connections at a time, streams not counted; more wait to be accepted.
    pub max_connections: u32,
    /// Largest request body, in bytes.
    pub body_limit_bytes: u64,
    /// Largest request body with files to import, in bytes.
    pub import_limit_bytes: u64,
    /// Longest time to answer a request, in milliseconds.
    pub request_timeout_ms: u64,
    /// The time requests in flight may take to finish when the program stops, in milliseconds.
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

/// Rate limits: so many requests within so many seconds up to now.
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
    /// The interval at which the server pings, in seconds.
    pub heartbeat_seconds: u64,
    /// A client from which nothing arrives for this long is closed, in seconds.
    pub idle_seconds: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            max_connections: 512,
            body_limit_bytes: 1 << 20,
            import_limit_bytes: 32 << 20,
            request_timeout_ms: 10_000,
            shutdown_timeout_ms: 10_000,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            admin_token: None,
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            anonymous: 100,
            anonymous_seconds: 900,
            user: 5_000,
            user_seconds: 900,
            authentication: 5,
            authentication_seconds: 900,
            strict: 10,
            strict_seconds: 60,
        }
    }
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self {
            max_clients: 400,
            max_topics: 200,
            max_message_bytes: 16_384,
            queue: 1_024,
            heartbeat_seconds: 15,
            idle_seconds: 60,
        }
    }
}

impl StreamSettings {
    /// The hub's limits.
    #[must_use]
    pub fn push_limits(&self) -> PushLimits {
        PushLimits {
            clients: self.max_clients as usize,
            topics: self.max_topics as usize,
            queue: self.queue as usize,
            ..PushLimits::default()
        }
    }
}
