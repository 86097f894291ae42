//! Figures of a portfolio: holdings, performance, risk, allocation, history, tax reports. They are computed when the
//! portfolio changes and answered from memory.

pub(in crate::http) mod allocation;
pub(in crate::http) mod comparison;
pub(in crate::http) mod explain;
pub(in crate::http) mod history;
pub(in crate::http) mod holdings;
pub(in crate::http) mod performance;
pub(in crate::http) mod range;
pub(in crate::http) mod risk;
pub(in crate::http) mod summary;
pub(in crate::http) mod tax;
pub(in crate::http) mod tax_views;

use utoipa_axum::routes;

use super::READ;
use crate::http::router::Routes;

/// The routes, each with its policy.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(holdings::list_holdings), READ)
        .add(routes!(performance::show_performance), READ)
        .add(routes!(risk::show_risk), READ)
        .add(routes!(allocation::show_allocation), READ)
        .add(routes!(history::show_portfolio_history), READ)
        .add(routes!(tax::show_tax_report), READ)
        .add(routes!(explain::explain_figure), READ)
}
