//! Backfills that admins ask for; they are jobs, which are listed, shown and cancelled as such.

pub(in crate::http) mod create;

use utoipa_axum::routes;

use crate::http::policy::Policy;
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes.add(
        routes!(create::create_backfill),
        Policy::admin_or_server_token().idempotent(),
    )
}
