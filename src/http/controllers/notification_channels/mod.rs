//! Channels that deliver notifications to the user who is signed in.

pub(in crate::http) mod change;
pub(in crate::http) mod create;
pub(in crate::http) mod delete;
pub(in crate::http) mod list;
pub(in crate::http) mod rotate_secret;
pub(in crate::http) mod show;
pub(in crate::http) mod test;
pub(in crate::http) mod verify;
pub(in crate::http) mod views;

use utoipa_axum::routes;

use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

/// Who may read channels.
const READ: Policy = Policy::user().verified_email();

/// Who may change channels.
const WRITE: Policy = READ.idempotent();

/// Sends something, or shows a secret.
const STRICT: Policy = WRITE.rate_limit(RateLimit::Strict);

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_notification_channels), READ)
        .add(routes!(create::create_notification_channel), STRICT)
        .add(routes!(show::show_notification_channel), READ)
        .add(routes!(change::change_notification_channel), WRITE)
        .add(routes!(delete::delete_notification_channel), WRITE)
        .add(routes!(test::test_notification_channel), STRICT)
        .add(routes!(verify::verify_notification_channel), STRICT)
        .add(
            routes!(rotate_secret::rotate_notification_channel_secret),
            STRICT,
        )
}
