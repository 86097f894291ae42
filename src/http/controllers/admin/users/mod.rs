//! Users, as admins see them.

pub(in crate::http) mod change;
pub(in crate::http) mod delete;
pub(in crate::http) mod list;
pub(in crate::http) mod sessions;
pub(in crate::http) mod show;
mod views;

use utoipa_axum::routes;

use crate::http::policy::Policy;
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_users), Policy::admin())
        .add(routes!(show::show_user), Policy::admin())
        .add(routes!(change::change_user), Policy::admin().idempotent())
        .add(routes!(delete::delete_user), Policy::admin().idempotent())
        .add(routes!(sessions::list_user_sessions), Policy::admin())
        .add(
            routes!(sessions::revoke_user_sessions),
            Policy::admin().idempotent(),
        )
        .add(
            routes!(sessions::revoke_user_session),
            Policy::admin().idempotent(),
        )
}
