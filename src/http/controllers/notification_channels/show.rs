//! `GET /api/v1/notification-channels/{id}`

use axum::extract::{Path, State};

use super::views::{ChannelView, id};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;

/// Shows a channel.
#[utoipa::path(
    get, path = "/api/v1/notification-channels/{id}", tag = "notifications",
    params(("id" = Uuid, Path, description = "The channel")),
    responses(
        (status = 200, description = "The channel", body = ChannelView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn show_notification_channel(
    State(state): State<NotificationState>,
    principal: Principal,
    Path(channel): Path<String>,
    params: Params,
) -> Result<NoStore<ChannelView>, Problem> {
    params.finish()?;
    let channel = id(&channel, "channel")?;
    let channel = state
        .notifications
        .channel(principal.user.0, channel)
        .await?;
    Ok(NoStore(channel.into()))
}
