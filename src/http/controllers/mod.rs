//! The handlers: `<noun>/<verb>.rs`. Each validates, asks, and shapes an answer.

pub(super) mod admin;
pub(super) mod alerts;
pub(super) mod auth;
pub(super) mod health;
pub(super) mod instruments;
pub(super) mod metrics;
pub(super) mod models;
pub(super) mod notification_channels;
pub(super) mod notification_links;
pub(super) mod notifications;
pub(super) mod portfolios;
pub(super) mod predictions;
pub(super) mod shared_portfolios;
pub(super) mod stream;
pub(super) mod tokens;
pub(super) mod well_known;

use crate::http::router::Routes;

/// Every route of the API, and of what monitors the server.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    [
        health::routes,
        metrics::routes,
        tokens::routes,
        instruments::routes,
        predictions::routes,
        models::routes,
        stream::routes,
        auth::routes,
        auth::browser::routes,
        auth::oidc::routes,
        auth::api_keys::routes,
        alerts::routes,
        notification_channels::routes,
        notification_links::routes,
        notifications::routes,
        portfolios::routes,
        shared_portfolios::routes,
        admin::users::routes,
        admin::jobs::routes,
        admin::backfills::routes,
        well_known::routes,
    ]
    .into_iter()
    .fold(routes, |routes, of_noun| of_noun(routes))
}
