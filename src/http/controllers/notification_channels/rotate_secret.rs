//! `POST /api/v1/notification-channels/{id}/rotate-secret`

use axum::Extension;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::middleware::idempotency::DoNotReplay;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;

/// A webhook's secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotificationChannelSecret)]
pub(in crate::http) struct SecretView {
    /// The secret, shown only once.
    #[schema(example = "whsec_AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")]
    secret: String,
}

/// Gives a webhook another secret. For a day messages are signed with the one before too.
#[utoipa::path(
    post, path = "/api/v1/notification-channels/{id}/rotate-secret", tag = "notifications",
    params(("id" = Uuid, Path, description = "The channel")),
    responses(
        (status = 200, description = "The secret", body = SecretView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user"),
        (status = 409, description = "`conflict`: it is no webhook")
    )
)]
pub(in crate::http) async fn rotate_notification_channel_secret(
    State(state): State<NotificationState>,
    principal: Principal,
    Path(channel): Path<String>,
    params: Params,
) -> Result<(Extension<DoNotReplay>, NoStore<SecretView>), Problem> {
    params.finish()?;
    let channel = id(&channel, "channel")?;
    let secret = state
        .notifications
        .rotate_channel_secret(principal.user.0, channel)
        .await?;
    Ok((Extension(DoNotReplay), NoStore(SecretView { secret })))
}
