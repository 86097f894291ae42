//! Alerts of the user who is signed in, or of whose program it is.

pub(in crate::http) mod change;
pub(in crate::http) mod create;
pub(in crate::http) mod delete;
pub(in crate::http) mod events;
pub(in crate::http) mod list;
pub(in crate::http) mod pause;
pub(in crate::http) mod preview;
pub(in crate::http) mod resume;
pub(in crate::http) mod show;
pub(in crate::http) mod test;
pub(in crate::http) mod views;

use utoipa_axum::routes;

use crate::accounts::Scope;
use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

/// Who may read alerts.
const READ: Policy = Policy::user().scope(Scope::AlertsRead).verified_email();

/// Who may change alerts.
const WRITE: Policy = Policy::user()
    .scope(Scope::AlertsWrite)
    .verified_email()
    .idempotent();

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_alerts), READ)
        .add(routes!(create::create_alert), WRITE)
        .add(routes!(preview::preview_alert), READ)
        .add(routes!(show::show_alert), READ)
        .add(routes!(change::change_alert), WRITE)
        .add(routes!(delete::delete_alert), WRITE)
        .add(routes!(pause::pause_alert), WRITE)
        .add(routes!(resume::resume_alert), WRITE)
        .add(routes!(events::list_alert_events), READ)
        .add(
            routes!(test::test_alert),
            WRITE.rate_limit(RateLimit::Strict),
        )
}
