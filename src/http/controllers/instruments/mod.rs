//! Instruments, by venue and the venue's own symbol.

pub(in crate::http) mod candles;
pub(in crate::http) mod coverage;
mod find;
pub(in crate::http) mod list;
pub(in crate::http) mod views;

use utoipa_axum::routes;

use crate::http::policy::Policy;
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_instruments), Policy::market_data())
        .add(routes!(candles::list_candles), Policy::market_data())
        .add(routes!(coverage::show_coverage), Policy::market_data())
}
