//! Notifications of the user who is signed in.

pub(in crate::http) mod acknowledge;
pub(in crate::http) mod deliveries;
pub(in crate::http) mod list;
pub(in crate::http) mod read;
pub(in crate::http) mod views;

use utoipa_axum::routes;

use crate::http::policy::Policy;
use crate::http::router::Routes;

/// Who may read notifications.
const READ: Policy = Policy::user().verified_email();

/// Who may mark notifications.
const WRITE: Policy = READ.idempotent();

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_notifications), READ)
        .add(routes!(read::read_notification), WRITE)
        .add(routes!(acknowledge::acknowledge_notification), WRITE)
        .add(routes!(deliveries::list_deliveries), READ)
}
