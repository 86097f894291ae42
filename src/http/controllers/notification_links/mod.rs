//! Links in messages: for whoever has one, and good for one thing each.

pub(in crate::http) mod follow;

use utoipa_axum::routes;

use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

/// Whoever has a link. Limited by address, like whatever takes secrets.
const LINK: Policy = Policy::anonymous().rate_limit(RateLimit::ByAddress);

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(follow::show_notification_link), LINK)
        .add(routes!(follow::follow_notification_link), LINK)
}
