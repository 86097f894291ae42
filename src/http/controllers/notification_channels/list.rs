//! `GET /api/v1/notification-channels`

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::views::ChannelView;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;

/// The channels.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotificationChannels)]
pub(in crate::http) struct ChannelsView {
    /// Oldest first; at most 20.
    data: Vec<ChannelView>,
    /// The key by which browsers subscribe to Web Push (`applicationServerKey`), base64url.
    web_push_key: String,
}

/// Lists your channels.
#[utoipa::path(
    get, path = "/api/v1/notification-channels", tag = "notifications",
    responses(
        (status = 200, description = "The channels", body = ChannelsView)
    )
)]
pub(in crate::http) async fn list_notification_channels(
    State(state): State<NotificationState>,
    principal: Principal,
    params: Params,
) -> Result<NoStore<ChannelsView>, Problem> {
    params.finish()?;
    let channels = state.notifications.channels(principal.user.0).await?;
    Ok(NoStore(ChannelsView {
        data: channels.into_iter().map(Into::into).collect(),
        web_push_key: state.notifications.web_push_key().to_owned(),
    }))
}
