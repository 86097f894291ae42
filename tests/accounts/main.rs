//! A user's life, end to end: requests to the whole router, with a database of its own for each test
//! on one real PostgreSQL.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod abuse;
mod administration;
mod alerts;
mod alerts_restarted;
mod app;
mod browser;
mod channels;
mod identity_provider;
mod jobs;
mod mail;
mod membership;
mod notification_rules;
mod objects;
mod oidc;
mod policy;
mod portfolio_benchmark;
mod portfolio_categories;
mod portfolio_corrections;
mod portfolio_figures;
mod portfolio_live;
mod portfolio_reads;
mod portfolio_shared;
mod portfolio_transfers;
mod portfolio_what_if;
mod portfolios;
mod program;
mod proof_anew;
#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the package's own tests"
)]
#[path = "../../src/notifications/channels/tests/loopback/server.rs"]
mod receiver;
mod scopes;
mod sessions;
mod signed;
mod signing_in;
mod silent_provider;
mod smtp;
mod takeover;
mod two_factor;
mod user_data;

use std::pin::Pin;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::store::private_server::PrivateServer;
use libtest_mimic::{Arguments, Trial};

use app::{Place, Server};

type Scenario = fn(Place) -> Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! scenarios {
    ($($path:path),* $(,)?) => {
        [ $( (stringify!($path), (|place| Box::pin($path(place))) as Scenario) ),* ]
    };
}

/// Half of their time these wait for a database rather than for a processor.
const AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let scenarios = scenarios![
        signing_in::a_users_life,
        signing_in::an_address_registers_once,
        signing_in::unknown_accounts_and_wrong_passwords_look_alike,
        signing_in::failures_are_answered_later_and_later_to_that_address_alone,
        signing_in::many_attempts_at_once_gain_nothing,
        sessions::a_refresh_token_holds_once,
        sessions::crossed_refreshes_get_the_same_successor,
        sessions::a_session_ends_at_its_time,
        sessions::sessions_are_listed_and_ended_by_their_user_alone,
        sessions::revocation_reaches_every_process_at_once,
        sessions::a_revoked_session_is_refused_whichever_loop_panics,
        sessions::a_process_that_does_not_hear_asks_the_database,
        sessions::tokens_of_a_rotated_key_hold_until_they_expire,
        sessions::an_account_has_so_many_sessions_and_no_more,
        mail::an_address_is_verified_by_the_emails_link,
        mail::a_forgotten_password_is_reset_by_the_emails_code,
        mail::an_address_changes_once_the_new_one_answers,
        mail::an_email_is_sent_again_until_it_arrives,
        mail::without_a_server_emails_are_files,
        two_factor::a_second_factor_is_asked_for_once_it_is_confirmed,
        two_factor::codes_cannot_be_tried_from_everywhere,
        two_factor::changing_the_password_ends_every_session,
        membership::leaving_takes_everything_along,
        user_data::every_table_with_a_user_has_an_owner,
        alerts::an_alert_fires_once_with_the_trade_that_crossed,
        alerts::a_rule_is_checked_and_every_wrong_field_named,
        alerts::pausing_editing_and_deleting_take_effect_between_two_trades,
        alerts::what_is_somebody_elses_is_not_found,
        alerts::without_an_evaluator_nothing_is_promised,
        alerts_restarted::a_peak_outlives_a_crash,
        alerts_restarted::a_window_outlives_an_orderly_stop,
        alerts_restarted::whatever_is_cut_off_each_event_is_recorded_once,
        channels::an_alert_reaches_a_webhook_that_was_verified,
        channels::what_cannot_be_a_channel_is_refused,
        channels::an_event_is_sent_until_it_arrives_or_the_channel_is_gone,
        channels::many_events_are_one_message_within_a_budget,
        channels::two_processes_deliver_each_message_once,
        channels::channels_and_notifications_of_others_are_not_found,
        channels::the_inbox_is_read_page_by_page,
        notification_rules::an_email_is_a_channel_that_one_click_ends,
        notification_rules::an_alert_is_tried_out,
        notification_rules::what_is_not_urgent_waits_for_the_end_of_quiet_hours,
        notification_rules::what_nobody_acknowledges_goes_further,
        notification_rules::a_link_acknowledges_what_its_message_is_about,
        notification_rules::limits_are_kept_when_many_ask_at_once,
        jobs::a_job_is_done_once_and_the_most_urgent_first,
        jobs::a_job_of_a_worker_that_is_gone_is_taken_over,
        jobs::a_job_that_failed_is_tried_again_later_and_not_for_ever,
        jobs::a_job_is_cancelled_by_whoever_has_it,
        jobs::admins_list_show_and_cancel_jobs,
        jobs::unfinished_jobs_are_bounded_and_finished_ones_cost_nothing,
        membership::the_first_admin_and_the_invited,
        membership::imported_users_sign_in_with_the_password_they_had,
        membership::keys_for_programs,
        signed::critical_operations_need_a_signature,
        signed::a_compressed_body_is_signed_as_it_is_sent,
        signed::a_signature_counts_once_in_every_process,
        scopes::every_route_says_what_a_key_needs,
        scopes::a_key_reaches_no_further_than_itself,
        scopes::a_mutation_sent_again_is_not_done_again,
        signed::the_documented_example_works,
        administration::admins_look_after_users,
        administration::a_disabled_account_is_shut_everywhere_at_once,
        administration::the_last_admin_stays,
        mail::a_sign_in_that_is_new_is_told,
        browser::a_browsers_life,
        browser::requests_of_other_pages_change_nothing,
        browser::tokens_and_cookies_are_renewed,
        browser::a_new_password_begins_a_new_session,
        browser::whatever_ends_a_session_ends_its_cookie,
        browser::a_session_is_valid_a_day_in_every_process,
        browser::without_shared_state_the_signature_counts,
        browser::a_bearer_token_goes_first,
        browser::a_stream_with_a_cookie_is_for_our_own_pages,
        oidc::a_provider_vouches_for_its_users,
        oidc::what_the_provider_says_must_hold,
        oidc::a_sign_in_counts_once_and_in_its_browser,
        oidc::an_account_is_linked_if_both_have_proven_its_address,
        oidc::accounts_are_made_as_registration_allows,
        oidc::the_second_factor_is_asked_for_all_the_same,
        oidc::a_provider_that_is_away_hinders_nobody_else,
        mail::a_long_outage_loses_no_email,
        mail::an_email_whose_answer_was_lost_keeps_its_link,
        mail::emails_travel_encrypted,
        policy::a_temporary_password_is_valid_for_a_day,
        policy::a_lost_second_factor_is_removed_by_the_operator,
        policy::a_required_second_factor_comes_first,
        policy::breached_passwords_are_refused_wherever_one_is_set,
        takeover::who_may_not_invite_any_more_does_not_come_back,
        takeover::admins_delete_accounts,
        takeover::who_owns_the_address_owns_the_account,
        takeover::a_reset_code_does_not_outlive_its_address,
        takeover::an_old_password_begins_no_session_after_a_change,
        takeover::what_is_personal_asks_for_a_verified_address,
        abuse::refreshing_counts_as_the_users,
        abuse::credentials_are_not_looked_up_for_ever,
        abuse::one_ipv6_network_is_one_client,
        abuse::sessions_are_listed_page_by_page,
        silent_provider::a_provider_that_never_answers_hinders_nobody_else,
        silent_provider::a_code_that_is_never_exchanged_hinders_nobody_else,
        proof_anew::a_reset_asks_for_the_second_factor,
        proof_anew::another_address_asks_for_the_second_factor,
        objects::every_route_of_an_object_is_known,
        objects::what_is_somebody_elses_is_not_found,
        objects::accounts_of_others_are_for_admins,
        portfolio_figures::figures_are_those_of_the_report,
        portfolio_figures::a_price_is_of_the_coin_in_its_currency_or_missing,
        portfolio_figures::a_change_and_a_corrected_price_are_computed,
        portfolio_figures::amounts_are_shown_in_another_currency,
        portfolio_what_if::a_change_is_tried_out_and_nothing_is_stored,
        portfolio_what_if::another_method_is_tried_out,
        portfolio_benchmark::history_shows_a_benchmark_with_the_same_flows,
        portfolio_reads::a_portfolio_that_nobody_follows_is_not_read,
        portfolio_reads::an_edit_reads_only_what_comes_after_it,
        portfolio_shared::a_link_shows_performance_and_categories_without_amounts,
        portfolio_shared::a_link_of_a_portfolio_by_account_shows_no_accounts,
        portfolio_categories::allocation_goes_by_the_users_categories,
        portfolio_categories::categories_are_bounded_and_leave_with_their_user,
        portfolio_live::a_change_of_another_process_is_heard,
        portfolio_corrections::those_who_ask_in_a_new_currency_at_once_all_get_it,
        portfolio_corrections::the_tax_page_is_shown_as_it_is_written,
        portfolio_corrections::what_is_missing_is_named_with_its_remedy,
        portfolio_corrections::pooling_over_accounts_takes_no_accounts,
        portfolio_corrections::a_price_is_corrected_by_importing_it_again,
        portfolio_corrections::answers_are_remembered_though_others_are_missing,
        portfolio_transfers::two_sides_become_a_transfer_and_files_still_know_them,
        portfolio_transfers::undoing_an_import_leaves_the_other_side_of_a_transfer,
        portfolio_transfers::answers_to_imports_are_listed_and_forgotten,
        portfolio_live::a_live_value_follows_trades_and_is_for_its_owner,
        portfolios::a_portfolio_has_a_name_and_settings,
        portfolios::transactions_are_kept_to_the_digit_and_in_their_order,
        portfolios::of_two_who_take_a_name_at_once_one_is_refused,
        portfolios::a_transaction_by_hand_has_an_id_of_its_own_kind,
        portfolios::a_symbol_of_several_tokens_is_not_guessed,
        portfolios::a_second_import_adds_nothing_and_undoing_restores,
        portfolios::an_unknown_operation_refuses_the_import_until_it_is_settled,
        portfolios::what_is_exported_is_imported_to_the_byte,
        portfolios::accounts_are_named_renamed_and_deleted,
        portfolios::a_link_shows_what_it_may_and_nothing_else,
        portfolios::another_users_portfolio_is_not_found_on_any_route,
        portfolios::portfolios_leave_with_their_user_and_are_in_the_export,
        portfolios::a_file_may_be_larger_than_other_bodies,
    ];
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
    let databases = server.as_ref().map(|(server, _)| {
        let keys = directory.path().join("test-keys");
        Arc::new(runtime.block_on(Server::prepare(server.url(), keys)))
    });
    let trials = scenarios
        .into_iter()
        .map(|(name, run)| {
            let (runtime, databases) = (runtime.clone(), databases.clone());
            Trial::test(name, move || {
                let databases = databases.ok_or("no server")?;
                runtime.block_on(async {
                    let place = databases.place().await;
                    // A task of its own, so that a panic ends one test.
                    tokio::spawn(run(place))
                        .await
                        .map_err(|error| error.to_string())
                })?;
                Ok(())
            })
        })
        .collect();
    arguments.test_threads.get_or_insert(AT_ONCE);
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
