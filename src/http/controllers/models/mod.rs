//! Versions of models: which there are, which serve, and what administrators may do with them.

pub(in crate::http) mod list;
pub(in crate::http) mod promote;
pub(in crate::http) mod show;
pub(in crate::http) mod train;
pub(in crate::http) mod views;

use utoipa_axum::routes;

use crate::http::policy::Policy;
use crate::http::router::Routes;

use crate::http::respond::problem::{Kind, Problem};

fn unknown(id: &str) -> Problem {
    let shown = shortened(id);
    Problem::new(Kind::UnknownModel).with_detail(format!(
        "there is no model {shown:?}; /api/v1/models lists them"
    ))
}

/// As much of what was sent as is worth showing.
fn shortened(id: &str) -> String {
    id.chars().take(60).collect()
}

/// The routes, each with its policy.
pub(in crate::http) fn routes(routes: Routes) -> Routes {
    routes
        .add(routes!(list::list_models), Policy::market_data())
        .add(routes!(show::show_model), Policy::market_data())
        .add(
            routes!(promote::promote_model),
            Policy::admin_or_server_token().idempotent(),
        )
        .add(
            routes!(train::train_models),
            Policy::admin_or_server_token().idempotent(),
        )
}
