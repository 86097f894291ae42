//! The transactions of a portfolio.

pub(in crate::http) mod bulk;
pub(in crate::http) mod create;
pub(in crate::http) mod delete;
pub(in crate::http) mod list;
pub(in crate::http) mod replace;
pub(in crate::http) mod show;
pub(in crate::http) mod views;

use utoipa_axum::routes;

use super::{READ, WRITE};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_transactions), READ)
        .add(routes!(create::create_transaction), WRITE)
        .add(routes!(bulk::create_transactions), WRITE)
        .add(routes!(show::show_transaction), READ)
        .add(routes!(replace::replace_transaction), WRITE)
        .add(routes!(delete::delete_transaction), WRITE)
}
