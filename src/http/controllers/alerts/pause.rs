//! `POST /api/v1/alerts/{id}/pause`

use axum::extract::{Path, State};

use super::views::{AlertView, id};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AlertState;

/// Pauses an alert: no trade after the answer is judged by it.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/pause", tag = "alerts",
    params(("id" = Uuid, Path, description = "The alert")),
    responses(
        (status = 200, description = "The alert", body = AlertView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: it has fired or expired")
    )
)]
pub(in crate::http) async fn pause_alert(
    State(state): State<AlertState>,
    principal: Principal,
    Path(alert): Path<String>,
    params: Params,
) -> Result<NoStore<AlertView>, Problem> {
    params.finish()?;
    let alert = state.alerts.pause(principal.user.0, id(&alert)?).await?;
    Ok(NoStore(alert.into()))
}
