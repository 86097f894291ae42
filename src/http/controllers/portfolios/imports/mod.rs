//! The imports of a portfolio.

pub(in crate::http) mod list;
pub(in crate::http) mod undo;
pub(in crate::http) mod views;

use utoipa_axum::routes;

use super::{READ, WRITE};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_portfolio_imports), READ)
        .add(routes!(undo::undo_portfolio_import), WRITE)
}
