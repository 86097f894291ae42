//! `up` and `demo`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use coinsphere_actors::supervision::StatusRegistry;
use coinsphere_pipelines::venues;
use coinsphere_simulator as simulator;
use tokio::sync::oneshot;

use super::{clock, load, on_runtime};
use crate::app::{serve, stop_requested};
use crate::cli::{DemoArgs, ServeArgs};
use crate::config::{Config, Profile};
use crate::telemetry::start_logging;
use crate::telemetry::{describe, recorder};

/// Everything against the live venues, as configured.
pub(super) fn up(args: &ServeArgs) -> anyhow::Result<()> {
    let config = load(Profile::Live, &args.place, args.flags())?;
    start_logging(&config.logging)?;
    claim(&config.data_dir, "live")?;
    on_runtime(async move {
        let stop = stop_requested()?;
        let metrics = recorder()?.install_recorder()?;
        describe();
        serve::run(config, clock(), metrics, StatusRegistry::new(clock()), stop).await
    })
}

/// The same against a simulated market in this process.
pub(super) fn demo(args: &DemoArgs) -> anyhow::Result<()> {
    let mut config = load(Profile::Demo, &args.serve.place, args.serve.flags())?;
    start_logging(&config.logging)?;
    if config.database.url.is_some() {
        anyhow::bail!(
            "demo keeps simulated candles in a database of its own, but a database URL is set: unset \
             DATABASE_URL (or database.url) for this command"
        );
    }
    claim(&config.data_dir, "demo")?;
    let market = super::simulate::market(&args.market)?;
    on_runtime(async move {
        let stop = stop_requested()?;
        let metrics = recorder()?.install_recorder()?;
        describe();
        let (ended, end) = oneshot::channel::<()>();
        let market = simulator::Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data_dir: Some(config.data_dir.join("simulator")),
            ..market
        };
        // The sender is dropped when the program has stopped, which ends the simulator too.
        let end = async move {
            let _ = end.await;
        };
        let market = simulator::serve(market, end)
            .await
            .context("the simulator did not start")?;
        tracing::info!(
            seed = market.seed(),
            "simulated market at http://{}",
            market.local_addr()
        );
        listen_to(&mut config, market.local_addr());
        let outcome =
            serve::run(config, clock(), metrics, StatusRegistry::new(clock()), stop).await;
        drop(ended);
        market.stopped().await.context("the simulator failed")?;
        outcome
    })
}

/// Marks a data directory as one of live or of simulated data, which must not mix.
fn claim(data_dir: &Path, kind: &str) -> anyhow::Result<()> {
    let path = data_dir.join("kind");
    match std::fs::read_to_string(&path) {
        Ok(found) if found.trim() == kind => Ok(()),
        Ok(found) => anyhow::bail!(
            "{} has {} data: choose another --data-dir for {kind} data",
            data_dir.display(),
            found.trim()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(data_dir)
                .and_then(|()| std::fs::write(&path, kind))
                .with_context(|| format!("cannot write to {}", data_dir.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Points every venue at the simulator: there each venue's own path, such as Kraken's `/v2`, is below
/// the venue's name.
fn listen_to(config: &mut Config, simulator: SocketAddr) {
    for (name, settings) in &mut config.venues {
        let own = venues::protocol(name).map_or("", |protocol| protocol.default_endpoint());
        let path = own.splitn(4, '/').nth(3).unwrap_or_default();
        let endpoint = format!("ws://{simulator}/{name}/{path}");
        settings.endpoint = Some(endpoint.trim_end_matches('/').to_owned());
    }
}
