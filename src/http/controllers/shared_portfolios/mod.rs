//! Portfolios that were shared by a link: for whoever has it.

pub(in crate::http) mod show;

use utoipa_axum::routes;

use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

/// The route with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes.add(
        routes!(show::show_shared_portfolio),
        Policy::anonymous().rate_limit(RateLimit::Strict),
    )
}
