//! The health of the server.

pub(in crate::http) mod live;
pub(in crate::http) mod show;

use utoipa_axum::routes;

use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(
            routes!(show::show_health),
            Policy::anonymous().rate_limit(RateLimit::Unlimited),
        )
        .add(
            routes!(live::show_liveness),
            Policy::anonymous().rate_limit(RateLimit::Unlimited),
        )
}
