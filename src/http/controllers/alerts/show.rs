//! `GET /api/v1/alerts/{id}`

use axum::extract::{Path, State};

use super::views::{AlertView, id};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AlertState;

/// Shows an alert of yours.
#[utoipa::path(
    get, path = "/api/v1/alerts/{id}", tag = "alerts",
    params(("id" = Uuid, Path, description = "The alert")),
    responses(
        (status = 200, description = "The alert", body = AlertView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn show_alert(
    State(state): State<AlertState>,
    principal: Principal,
    Path(alert): Path<String>,
    params: Params,
) -> Result<NoStore<AlertView>, Problem> {
    params.finish()?;
    let found = state.alerts.alert(principal.user.0, id(&alert)?).await?;
    Ok(NoStore(found.into()))
}
