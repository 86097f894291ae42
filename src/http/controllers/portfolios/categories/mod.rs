//! The categories that a user gives to the assets of a portfolio.

pub(in crate::http) mod delete;
pub(in crate::http) mod list;
pub(in crate::http) mod put;
pub(in crate::http) mod views;

use utoipa_axum::routes;

use super::{READ, WRITE};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_categories), READ)
        .add(routes!(put::put_category), WRITE)
        .add(routes!(delete::delete_category), WRITE)
}
