//! Accounts: signing in and out, and one's own account.

pub(in crate::http) mod api_keys;
pub(in crate::http) mod browser;
pub(in crate::http) mod invitations;
pub(in crate::http) mod login;
pub(in crate::http) mod logout;
pub(in crate::http) mod logout_all;
pub(in crate::http) mod me;
pub(in crate::http) mod oidc;
pub(in crate::http) mod password;
pub(in crate::http) mod password_reset;
pub(in crate::http) mod refresh;
pub(in crate::http) mod register;
pub(in crate::http) mod resend_verification;
pub(in crate::http) mod session_views;
pub(in crate::http) mod sessions;
pub(in crate::http) mod two_factor;
pub(in crate::http) mod verify_email;
mod views;

use utoipa_axum::routes;

use crate::accounts::Scope;
use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(
            routes!(register::register),
            Policy::anonymous().rate_limit(RateLimit::Authentication),
        )
        .add(
            routes!(login::log_in),
            Policy::anonymous().rate_limit(RateLimit::Authentication),
        )
        .add(
            routes!(refresh::refresh_tokens),
            Policy::anonymous().rate_limit(RateLimit::ByAddress),
        )
        .add(
            routes!(logout::log_out),
            Policy::user().without_second_factor(),
        )
        .add(
            routes!(logout_all::log_out_everywhere),
            Policy::user()
                .scope(Scope::AccountWrite)
                .without_second_factor(),
        )
        .add(
            routes!(me::show_me),
            Policy::user()
                .scope(Scope::AccountRead)
                .without_second_factor(),
        )
        .add(
            routes!(me::change_me),
            Policy::user().scope(Scope::AccountWrite).idempotent(),
        )
        .add(
            routes!(me::export_me),
            Policy::user()
                .scope(Scope::AccountRead)
                .without_second_factor()
                .rate_limit(RateLimit::Strict),
        )
        .add(
            routes!(me::delete_me),
            Policy::user()
                .signed_scope(Scope::AccountCritical)
                .without_second_factor()
                .rate_limit(RateLimit::Strict),
        )
        .add(
            routes!(password::change_password),
            Policy::user()
                .signed_scope(Scope::AccountCritical)
                .without_second_factor()
                .rate_limit(RateLimit::Strict),
        )
        .add(
            routes!(password_reset::request_password_reset),
            Policy::anonymous().rate_limit(RateLimit::Authentication),
        )
        .add(
            routes!(password_reset::confirm_password_reset),
            Policy::anonymous().rate_limit(RateLimit::Authentication),
        )
        .add(
            routes!(verify_email::verify_email),
            Policy::anonymous().rate_limit(RateLimit::Strict),
        )
        .add(
            routes!(resend_verification::resend_verification),
            Policy::user()
                .without_second_factor()
                .rate_limit(RateLimit::Authentication),
        )
        .add(
            routes!(two_factor::enrol_two_factor),
            Policy::user()
                .verified_email()
                .without_second_factor()
                .rate_limit(RateLimit::Strict),
        )
        .add(
            routes!(two_factor::confirm_two_factor),
            Policy::user()
                .verified_email()
                .without_second_factor()
                .rate_limit(RateLimit::Strict)
                .renews_cookie(),
        )
        .add(
            routes!(two_factor::remove_two_factor),
            Policy::user()
                .signed_scope(Scope::AccountCritical)
                .rate_limit(RateLimit::Strict)
                .renews_cookie(),
        )
        .add(
            routes!(two_factor::renew_recovery_codes),
            Policy::user()
                .signed_scope(Scope::AccountCritical)
                .rate_limit(RateLimit::Strict)
                .renews_cookie(),
        )
        .add(
            routes!(invitations::create_invitation),
            Policy::admin().rate_limit(RateLimit::Strict).idempotent(),
        )
        .add(
            routes!(sessions::list_sessions),
            Policy::user().scope(Scope::AccountRead),
        )
        .add(
            routes!(sessions::revoke_session),
            Policy::user().scope(Scope::AccountWrite).idempotent(),
        )
}
