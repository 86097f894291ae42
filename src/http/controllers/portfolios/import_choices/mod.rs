//! Answers of a user to what imports asked: remembered for the next one until they are deleted.

pub(in crate::http) mod delete;
pub(in crate::http) mod list;

use utoipa_axum::routes;

use super::{READ, WRITE};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_import_choices), READ)
        .add(routes!(delete::delete_import_choice), WRITE)
}
