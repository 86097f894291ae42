//! `DELETE /api/v1/notification-channels/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;

/// Removes a channel, and what it was to deliver.
#[utoipa::path(
    delete, path = "/api/v1/notification-channels/{id}", tag = "notifications",
    params(("id" = Uuid, Path, description = "The channel")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn delete_notification_channel(
    State(state): State<NotificationState>,
    principal: Principal,
    Path(channel): Path<String>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.finish()?;
    let channel = id(&channel, "channel")?;
    state
        .notifications
        .delete_channel(principal.user.0, channel)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
