//! The shapes that several answers share, and refusals as clients may see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::respond::problem::{FieldError, Kind, Problem};
use crate::notifications::{NotificationError, QuietHours, UserChannel};

/// When a channel is quiet: what is not urgent is sent afterwards.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = QuietHours)]
pub(in crate::http) struct QuietHoursView {
    /// From this time of day on.
    #[schema(example = "22:00")]
    from: String,
    /// Until this one, the next day if it is earlier.
    #[schema(example = "07:00")]
    to: String,
    /// The time zone by its IANA name.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
}

impl From<QuietHours> for QuietHoursView {
    fn from(hours: QuietHours) -> Self {
        Self {
            from: hours.from,
            to: hours.to,
            time_zone: hours.time_zone,
        }
    }
}

impl From<QuietHoursView> for QuietHours {
    fn from(hours: QuietHoursView) -> Self {
        Self {
            from: hours.from,
            to: hours.to,
            time_zone: hours.time_zone,
        }
    }
}

/// A channel that delivers notifications, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotificationChannel)]
pub(in crate::http) struct ChannelView {
    /// The channel.
    id: Uuid,
    /// `webhook`, `email`, `ntfy`, `telegram`, `slack`, `discord`, `gotify`, `web_push` or `apprise`.
    #[schema(example = "ntfy")]
    kind: String,
    /// Its name.
    #[schema(example = "my phone")]
    name: String,
    /// The host that it sends to; the rest of its settings is never shown.
    #[schema(example = "ntfy.sh")]
    host: Option<String>,
    /// `unverified`, `active` or `disabled`.
    #[schema(example = "active")]
    state: String,
    /// Why it is disabled.
    reason: Option<String>,
    /// When it is quiet; null: never.
    quiet_hours: Option<QuietHoursView>,
    /// Number of failures in a row.
    #[schema(example = 0)]
    failures: i32,
    /// When a message was delivered last.
    last_success_at: Option<DateTime<Utc>>,
    /// Time of creation.
    created_at: DateTime<Utc>,
}

impl From<UserChannel> for ChannelView {
    fn from(channel: UserChannel) -> Self {
        Self {
            id: channel.id,
            kind: channel.kind,
            name: channel.name,
            host: channel.host,
            state: channel.state,
            reason: channel.reason,
            quiet_hours: channel.quiet_hours.map(Into::into),
            failures: channel.failures,
            last_success_at: channel.last_success_at,
            created_at: channel.created_at,
        }
    }
}

/// The id of something in a path: what is none names nothing.
pub(in crate::http) fn id(text: &str, what: &'static str) -> Result<Uuid, Problem> {
    text.parse()
        .map_err(|_| NotificationError::Unknown(what).into())
}

impl From<NotificationError> for Problem {
    /// Causes within us stay in our log.
    fn from(error: NotificationError) -> Self {
        match error {
            NotificationError::Invalid { field, detail } => Self::invalid(vec![FieldError {
                field: field.to_owned(),
                detail,
            }]),
            NotificationError::Unknown(what) => {
                Self::new(Kind::NotFound).with_detail(format!("there is no such {what}"))
            }
            NotificationError::Conflict(why) => Self::new(Kind::Conflict).with_detail(why),
            error if error.is_retriable() => {
                tracing::warn!(%error, "cannot answer a request");
                Self::new(Kind::Unavailable)
                    .with_detail("the database is unavailable; try again soon")
            }
            error => {
                tracing::error!(%error, "cannot answer a request");
                Self::new(Kind::Internal)
            }
        }
    }
}
