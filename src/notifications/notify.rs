//! Writes a notification for a user, in the caller's transaction: what it is about and that it is said are
//! recorded together, before anything is sent.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::{StoreError, Transaction, execute};
use serde_json::json;
use uuid::Uuid;

use super::channels::{Field, MessageKind, Severity};
use super::names::{kind_name, severity_name};

/// A notification to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// Its id: receivers see it in every attempt.
    pub id: Uuid,
    /// For whom.
    pub user: Uuid,
    /// Its occasion.
    pub kind: MessageKind,
    /// Its severity.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// A few sentences.
    pub body: String,
    /// Where to read more: a path of the server, or a URL.
    pub link: Option<String>,
    /// Facts by name.
    pub fields: Vec<Field>,
    /// The rule it comes from: where a channel can, a newer message replaces an older one.
    pub rule: Option<Uuid>,
    /// The key of what it is about: a second notification of the user with the same key is not written. At most 300
    /// characters.
    pub event_key: String,
    /// The channels that deliver it, besides the inbox. Those of others are passed over.
    pub channels: Vec<Uuid>,
    /// The time of the event.
    pub time: DateTime<Utc>,
}

/// Writes a notification and what is to be delivered of it; false, and nothing is written, if there is one
/// with its key already.
///
/// # Errors
/// When it cannot be written; then the transaction has failed.
pub async fn notify(
    transaction: &Transaction<'_>,
    new: &NewNotification,
) -> Result<bool, StoreError> {
    let written = execute(
        transaction,
        "write a notification",
        "WITH written AS (INSERT INTO notifications \
           (id, user_id, kind, severity, title, body, link, fields, event_key, created_at, rule_id) \
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12) \
           ON CONFLICT (user_id, event_key) DO NOTHING RETURNING id), \
         made AS (INSERT INTO deliveries (notification_id, channel_id, created_at, next_attempt_at) \
           SELECT written.id, c.id, $10, $10 FROM written, notification_channels c \
           WHERE c.id = ANY($11) AND c.user_id = $2 FOR KEY SHARE OF c) \
         SELECT id FROM written",
        &[
            &new.id,
            &new.user,
            &kind_name(new.kind),
            &severity_name(new.severity),
            &new.title,
            &new.body,
            &new.link,
            &json!(new.fields),
            &new.event_key,
            &new.time,
            &new.channels,
            &new.rule,
        ],
    )
    .await?;
    Ok(written > 0)
}
