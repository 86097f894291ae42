//! Durable jobs, as admins see and cancel them.

pub(in crate::http) mod cancel;
pub(in crate::http) mod list;
pub(in crate::http) mod show;
mod views;

use utoipa_axum::routes;

use crate::http::policy::Policy;
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_jobs), Policy::admin_or_server_token())
        .add(routes!(show::show_job), Policy::admin_or_server_token())
        .add(
            routes!(cancel::cancel_job),
            Policy::admin_or_server_token().idempotent(),
        )
}
