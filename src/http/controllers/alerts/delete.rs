//! `DELETE /api/v1/alerts/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::AlertState;

/// Deletes an alert and its events. No trade after the answer is judged by it.
#[utoipa::path(
    delete, path = "/api/v1/alerts/{id}", tag = "alerts",
    params(("id" = Uuid, Path, description = "The alert")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn delete_alert(
    State(state): State<AlertState>,
    principal: Principal,
    Path(alert): Path<String>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    state.alerts.delete(principal.user.0, id(&alert)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
