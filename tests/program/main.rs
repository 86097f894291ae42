//! The real program in a process of its own, with a real PostgreSQL and simulated venues: what its
//! commands print, what it serves, and what becomes of it when something goes wrong. Tests that cannot
//! run here are reported as ignored, with the reason.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod accounts_command;
mod added_tokens;
mod alerts_command;
mod alerts_delivered;
mod alerts_killed;
mod backfill_killed;
mod browser_sessions;
mod candle_files;
mod candles_command;
mod closed_output;
mod database_away;
mod demo;
mod documents;
mod evaluate_command;
mod forecasts;
mod import_command;
mod import_killed;
mod jobs;
mod live_faults;
mod metrics_page;
mod models_command;
mod numbering_restart;
mod portfolio_command;
mod protection;
mod real_requests;
#[path = "../../src/notifications/channels/tests/loopback/server.rs"]
#[allow(
    clippy::disallowed_methods,
    dead_code,
    unreachable_pub,
    reason = "shared with the package's own tests"
)]
mod receiver;
mod recorded_sessions;
#[path = "../../pipelines/tests/shared_state/redis_server.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the crate's own tests"
)]
mod redis_server;
mod replay_killed;
mod shared_push;
mod supervised_parts;
#[path = "../support/mod.rs"]
mod support;

use libtest_mimic::{Arguments, Trial};
use support::with_recordings;
use tokio::time::Instant;

/// Tests that run everywhere, named by their paths.
macro_rules! everywhere {
    ($($path:path),* $(,)?) => {
        [ $( Trial::test(stringify!($path), || { timed(stringify!($path), $path); Ok(()) }) ),* ]
    };
}

/// Tests that read recordings, from the folder that holds them.
macro_rules! recorded {
    ($($path:path),* $(,)?) => {
        [ $( with_recordings(stringify!($path), |folder| {
            timed(stringify!($path), || $path(folder));
        }) ),* ]
    };
}

/// Prints how long a test took: the order below follows from it.
fn timed(name: &str, test: impl FnOnce()) {
    let begun = Instant::now();
    test();
    println!("{name}: {:.1} s", begun.elapsed().as_secs_f64());
}

/// Most of these wait for a program rather than for a processor.
const AT_ONCE: usize = 4;

fn main() {
    let mut arguments = Arguments::from_args();
    // The longest first, so that none of them is left at the end.
    let mut trials = Vec::from(everywhere![
        demo::a_demo_lives_within_seconds_and_goes_on_after_a_stop,
        database_away::a_minute_without_a_database_under_load_loses_nothing,
        forecasts::models_are_trained_serve_and_survive,
        forecasts::what_training_used_is_given_back,
        live_faults::venues_that_disconnect_stall_and_refuse,
        live_faults::venues_that_drop_repeat_reorder_and_garble,
        live_faults::killed_and_started_again,
        jobs::a_job_outlives_the_program_that_has_it,
        jobs::jobs_are_listed_and_cancelled_by_command,
        jobs::history_is_loaded_by_a_job,
        numbering_restart::numbers_that_begin_again_lose_nothing_and_fake_nothing,
        supervised_parts::each_panics_once_and_lives_on,
        alerts_delivered::each_event_reaches_a_failing_receiver_whenever_the_program_is_killed,
        alerts_killed::each_event_is_recorded_once_whenever_the_program_is_killed,
    ]);
    trials.extend([live_faults::full_disk(), shared_push::trial()]);
    trials.extend(recorded![
        recorded_sessions::binance_as_fast_as_it_goes,
        recorded_sessions::binance_fifty_times_as_fast_as_recorded,
        recorded_sessions::coinbase_as_fast_as_it_goes,
        recorded_sessions::coinbase_as_recorded_tenfold,
        recorded_sessions::kraken_as_fast_as_it_goes,
        recorded_sessions::files_give_the_same_as_sockets,
        candle_files::every_file_that_once_failed_gives_its_candles_or_says_why_not,
        alerts_command::rules_on_recordings_fire_as_one_by_one,
        candles_command::binance_all_intervals_both_formats,
        candles_command::coinbase_all_intervals_both_formats,
        candles_command::kraken_all_intervals_both_formats,
        candles_command::other_streams_in_the_file_change_nothing,
        candles_command::a_cut_off_file_is_used_up_to_the_cut,
        candles_command::raw_frames_are_the_same_trades,
        candles_command::inputs_that_once_failed,
        evaluate_command::intervals_hold_what_they_promise_on_recorded_candles,
    ]);
    trials.extend(everywhere![
        backfill_killed::killed_at_random_and_run_again_it_gives_the_same,
        replay_killed::killed_at_random_and_run_again_it_gives_the_same,
        replay_killed::a_file_without_trades_ends_it_with_status_1,
        accounts_command::the_operator_works_beside_the_running_program,
        added_tokens::an_added_token_is_followed_at_once_and_after_a_restart,
        browser_sessions::a_session_counts_in_every_process_without_redis,
        closed_output::a_reader_that_has_seen_enough_changes_no_status,
        candles_command::late_trades_and_duplicates_end_in_one_final_row,
        candles_command::missing_ids_make_a_candle_incomplete,
        candles_command::a_file_without_trades_of_the_venue_is_an_error,
        candles_command::futures_in_a_file_change_no_candle_of_spot,
        candles_command::what_follows_the_last_gzip_member_changes_nothing,
        candles_command::bad_input_is_named,
        candles_command::a_venue_that_is_not_named_is_found_or_what_was_seen_is_reported,
        database_away::a_private_server_that_dies_is_started_again,
        demo::a_port_in_use_is_said_at_once,
        documents::every_name_of_the_code_in_the_documents_exists,
        demo::wrong_configuration_ends_with_status_2_and_is_named,
        evaluate_command::the_report_has_every_model_and_the_seed_decides_it,
        evaluate_command::disorder_changes_nothing_and_is_reported,
        evaluate_command::what_cannot_be_evaluated_is_named,
        live_faults::a_refused_subscription_is_degraded,
        live_faults::both_signals_end_it_with_status_0,
        import_command::exports_become_one_file_of_transactions,
        import_command::a_refused_row_keeps_all_of_it_out_until_it_is_settled,
        import_killed::an_import_that_is_killed_leaves_nothing_and_is_done_whole_later,
        metrics_page::a_running_program_shows_what_promtool_wants,
        models_command::a_model_is_trained_forecasts_and_is_replaced_and_brought_back,
        models_command::a_damaged_model_is_named_and_the_one_before_serves,
        models_command::what_cannot_be_trained_or_forecast_is_said,
        alerts_command::rules_fire_on_the_trades_of_a_file_each_taken_once,
        alerts_command::what_cannot_be_evaluated_is_named,
        portfolio_command::a_file_of_transactions_becomes_a_report,
        portfolio_command::figures_are_compared_converted_and_explained,
        portfolio_command::what_cannot_be_reported_is_named,
        protection::tampering_with_the_audit_log_shows,
        protection::whoever_is_gone_is_forgotten_in_the_end,
        protection::a_deleted_account_is_forgotten_without_breaking_the_chain,
        protection::entries_that_do_not_fit_are_refused_alone,
        protection::the_program_records_and_the_command_verifies,
        protection::idempotency_keys_outlive_everything_but_their_day,
        real_requests::a_login_in_flight_is_finished_before_the_program_ends,
        real_requests::an_unknown_account_is_as_much_work_as_a_wrong_password,
        real_requests::a_refused_request_is_found_in_the_log_by_its_id,
        real_requests::a_stream_ends_with_the_session_that_opened_it,
    ]);
    arguments.test_threads.get_or_insert(AT_ONCE);
    libtest_mimic::run(&arguments, trials).exit();
}
