//! The store on TimescaleDB: natively where `COINSPHERE_TEST_TIMESCALE_URL` names a server (each
//! test in a database of its own), and on TimescaleDB in WebAssembly where Node and its packages are
//! installed (see `scripts/install-test-timescale.sh`).
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../store_scenarios/mod.rs"]
mod store_scenarios;

mod extension;
mod pglite;

use std::process::ExitCode;
use std::sync::Arc;

use coinsphere_pipelines::store::DatabaseUrl;
use libtest_mimic::{Arguments, Trial};
use store_scenarios::{Scenario, Server, scenario};

fn scenarios() -> Vec<(&'static str, Scenario)> {
    let mut scenarios = store_scenarios::all();
    scenarios.extend([
        scenario!(extension::the_policies_are_in_place),
        scenario!(extension::compressed_minutes_can_be_corrected),
        scenario!(extension::history_outlives_its_minutes),
    ]);
    scenarios
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = Arc::new(tokio::runtime::Runtime::new().unwrap());
    let mut trials = native(&runtime);
    trials.extend(pglite::trials(&runtime, scenarios()));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn native(runtime: &Arc<tokio::runtime::Runtime>) -> Vec<Trial> {
    const VARIABLE: &str = "COINSPHERE_TEST_TIMESCALE_URL";
    let Ok(url) = std::env::var(VARIABLE) else {
        let name = format!("native (ignored: {VARIABLE} names no server)");
        return vec![Trial::test(name, || Ok(())).with_ignored_flag(true)];
    };
    let url: DatabaseUrl = url.parse().unwrap();
    let server = Arc::new(Server::new(url));
    scenarios()
        .into_iter()
        .map(|(name, run)| {
            let (runtime, server) = (runtime.clone(), server.clone());
            Trial::test(format!("native::{name}"), move || {
                runtime.block_on(server.with_database(name, run));
                Ok(())
            })
        })
        .collect()
}
