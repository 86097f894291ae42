//! Keys for programs: made, listed, rotated and ended by a user who is signed in, or by a program
//! that signs its requests.

pub(in crate::http) mod create;
pub(in crate::http) mod list;
pub(in crate::http) mod public_key;
pub(in crate::http) mod revoke;
pub(in crate::http) mod rotate;
mod views;

use utoipa_axum::routes;

use crate::accounts::Scope;
use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(
            routes!(list::list_api_keys),
            Policy::user().scope(Scope::AccountRead),
        )
        .add(
            routes!(create::create_api_key),
            Policy::user()
                .signed_scope(Scope::KeysManage)
                .rate_limit(RateLimit::Strict)
                .idempotent(),
        )
        .add(
            routes!(revoke::revoke_api_key),
            Policy::user().signed_scope(Scope::KeysManage).idempotent(),
        )
        .add(
            routes!(rotate::rotate_api_key),
            Policy::user().signed_scope(Scope::KeysManage),
        )
        .add(
            routes!(public_key::set_public_key),
            Policy::user().rate_limit(RateLimit::Strict).idempotent(),
        )
        .add(
            routes!(public_key::remove_public_key),
            Policy::user().idempotent(),
        )
}
