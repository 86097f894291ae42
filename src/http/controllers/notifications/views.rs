//! The shapes that several answers share.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::notifications::Notification;

/// A notification.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Notification)]
pub(in crate::http) struct NotificationView {
    /// The notification; receivers of it know it by this id.
    id: Uuid,
    /// Its occasion: `alert.fired`, `channel.disabled`.
    #[schema(example = "alert.fired")]
    kind: String,
    /// `info`, `normal` or `urgent`.
    #[schema(example = "normal")]
    severity: String,
    /// One line.
    #[schema(example = "BTC is above 60,000")]
    title: String,
    /// A few sentences.
    body: String,
    /// Where to read more: a path of the server, or a URL.
    link: Option<String>,
    /// Facts: objects with `name` and `value`.
    #[schema(value_type = Vec<Object>)]
    fields: Value,
    /// The time of the event.
    created_at: DateTime<Utc>,
    /// When it was read.
    read_at: Option<DateTime<Utc>>,
    /// When it was acknowledged.
    acknowledged_at: Option<DateTime<Utc>>,
}

impl From<Notification> for NotificationView {
    fn from(notification: Notification) -> Self {
        Self {
            id: notification.id,
            kind: notification.kind,
            severity: notification.severity,
            title: notification.title,
            body: notification.body,
            link: notification.link,
            fields: notification.fields,
            created_at: notification.created_at,
            read_at: notification.read_at,
            acknowledged_at: notification.acknowledged_at,
        }
    }
}
