//! `audit verify` and `audit export`.

use std::fs::File;
use std::io::{BufWriter, Write as _};

use anyhow::Context;
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{PooledConnection, Store};

use super::{load, on_runtime};
use crate::app::database::{START, store_config, url_config};
use crate::audit::{ChainSigner, export, verify};
use crate::cli::PlaceArgs;
use crate::cli::accounts::{AuditArgs, AuditCommand, AuditExportArgs};
use crate::config::{Config, Profile};
use crate::output::{self, print_line, remark_line};
use crate::telemetry::start_logging;

/// Verifies or exports.
pub(super) fn run(args: &AuditArgs) -> anyhow::Result<()> {
    let place = match &args.command {
        AuditCommand::Verify(args) => &args.place,
        AuditCommand::Export(args) => &args.place,
    };
    let config = config(place)?;
    on_runtime(async move {
        let (store, server) = open(&config).await?;
        let outcome = match &args.command {
            AuditCommand::Verify(_) => check(&store.session().await?, &config).await,
            AuditCommand::Export(args) => print(&store.session().await?, args).await,
        };
        store.close();
        if let Some(server) = server {
            server.stop().await?;
        }
        outcome
    })
}

fn config(place: &PlaceArgs) -> anyhow::Result<Config> {
    let config = load(Profile::Live, place, place.flags())?;
    start_logging(&config.logging)?;
    Ok(config)
}

/// The database by URL, or the private one: that of the running program, else started for this.
async fn open(config: &Config) -> anyhow::Result<(Store, Option<PrivateServer>)> {
    let running = match &config.database.url {
        Some(_) => None,
        None => PrivateServer::running(&config.data_dir),
    };
    if let Some(url) = running {
        let store = Store::connect(&url_config(&config.database, &config.market, url)).await?;
        return Ok((store, None));
    }
    let server = match &config.database.url {
        Some(_) => None,
        None => Some(PrivateServer::start(&config.data_dir, START).await?),
    };
    let settings = store_config(&config.database, &config.market, server.as_ref())?;
    let store = match Store::connect(&settings).await {
        Ok(store) => store,
        Err(error) => {
            if let Some(server) = server {
                server.stop().await?;
            }
            return Err(error.into());
        }
    };
    Ok((store, server))
}

async fn check(session: &PooledConnection, config: &Config) -> anyhow::Result<()> {
    let seal = ChainSigner::open(&config.data_dir)?;
    let found = verify(session, &seal).await?;
    for fault in &found.faults {
        print_line!("FAULT: {fault}");
    }
    print_line!(
        "{} entries, the newest {} with hash {}; signed up to {}",
        found.entries,
        found.head,
        found.hash,
        found.signed
    );
    anyhow::ensure!(
        found.faults.is_empty(),
        "the audit log was tampered with: {} faults",
        found.faults.len()
    );
    print_line!("the chain is intact");
    Ok(())
}

async fn print(session: &PooledConnection, args: &AuditExportArgs) -> anyhow::Result<()> {
    let Some(path) = &args.out else {
        export(session, &mut output::Results).await?;
        return Ok(());
    };
    let file = File::create_new(path)
        .with_context(|| format!("cannot create {}: choose another name", path.display()))?;
    let mut out = BufWriter::new(file);
    let entries = export(session, &mut out).await?;
    out.flush()?;
    remark_line!("{entries} entries written to {}", path.display());
    Ok(())
}
