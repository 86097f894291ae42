//! `POST /api/v1/notification-channels/{id}/test`

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;

/// Outcome of a test message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotificationChannelTest)]
pub(in crate::http) struct TestView {
    /// True if the receiver took it.
    delivered: bool,
    /// The fault; null if there was none. Nothing of the answer is shown but its status.
    #[schema(example = "the receiver answered 404 Not Found")]
    error: Option<String>,
}

/// Sends a test message at once. Its code verifies the channel for 30 minutes.
#[utoipa::path(
    post, path = "/api/v1/notification-channels/{id}/test", tag = "notifications",
    params(("id" = Uuid, Path, description = "The channel")),
    responses(
        (status = 200, description = "The outcome", body = TestView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn test_notification_channel(
    State(state): State<NotificationState>,
    principal: Principal,
    Path(channel): Path<String>,
    params: Params,
) -> Result<NoStore<TestView>, Problem> {
    params.finish()?;
    let channel = id(&channel, "channel")?;
    let outcome = state
        .notifications
        .test_channel(principal.user.0, channel)
        .await?;
    Ok(NoStore(TestView {
        delivered: outcome.delivered,
        error: outcome.error,
    }))
}
