//! Settings of the embedded log.

use std::path::PathBuf;
use std::time::Duration;

/// The embedded log's settings. Every field but the directory has a default.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddedConfig {
    /// Where the log lives; created if absent, locked while open.
    pub dir: PathBuf,
    /// Partitions of a log that is being created (1 to 256); an existing log keeps the number it
    /// was created with. Default 4.
    #[serde(default = "defaults::partitions")]
    pub partitions: u32,
    /// The pause between two group commits, in ms: how much later than a lone record the next ones
    /// become durable, and what an fsync costs. Default 20.
    #[serde(default = "defaults::commit_interval_ms")]
    pub commit_interval_ms: u64,
    /// Appended records that are not yet durable, at most, in bytes of memory. Default 32 MiB.
    #[serde(default = "defaults::outbox_bytes")]
    pub outbox_bytes: usize,
    /// The time `append` waits for room in the outbox before it gives up, in ms. Default 2,000.
    #[serde(default = "defaults::append_timeout_ms")]
    pub append_timeout_ms: u64,
    /// Records a partition keeps in memory for its readers, at most. Default 65,536.
    #[serde(default = "defaults::tail_records")]
    pub tail_records: usize,
    /// Bytes of memory a partition's records may take, at most. Default 4 MiB.
    #[serde(default = "defaults::tail_bytes")]
    pub tail_bytes: usize,
    /// Records older than this may be removed, in seconds. Default 48 h.
    #[serde(default = "defaults::retention_s")]
    pub retention_s: u64,
    /// Records received at most this long before the slowest consumer's position stay, so that a
    /// late trade's minute can be built again, in seconds. Default 24 h.
    #[serde(default = "defaults::correction_horizon_s")]
    pub correction_horizon_s: u64,
    /// Bytes of records at which the oldest are removed early or, where they may not be, appending
    /// stops. The database's own journal takes up to 192 MiB more. Default 8 GiB.
    #[serde(default = "defaults::max_bytes")]
    pub max_bytes: u64,
    /// Bytes of one partition's records that are removed together. Default 4 MiB.
    #[serde(default = "defaults::chunk_bytes")]
    pub chunk_bytes: u64,
    /// A partition's records in the database's memory, in bytes; there may be three times as many
    /// while they are written out. Fixed when the log is created. Default 4 MiB.
    #[serde(default = "defaults::memtable_bytes")]
    pub memtable_bytes: u64,
    /// Reads from the disk that may run at once. Default 4.
    #[serde(default = "defaults::readers")]
    pub readers: usize,
}

mod defaults {
    pub(super) const fn partitions() -> u32 {
        4
    }
    pub(super) const fn commit_interval_ms() -> u64 {
        20
    }
    pub(super) const fn outbox_bytes() -> usize {
        32 << 20
    }
    pub(super) const fn append_timeout_ms() -> u64 {
        2_000
    }
    pub(super) const fn tail_records() -> usize {
        65_536
    }
    pub(super) const fn tail_bytes() -> usize {
        4 << 20
    }
    pub(super) const fn retention_s() -> u64 {
        48 * 3_600
    }
    pub(super) const fn correction_horizon_s() -> u64 {
        24 * 3_600
    }
    pub(super) const fn max_bytes() -> u64 {
        8 << 30
    }
    pub(super) const fn chunk_bytes() -> u64 {
        4 << 20
    }
    pub(super) const fn memtable_bytes() -> u64 {
        4 << 20
    }
    pub(super) const fn readers() -> usize {
        4
    }
}

impl EmbeddedConfig {
    /// The defaults, in `dir`.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            partitions: defaults::partitions(),
            commit_interval_ms: defaults::commit_interval_ms(),
            outbox_bytes: defaults::outbox_bytes(),
            append_timeout_ms: defaults::append_timeout_ms(),
            tail_records: defaults::tail_records(),
            tail_bytes: defaults::tail_bytes(),
            retention_s: defaults::retention_s(),
            correction_horizon_s: defaults::correction_horizon_s(),
            max_bytes: defaults::max_bytes(),
            chunk_bytes: defaults::chunk_bytes(),
            memtable_bytes: defaults::memtable_bytes(),
            readers: defaults::readers(),
        }
    }

    /// Refuses what cannot work, naming the field and what is allowed.
    pub(super) fn validate(&self) -> Result<(), String> {
        let checks = [
            (
                (1..=256).contains(&self.partitions),
                "partitions must be 1 to 256",
            ),
            (
                (1..=10_000).contains(&self.commit_interval_ms),
                "commit_interval_ms must be 1 to 10000",
            ),
            (
                self.outbox_bytes >= 4_096,
                "outbox_bytes must be at least 4096",
            ),
            (
                self.append_timeout_ms >= 1,
                "append_timeout_ms must be at least 1",
            ),
            (
                self.chunk_bytes >= 1_024,
                "chunk_bytes must be at least 1024",
            ),
            (
                self.max_bytes >= self.chunk_bytes.saturating_mul(4),
                "max_bytes must be at least 4 times chunk_bytes",
            ),
            (
                self.memtable_bytes >= 65_536,
                "memtable_bytes must be at least 65536",
            ),
            (self.readers >= 1, "readers must be at least 1"),
        ];
        match checks.iter().find(|(ok, _)| !ok) {
            Some((_, rule)) => Err(format!("log.{rule}")),
            None => Ok(()),
        }
    }

    pub(super) const fn commit_interval(&self) -> Duration {
        Duration::from_millis(self.commit_interval_ms)
    }

    pub(super) const fn append_timeout(&self) -> Duration {
        Duration::from_millis(self.append_timeout_ms)
    }

    pub(super) const fn retention(&self) -> Duration {
        Duration::from_secs(self.retention_s)
    }

    pub(super) const fn correction_horizon(&self) -> Duration {
        Duration::from_secs(self.correction_horizon_s)
    }
}
