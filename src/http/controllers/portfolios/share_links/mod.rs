//! Links by which anybody may look at a portfolio.

pub(in crate::http) mod create;
pub(in crate::http) mod list;
pub(in crate::http) mod revoke;
mod views;

use utoipa_axum::routes;

use super::{READ, WRITE};
use crate::http::policy::RateLimit;
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_share_links), READ)
        .add(
            routes!(create::create_share_link),
            WRITE.rate_limit(RateLimit::Strict),
        )
        .add(routes!(revoke::revoke_share_link), WRITE)
}
