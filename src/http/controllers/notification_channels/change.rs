//! `PATCH /api/v1/notification-channels/{id}`

use axum::extract::{Path, State};
use garde::Validate;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::views::{ChannelView, QuietHoursView, id};
use crate::http::extract::json::{JsonBody, Line, given};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;

/// The changes to a channel; absent fields stay as they are.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = NotificationChannelChange)]
pub(in crate::http) struct ChangeBody {
    /// The name.
    #[schema(value_type = Option<String>, example = "my phone", min_length = 1, max_length = 100)]
    name: Option<Line>,
    /// All settings, in place of those before; the channel has to be verified again.
    #[schema(value_type = Option<Object>, example = json!({"server": "https://ntfy.sh", "topic": "prices"}))]
    settings: Option<Map<String, Value>>,
    /// When it is quiet; null: never more.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<QuietHoursView>)]
    quiet_hours: Option<Option<QuietHoursView>>,
}

/// Renames a channel, changes its settings or when it is quiet.
#[utoipa::path(
    patch, path = "/api/v1/notification-channels/{id}", tag = "notifications",
    params(("id" = Uuid, Path, description = "The channel")),
    request_body = ChangeBody,
    responses(
        (status = 200, description = "The channel", body = ChannelView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: there is a channel with this name")
    )
)]
pub(in crate::http) async fn change_notification_channel(
    State(state): State<NotificationState>,
    principal: Principal,
    Path(channel): Path<String>,
    params: Params,
    JsonBody(body): JsonBody<ChangeBody>,
) -> Result<NoStore<ChannelView>, Problem> {
    params.finish()?;
    let channel = id(&channel, "channel")?;
    let quiet_hours = body.quiet_hours.map(|hours| hours.map(Into::into));
    let channel = state
        .notifications
        .change_channel(
            principal.user.0,
            channel,
            body.name.as_deref(),
            body.settings,
            quiet_hours.as_ref().map(Option::as_ref),
        )
        .await?;
    Ok(NoStore(channel.into()))
}
