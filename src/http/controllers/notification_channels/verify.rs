//! `POST /api/v1/notification-channels/{id}/verify`

use axum::extract::{Path, State};
use garde::Validate;
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{ChannelView, id};
use crate::http::extract::json::JsonBody;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;

/// The code of a test message.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = NotificationChannelCode)]
pub(in crate::http) struct VerifyBody {
    /// The code.
    #[schema(example = "12345678", max_length = 20)]
    code: String,
}

/// Verifies a channel by the code of its last test message: it is used from now on.
#[utoipa::path(
    post, path = "/api/v1/notification-channels/{id}/verify", tag = "notifications",
    params(("id" = Uuid, Path, description = "The channel")),
    request_body = VerifyBody,
    responses(
        (status = 200, description = "The channel", body = ChannelView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn verify_notification_channel(
    State(state): State<NotificationState>,
    principal: Principal,
    Path(channel): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<VerifyBody>,
) -> Result<NoStore<ChannelView>, Problem> {
    params.finish()?;
    let channel = id(&channel, "channel")?;
    let channel = state
        .notifications
        .verify_channel(principal.user.0, channel, &body.code)
        .await?;
    Ok(NoStore(channel.into()))
}
