//! `simulate`: only the simulator, on a port.

use anyhow::Context;
use coinsphere_simulator as simulator;

use super::on_runtime;
use crate::app::stop_requested;
use crate::cli::{MarketArgs, SimulateArgs, Speed};
use crate::output::print_line;
use crate::telemetry::{LogFormat, LoggingSettings, start_logging};

/// Serves until asked to stop.
pub(super) fn run(args: &SimulateArgs) -> anyhow::Result<()> {
    start_logging(&LoggingSettings {
        filter: "info".to_owned(),
        format: LogFormat::Text,
    })?;
    let speed = match args.speed {
        Speed::Max => simulator::Speed::Max,
        Speed::Factor(1.0) => simulator::Speed::Original,
        Speed::Factor(factor) => simulator::Speed::Scale(factor),
    };
    let config = simulator::Config {
        listen: args.address(),
        data_dir: args.data_dir.clone(),
        replay: args
            .replay
            .as_ref()
            .map(|file| simulator::Replay::new(file, speed)),
        ..market(&args.market)?
    };
    on_runtime(async move {
        let stop = stop_requested()?;
        let running = simulator::serve(config, stop).await?;
        // On standard output, so that a script that asked for port 0 learns the address.
        let address = running.local_addr();
        print_line!("http://{address}");
        for path in ["binance", "coinbase", "coinbase-advanced", "kraken/v2"] {
            tracing::info!("ws://{address}/{path}");
        }
        running.stopped().await.context("the simulator failed")
    })
}

/// The market that the arguments describe.
pub(super) fn market(args: &MarketArgs) -> anyhow::Result<simulator::Config> {
    let defaults = simulator::Config::default();
    let faults = args
        .faults
        .iter()
        .map(|fault| fault.parse())
        .collect::<Result<_, _>>()?;
    Ok(simulator::Config {
        seed: args.seed.unwrap_or(defaults.seed),
        rate: args.rate.unwrap_or(defaults.rate),
        instruments: (!args.instruments.is_empty()).then(|| args.instruments.clone()),
        faults,
        ..defaults
    })
}
