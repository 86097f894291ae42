//! `up` and `demo`.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context;
use coinsphere_simulator as simulator;
use tokio::sync::oneshot;

use super::{clock, load, on_runtime, start_logging};
use crate::app::{serve, stop_requested};
use crate::cli::{DemoArgs, ServeArgs};
use crate::config::{Config, Profile};
use crate::http;

/// Everything against the live venues, as configured.
pub(super) fn up(args: &ServeArgs) -> anyhow::Result<()> {
    let config = load(Profile::Live, &args.place, args.flags())?;
    start_logging(&config.logging)?;
    on_runtime(async move {
        let stop = stop_requested()?;
        let metrics = http::recorder()?.install_recorder()?;
        serve::run(config, clock(), metrics, stop).await
    })
}

/// The same against a simulated market in this process.
pub(super) fn demo(args: &DemoArgs) -> anyhow::Result<()> {
    let mut config = load(Profile::Demo, &args.serve.place, args.serve.flags())?;
    start_logging(&config.logging)?;
    let market = super::simulate::market(&args.market)?;
    on_runtime(async move {
        let stop = stop_requested()?;
        let metrics = http::recorder()?.install_recorder()?;
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
        let outcome = serve::run(config, clock(), metrics, stop).await;
        drop(ended);
        market.stopped().await.context("the simulator failed")?;
        outcome
    })
}

/// Points every venue at the simulator.
fn listen_to(config: &mut Config, simulator: SocketAddr) {
    for (venue, settings) in &mut config.venues {
        let path = match venue.as_str() {
            "kraken" => "kraken/v2",
            other => other,
        };
        settings.endpoint = Some(format!("ws://{simulator}/{path}"));
    }
}
