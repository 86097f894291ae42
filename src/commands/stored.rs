//! The database of a data directory for commands of the operator, next to the running program or without
//! it.

use std::sync::Arc;

use coinsphere_actors::supervision::StatusRegistry;
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{Store, StoreConfig};

use super::{clock, load, on_runtime};
use crate::app::database::{START, store_config, url_config};
use crate::audit::{AuditLog, ChainSigner};
use crate::cli::PlaceArgs;
use crate::config::{Config, Profile};
use crate::telemetry::start_plain_logging;

/// Objects that a command works with.
pub(super) struct Opened<'a> {
    pub(super) store: Store,
    pub(super) audit: Arc<AuditLog>,
    pub(super) config: &'a Config,
}

/// Does something with the database of a data directory, whether the program runs or not.
pub(super) fn with_store(
    place: &PlaceArgs,
    work: impl AsyncFnOnce(Opened<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let profile = match std::fs::read_to_string(demo_mark(place)) {
        Ok(kind) if kind.trim() == "demo" => Profile::Demo,
        _ => Profile::Live,
    };
    let config = load(profile, place, place.flags())?;
    start_plain_logging()?;
    on_runtime(async move {
        let (settings, started) = reach(&config).await?;
        let outcome = async {
            let store = Store::open(&settings).await?;
            let seal = ChainSigner::open(&config.data_dir)?;
            let statuses = StatusRegistry::new(clock());
            let audit = AuditLog::open(store.clone(), clock(), seal, &statuses);
            let opened = Opened {
                store: store.clone(),
                audit: Arc::clone(&audit),
                config: &config,
            };
            let outcome = work(opened).await;
            audit.close().await;
            store.close();
            outcome
        }
        .await;
        if let Some(server) = started {
            server.stop().await?;
        }
        outcome
    })
}

/// File that marks a data directory that was named as a demo's.
fn demo_mark(place: &PlaceArgs) -> std::path::PathBuf {
    place.data_dir.clone().unwrap_or_default().join("kind")
}

/// The database: by URL, the private server that runs, or one that is started for this.
async fn reach(config: &Config) -> anyhow::Result<(StoreConfig, Option<PrivateServer>)> {
    if config.database.url.is_some() {
        return Ok((store_config(&config.database, &config.market, None)?, None));
    }
    if let Some(url) = PrivateServer::running(&config.data_dir) {
        return Ok((url_config(&config.database, &config.market, url), None));
    }
    let server = PrivateServer::start(&config.data_dir, START).await?;
    Ok((
        store_config(&config.database, &config.market, Some(&server))?,
        Some(server),
    ))
}
