//! Transfers between the accounts of a portfolio, in place of a withdrawal and a deposit.

pub(in crate::http) mod create;
pub(in crate::http) mod list_proposals;

use utoipa_axum::routes;

use super::{READ, WRITE};
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list_proposals::list_transfer_proposals), READ)
        .add(routes!(create::create_transfer), WRITE)
}
