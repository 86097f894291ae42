//! Live trades, candles, forecasts and values of portfolios over WebSocket, as `docs/stream.md` specifies.

pub(in crate::http) mod connect;
mod protocol;
mod session;

use utoipa_axum::routes;

use crate::http::policy::Policy;
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes.add(routes!(connect::connect_stream), Policy::market_data())
}
