//! Sessions of browsers: signing in for a cookie, and CSRF tokens.

pub(in crate::http) mod csrf;
pub(in crate::http) mod login;

use utoipa_axum::routes;

use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(
            routes!(login::log_in_browser),
            Policy::anonymous().rate_limit(RateLimit::Authentication),
        )
        .add(
            routes!(csrf::show_csrf_token),
            Policy::browser_session().without_second_factor(),
        )
        .add(
            routes!(csrf::renew_csrf_token),
            Policy::browser_session().without_second_factor(),
        )
}
