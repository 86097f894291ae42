//! The event log that the configuration asks for.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use coinsphere_actors::supervision::StatusRegistry;
use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::log::{CommitGate, EmbeddedConfig, EmbeddedLog, EventLog, LogKind};

use crate::config::Config;
use crate::telemetry::LOG;

/// Where the embedded log is.
#[must_use]
pub fn directory(config: &Config) -> PathBuf {
    config.data_dir.join("log")
}

/// Opens the log, the part [`LOG`] of the program.
///
/// # Errors
/// When it cannot be opened; the message says what to do.
pub(super) async fn open(
    config: &Config,
    clock: SharedClock,
    statuses: &StatusRegistry,
) -> anyhow::Result<Arc<dyn EventLog>> {
    match config.log.kind {
        LogKind::Embedded => {
            let settings = EmbeddedConfig {
                partitions: config.log.partitions,
                commit_interval_ms: config.log.sync_interval_ms,
                retention_s: config.log.retention_hours.saturating_mul(3_600),
                max_bytes: config.log.max_bytes,
                ..EmbeddedConfig::at(directory(config))
            };
            let faults = statuses.faults().clone();
            let gate: CommitGate = Arc::new(move || {
                faults.strike_now(LOG);
                Ok(())
            });
            let open = move || EmbeddedLog::open_gated(settings, clock, gate);
            let open = tokio::task::spawn_blocking(open);
            let log = open.await.context("opening the event log panicked")??;
            Ok(Arc::new(log))
        }
        LogKind::Fluvio => open_fluvio(config).await,
    }
}

#[cfg(feature = "fluvio")]
async fn open_fluvio(config: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    use coinsphere_pipelines::log::{FluvioConfig, FluvioLog};

    let settings = FluvioConfig {
        topic: config.log.fluvio.topic.clone(),
        partitions: config.log.partitions,
        retention_s: u32::try_from(config.log.retention_hours.saturating_mul(3_600))
            .unwrap_or(u32::MAX),
        max_partition_bytes: config.log.max_bytes / u64::from(config.log.partitions.max(1)),
        ..FluvioConfig::at(&config.log.fluvio.endpoint)
    };
    Ok(Arc::new(FluvioLog::connect(settings).await?))
}

#[cfg(not(feature = "fluvio"))]
#[allow(clippy::unused_async, reason = "the same shape as with the feature")]
async fn open_fluvio(_: &Config) -> anyhow::Result<Arc<dyn EventLog>> {
    anyhow::bail!(
        "log.kind = \"fluvio\" needs the Fluvio client, which this program was built without: build \
         it with `cargo build --release --features fluvio`, or use the container image"
    )
}
