//! `POST /api/v1/notification-channels`

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::views::{ChannelView, QuietHoursView};
use crate::http::extract::json::{JsonBody, Line};
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::middleware::idempotency::DoNotReplay;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;

/// The channel to create.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = NotificationChannelRequest)]
pub(in crate::http) struct CreateBody {
    /// A name for it, unique among your channels.
    #[schema(value_type = String, example = "my phone", min_length = 1, max_length = 100)]
    name: Line,
    /// `webhook`, `email`, `ntfy`, `telegram`, `slack`, `discord`, `gotify`, `web_push` or `apprise`.
    #[schema(example = "ntfy", max_length = 20)]
    kind: String,
    /// Its settings, which depend on the kind; see docs/notifications.md. They are never shown again.
    #[schema(value_type = Object, example = json!({"server": "https://ntfy.sh", "topic": "prices"}))]
    settings: Map<String, Value>,
    /// When it is quiet; without them it never is.
    quiet_hours: Option<QuietHoursView>,
}

/// A channel, and the secret of a webhook.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewNotificationChannel)]
pub(in crate::http) struct NewChannelView {
    #[serde(flatten)]
    channel: ChannelView,
    /// The secret by which a webhook verifies messages, shown only once; null for other kinds.
    #[schema(example = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")]
    secret: Option<String>,
}

/// Creates a channel. Have a test message sent, and verify the channel by its code.
#[utoipa::path(
    post, path = "/api/v1/notification-channels", tag = "notifications",
    request_body = CreateBody,
    responses(
        (status = 201, description = "The channel", body = NewChannelView),
        (status = 409, description = "`conflict`: there is a channel with this name, or there are 20 already")
    )
)]
pub(in crate::http) async fn create_notification_channel(
    State(state): State<NotificationState>,
    principal: Principal,
    params: Params,
    JsonBody(body): JsonBody<CreateBody>,
) -> Result<(StatusCode, Extension<DoNotReplay>, NoStore<NewChannelView>), Problem> {
    params.finish()?;
    let quiet_hours = body.quiet_hours.map(Into::into);
    let (channel, secret) = state
        .notifications
        .create_channel(
            principal.user.0,
            &body.name,
            &body.kind,
            body.settings,
            quiet_hours.as_ref(),
        )
        .await?;
    let body = NewChannelView {
        channel: channel.into(),
        secret,
    };
    Ok((StatusCode::CREATED, Extension(DoNotReplay), NoStore(body)))
}
