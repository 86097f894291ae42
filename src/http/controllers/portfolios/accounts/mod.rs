//! The accounts of a portfolio.

pub(in crate::http) mod create;
pub(in crate::http) mod delete;
pub(in crate::http) mod list;
pub(in crate::http) mod rename;
mod views;

use utoipa_axum::routes;

use super::{READ, WRITE};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_portfolio_accounts), READ)
        .add(routes!(create::create_portfolio_account), WRITE)
        .add(routes!(rename::rename_portfolio_account), WRITE)
        .add(routes!(delete::delete_portfolio_account), WRITE)
}
