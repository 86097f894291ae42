//! `GET /api/v1/notifications/{id}/deliveries`

use axum::extract::{Path, State};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::controllers::notification_channels::views::id;
use crate::http::extract::params::Params;
use crate::http::middleware::api_key_policy::Principal;
use crate::http::respond::no_store::NoStore;
use crate::http::respond::problem::Problem;
use crate::http::state::NotificationState;
use crate::notifications::Delivery;

/// The delivery of a notification by a channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(in crate::http) struct DeliveryView {
    /// The channel.
    channel: Uuid,
    /// `waiting`, `delivered`, `failed`, or `cancelled`: it was acknowledged before it was to be sent.
    #[schema(example = "delivered")]
    state: String,
    /// Number of attempts so far.
    #[schema(example = 1)]
    attempts: i32,
    /// When the next is due, while it waits.
    next_attempt_at: Option<DateTime<Utc>>,
    /// When it ended.
    finished_at: Option<DateTime<Utc>>,
    /// The fault of the last attempt.
    #[schema(example = "the receiver answered 503 Service Unavailable")]
    last_error: Option<String>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            channel: delivery.channel,
            state: delivery.state,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            finished_at: delivery.finished_at,
            last_error: delivery.last_error,
        }
    }
}

/// Deliveries of a notification.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Deliveries)]
pub(in crate::http) struct DeliveriesView {
    /// One for each channel.
    data: Vec<DeliveryView>,
}

/// Lists how a notification was delivered by each channel.
#[utoipa::path(
    get, path = "/api/v1/notifications/{id}/deliveries", tag = "notifications",
    params(("id" = Uuid, Path, description = "The notification")),
    responses(
        (status = 200, description = "The deliveries", body = DeliveriesView),
        (status = 404, description = "`not-found`: it does not exist, or belongs to another user")
    )
)]
pub(in crate::http) async fn list_deliveries(
    State(state): State<NotificationState>,
    principal: Principal,
    Path(notification): Path<String>,
    params: Params,
) -> Result<NoStore<DeliveriesView>, Problem> {
    params.finish()?;
    let notification = id(&notification, "notification")?;
    let deliveries = state
        .notifications
        .deliveries(principal.user.0, notification)
        .await?;
    let data = deliveries.into_iter().map(Into::into).collect();
    Ok(NoStore(DeliveriesView { data }))
}
