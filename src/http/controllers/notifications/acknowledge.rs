//! `POST /api/v1/notifications/{id}/acknowledge`

use axum::extract::{Path, State};

use super::views::NotificationView;
use crate::http::controllers::notification_channels::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;

/// Acknowledges a notification, which marks it as read too.
#[utoipa::path(
    post, path = "/api/v1/notifications/{id}/acknowledge", tag = "notifications",
    params(("id" = Uuid, Path, description = "The notification")),
    responses(
        (status = 200, description = "The notification", body = NotificationView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn acknowledge_notification(
    State(state): State<NotificationState>,
    principal: Principal,
    Path(notification): Path<String>,
    params: Params,
) -> Result<NoStore<NotificationView>, Problem> {
    params.finish()?;
    let notification = id(&notification, "notification")?;
    let marked = state
        .notifications
        .mark(principal.user.0, notification, true)
        .await?;
    Ok(NoStore(marked.into()))
}
