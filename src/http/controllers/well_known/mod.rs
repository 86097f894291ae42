//! Documents at well-known paths (RFC 8615).

pub(in crate::http) mod jwks;

use utoipa_axum::routes;

use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes.add(
        routes!(jwks::show_jwks),
        Policy::anonymous().rate_limit(RateLimit::Unlimited),
    )
}
