//! Which event log, as the configuration names it.

use serde::{Deserialize, Serialize};

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

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            kind: LogKind::Embedded,
            partitions: 4,
            retention_hours: 48,
            max_bytes: 10 << 30,
            sync_interval_ms: 50,
            fluvio: FluvioSettings {
                endpoint: "127.0.0.1:9003".to_owned(),
                topic: "coinsphere-trades".to_owned(),
            },
        }
    }
}
