//! `PATCH /api/v1/alerts/{id}`

use axum::extract::{Path, State};

use super::views::{AlertBody, AlertView, id};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AlertState;

/// Changes an alert; absent fields stay as they are. A changed rule is armed at the value there is now, with a
/// new revision; every trade after the answer is judged by it.
#[utoipa::path(
    patch, path = "/api/v1/alerts/{id}", tag = "alerts",
    params(("id" = Uuid, Path, description = "The alert")),
    request_body = AlertBody,
    responses(
        (status = 200, description = "The alert", body = AlertView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 503, description = "`unavailable`: alerts are not evaluated at the moment")
    )
)]
pub(in crate::http) async fn change_alert(
    State(state): State<AlertState>,
    principal: Principal,
    Path(alert): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<AlertBody>,
) -> Result<NoStore<AlertView>, Problem> {
    params.finish()?;
    let changed = state
        .alerts
        .change(principal.user.0, id(&alert)?, body.into())
        .await?;
    Ok(NoStore(changed.into()))
}
