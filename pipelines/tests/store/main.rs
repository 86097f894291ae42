//! The store on plain PostgreSQL: a private server for all tests, a database for each.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

#[path = "../store_scenarios/mod.rs"]
mod store_scenarios;

mod backfill;
mod catalog;
mod files;
mod history;
mod plain;
mod repair;

use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::store::private_server::PrivateServer;
use libtest_mimic::{Arguments, Trial};
use store_scenarios::{Server, scenario};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut scenarios = store_scenarios::all();
    scenarios.extend([
        scenario!(backfill::every_venue_gives_its_history),
        scenario!(backfill::a_run_that_was_stopped_goes_on_and_a_repeated_one_changes_nothing),
        scenario!(backfill::limits_and_unknown_names_are_said),
        scenario!(backfill::what_a_gap_touches_is_replaced_and_what_is_whole_is_kept),
        scenario!(backfill::holes_are_kept_as_gaps),
        scenario!(files::downloaded_files_are_read_and_damaged_ones_refused),
        scenario!(files::recorded_minutes_with_holes_have_exactly_those_holes),
        scenario!(files::trades_of_downloaded_files_become_candles),
        scenario!(files::files_are_read_by_stated_columns),
        scenario!(backfill::coverage_says_what_proves_which_time),
        scenario!(catalog::what_another_process_changes_is_seen),
        scenario!(history::what_is_missing_is_loaded_and_nothing_twice),
        scenario!(history::a_venue_that_refuses_is_said_to),
        scenario!(repair::what_streams_miss_is_repaired),
        scenario!(repair::what_streams_miss_is_repaired_of_another_market),
        scenario!(repair::measured_outage_of_a_minute),
        scenario!(plain::each_month_has_a_partition),
        scenario!(plain::old_minutes_go_and_longer_candles_stay),
        scenario!(plain::processes_may_migrate_at_once),
        scenario!(plain::only_a_current_database_is_opened),
        scenario!(plain::wrong_urls_are_explained),
        scenario!(plain::a_full_pool_is_said_to_be_full),
    ]);
    let runtime = Arc::new(tokio::runtime::Runtime::new().expect("a runtime"));
    let directory = tempfile::tempdir().expect("a directory");
    let server = (!arguments.list).then(|| {
        let starting = PrivateServer::start(directory.path(), Duration::from_secs(120));
        let server = runtime.block_on(starting).expect("a private server");
        // Should this process be killed, the pipe breaks and the server goes too.
        let watchdog = std::process::Command::new("sh")
            .arg("-c")
            .arg(format!(
                "cat > /dev/null; kill -INT {} 2> /dev/null",
                server.pid()
            ))
            .stdin(Stdio::piped())
            .spawn()
            .expect("a watchdog");
        (server, watchdog)
    });
    let databases = server
        .as_ref()
        .map(|(server, _)| Arc::new(Server::new(server.url().with_database("postgres"))));
    let trials = scenarios
        .into_iter()
        .map(|(name, run)| {
            let (runtime, databases) = (runtime.clone(), databases.clone());
            let recorded = name.contains("recorded_");
            let missing = std::env::var_os("COINSPHERE_MARKET_DATA").is_none();
            let trial = Trial::test(name, move || {
                let databases = databases.ok_or("no server")?;
                runtime.block_on(databases.with_database(name, run));
                Ok(())
            });
            // Their clock runs fast: they need a machine that keeps up with it.
            if name.contains("measured_") || name.contains("repair::") {
                return trial
                    .with_kind("needs a quiet machine")
                    .with_ignored_flag(true);
            }
            if recorded && missing {
                return trial
                    .with_kind("needs COINSPHERE_MARKET_DATA")
                    .with_ignored_flag(true);
            }
            trial
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some((server, mut watchdog)) = server {
        runtime
            .block_on(server.stop())
            .expect("stopping the server");
        drop(watchdog.stdin.take());
        watchdog.wait().expect("the watchdog's end");
    }
    conclusion.exit_code()
}
