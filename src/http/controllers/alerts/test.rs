//! `POST /api/v1/alerts/{id}/test`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::AlertState;

/// A test message on its way.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertTest)]
pub(in crate::http) struct AlertTestView {
    /// The notification: `GET /api/v1/notifications/{id}/deliveries` says how it was delivered.
    notification: Uuid,
}

/// Sends a test message by the alert's channels. Nothing fires.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/test", tag = "alerts",
    params(("id" = Uuid, Path, description = "The alert")),
    responses(
        (status = 202, description = "The notification, which is delivered at once", body = AlertTestView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn test_alert(
    State(state): State<AlertState>,
    principal: Principal,
    Path(alert): Path<String>,
    params: Params,
) -> Result<(StatusCode, NoStore<AlertTestView>), Problem> {
    params.finish()?;
    let notification = state.alerts.test(principal.user.0, id(&alert)?).await?;
    Ok((
        StatusCode::ACCEPTED,
        NoStore(AlertTestView { notification }),
    ))
}
