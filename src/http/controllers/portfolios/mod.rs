//! Portfolios of the user who is signed in, or of whose program it is.

pub(in crate::http) mod accounts;
pub(in crate::http) mod categories;
pub(in crate::http) mod change;
pub(in crate::http) mod create;
pub(in crate::http) mod delete;
pub(in crate::http) mod export;
pub(in crate::http) mod figures;
pub(in crate::http) mod import;
pub(in crate::http) mod import_choices;
pub(in crate::http) mod imports;
pub(in crate::http) mod list;
pub(in crate::http) mod share_links;
pub(in crate::http) mod show;
pub(in crate::http) mod transactions;
pub(in crate::http) mod transfers;
pub(in crate::http) mod views;
pub(in crate::http) mod what_if;

use utoipa_axum::routes;

use crate::accounts::Scope;
use crate::http::policy::{Policy, RateLimit};
use crate::http::router::Routes;

/// Who may read portfolios.
const READ: Policy = Policy::user().scope(Scope::PortfolioRead).verified_email();

/// Who may change portfolios.
const WRITE: Policy = Policy::user()
    .scope(Scope::PortfolioWrite)
    .verified_email()
    .idempotent();

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    let routes = routes
        .add(routes!(list::list_portfolios), READ)
        .add(routes!(create::create_portfolio), WRITE)
        .add(routes!(show::show_portfolio), READ)
        .add(routes!(change::change_portfolio), WRITE)
        .add(routes!(delete::delete_portfolio), WRITE)
        .add(
            routes!(import::import_into_portfolio),
            WRITE.rate_limit(RateLimit::Strict).large_body(),
        )
        .add(routes!(export::export_portfolio), READ)
        .add(routes!(what_if::try_out_transactions), READ);
    let routes = accounts::routes(routes);
    let routes = figures::routes(routes);
    let routes = transactions::routes(routes);
    let routes = transfers::routes(routes);
    let routes = imports::routes(routes);
    let routes = import_choices::routes(routes);
    let routes = categories::routes(routes);
    share_links::routes(routes)
}
