//! The commands, a file each. They validate, wire and report; the work is the crates'.

mod accounts;
mod alerts;
mod audit;
mod backfill;
mod candle_source;
mod candles;
mod coverage;
mod doctor;
mod evaluate;
mod export;
mod jobs;
mod migrate;
mod models;
mod portfolio;
mod portfolio_import;
mod predict;
mod record;
mod recordings;
mod replay;
mod serve;
mod simulate;
mod stored;
mod train;

use coinsphere_pipelines::clock::SystemClock;

use crate::cli::{Cli, Command, EXIT_FAILURE, EXIT_OK, EXIT_REFUSED, EXIT_USAGE, PlaceArgs};
use crate::config::{Config, ConfigError, Flags, Profile, Sources};
use crate::output::{self, remark_line};
use crate::portfolios::analysis::AnalysisError;
use crate::portfolios::report::ReportError;

/// Runs a command to its end and returns the exit status.
#[must_use]
pub fn run(cli: Cli) -> u8 {
    let outcome = install_crypto().and_then(|()| match cli.command {
        Command::Up(args) => serve::up(&args),
        Command::Demo(args) => serve::demo(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Candles(args) => candles::run(&args),
        Command::Backfill(args) => backfill::run(&args),
        Command::Coverage(args) => coverage::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Portfolio(command) => portfolio::run(&command),
        Command::Alerts(command) => alerts::run(&command),
        Command::Migrate(args) => migrate::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::User(command) => accounts::user(&command),
        Command::Keys(command) => accounts::keys(&command),
        Command::Outbox(args) => accounts::outbox(&args),
        Command::Jobs(command) => jobs::run(&command),
        Command::Doctor(args) => doctor::run(&args),
    });
    match outcome.and_then(|()| output::finish()) {
        Ok(()) => EXIT_OK,
        Err(error) => {
            remark_line!("coinsphere: {}", explain(&error));
            let wrong_usage = error.is::<ConfigError>()
                || error.is::<coinsphere_simulator::FaultError>()
                || error.is::<coinsphere_simulator::ConfigError>()
                || matches!(
                    error.downcast_ref(),
                    Some(ReportError::UkByAccount | ReportError::Year(_))
                )
                || matches!(
                    error.downcast_ref(),
                    Some(AnalysisError::Benchmark(_) | AnalysisError::Target(_))
                );
            if wrong_usage {
                EXIT_USAGE
            } else if error.is::<portfolio_import::Refused>() {
                EXIT_REFUSED
            } else {
                EXIT_FAILURE
            }
        }
    }
}

/// An error with its causes, each once: many errors name their cause themselves.
fn explain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

/// The one provider of cryptography in the process.
fn install_crypto() -> anyhow::Result<()> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another rustls crypto provider is already installed"))
}

fn load(profile: Profile, place: &PlaceArgs, flags: Flags) -> anyhow::Result<Config> {
    Ok(Config::load(&Sources::of_process(
        profile,
        place.config.clone(),
        flags,
    ))?)
}

/// Runs on a tokio runtime of as many threads as there are cores, with actix's system around it.
fn on_runtime<T>(main: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("threads and an event queue are the least an operating system gives")
    };
    actix::System::with_tokio_rt(runtime).block_on(main)
}

fn clock() -> coinsphere_pipelines::clock::SharedClock {
    SystemClock::shared()
}
