//! `migrate`: brings the database's tables up to date and ends.

use coinsphere_pipelines::store::Store;
use coinsphere_pipelines::store::private_server::PrivateServer;

use super::{load, on_runtime};
use crate::app::database::{START, store_config};
use crate::cli::MaintainArgs;
use crate::config::Profile;
use crate::output::print_line;
use crate::telemetry::start_logging;

/// Migrates.
pub(super) fn run(args: &MaintainArgs) -> anyhow::Result<()> {
    let config = load(Profile::Live, &args.place, args.place.flags())?;
    start_logging(&config.logging)?;
    on_runtime(async move {
        let server = match &config.database.url {
            Some(_) => None,
            None => Some(PrivateServer::start(&config.data_dir, START).await?),
        };
        let settings = store_config(&config.database, &config.market, server.as_ref())?;
        let migrated = Store::migrate(&settings).await;
        if let Some(server) = server {
            server.stop().await?;
        }
        let migrated = migrated?;
        let applied = match migrated.applied.as_slice() {
            [] => "up to date".to_owned(),
            applied => format!("applied {}", applied.join(", ")),
        };
        print_line!(
            "{} ({}): {applied}",
            settings.url.target(),
            migrated.flavour.name()
        );
        Ok(())
    })
}
