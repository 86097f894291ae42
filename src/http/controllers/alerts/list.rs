//! `GET /api/v1/alerts`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::AlertView;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AlertState;

/// The alerts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alerts)]
pub(in crate::http) struct AlertsView {
    /// Oldest first; at most 1,000.
    data: Vec<AlertView>,
}

/// Lists your alerts.
#[utoipa::path(
    get, path = "/api/v1/alerts", tag = "alerts",
    responses(
        (status = 200, description = "The alerts", body = AlertsView)
    )
)]
pub(in crate::http) async fn list_alerts(
    State(state): State<AlertState>,
    principal: Principal,
    params: Params,
) -> Result<NoStore<AlertsView>, Problem> {
    params.finish()?;
    let alerts = state.alerts.list(principal.user.0).await?;
    let data = alerts.into_iter().map(Into::into).collect();
    Ok(NoStore(AlertsView { data }))
}
