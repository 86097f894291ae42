//! Settings of the log on Fluvio.

use std::time::Duration;

/// The Fluvio log's settings. Every field but the address has a default.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct FluvioConfig {
    /// The cluster's SC, `host:port`.
    pub endpoint: String,
    /// The topic; created if absent, with `<topic>-identity` next to it. Default `trades`.
    #[serde(default = "defaults::topic")]
    pub topic: String,
    /// Partitions of a topic that is being created (1 to 256). Default 4.
    #[serde(default = "defaults::partitions")]
    pub partitions: u32,
    /// Copies of each partition of a topic that is being created. Default 1.
    #[serde(default = "defaults::replication")]
    pub replication: u32,
    /// The time for which Fluvio keeps the records of a topic that is being created, in seconds. It does so
    /// whether or not they have been consumed. Default 48 h.
    #[serde(default = "defaults::retention_s")]
    pub retention_s: u32,
    /// Bytes at which Fluvio removes a partition's oldest records, for a topic that is being
    /// created. Default 8 GiB.
    #[serde(default = "defaults::max_partition_bytes")]
    pub max_partition_bytes: u64,
    /// The time the client gathers records into a request, in ms. Default 5: with 0 or 1 the
    /// slowest percent takes over 100 ms.
    #[serde(default = "defaults::linger_ms")]
    pub linger_ms: u64,
    /// Appended records that are not acknowledged yet, at most, in bytes of memory. Default 32 MiB.
    #[serde(default = "defaults::outbox_bytes")]
    pub outbox_bytes: usize,
    /// The time `append` waits to be acknowledged before it gives up, in ms. Default 5,000.
    #[serde(default = "defaults::append_timeout_ms")]
    pub append_timeout_ms: u64,
    /// Records a partition keeps in memory for its readers, at most. Default 65,536.
    #[serde(default = "defaults::tail_records")]
    pub tail_records: usize,
    /// Bytes of memory a partition's records may take, at most. Default 8 MiB.
    #[serde(default = "defaults::tail_bytes")]
    pub tail_bytes: usize,
    /// Streams kept open for readers that are behind, at most, each with a fetch of up to 8 MiB.
    /// Default 4.
    #[serde(default = "defaults::readers")]
    pub readers: usize,
}

mod defaults {
    pub(super) fn topic() -> String {
        "trades".into()
    }
    pub(super) const fn partitions() -> u32 {
        4
    }
    pub(super) const fn replication() -> u32 {
        1
    }
    pub(super) const fn retention_s() -> u32 {
        48 * 3_600
    }
    pub(super) const fn max_partition_bytes() -> u64 {
        8 << 30
    }
    pub(super) const fn linger_ms() -> u64 {
        5
    }
    pub(super) const fn outbox_bytes() -> usize {
        32 << 20
    }
    pub(super) const fn append_timeout_ms() -> u64 {
        5_000
    }
    pub(super) const fn tail_records() -> usize {
        65_536
    }
    pub(super) const fn tail_bytes() -> usize {
        8 << 20
    }
    pub(super) const fn readers() -> usize {
        4
    }
}

impl FluvioConfig {
    /// The defaults, at `endpoint`.
    #[must_use]
    pub fn at(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            topic: defaults::topic(),
            partitions: defaults::partitions(),
            replication: defaults::replication(),
            retention_s: defaults::retention_s(),
            max_partition_bytes: defaults::max_partition_bytes(),
            linger_ms: defaults::linger_ms(),
            outbox_bytes: defaults::outbox_bytes(),
            append_timeout_ms: defaults::append_timeout_ms(),
            tail_records: defaults::tail_records(),
            tail_bytes: defaults::tail_bytes(),
            readers: defaults::readers(),
        }
    }

    pub(super) const fn append_timeout(&self) -> Duration {
        Duration::from_millis(self.append_timeout_ms)
    }
}
