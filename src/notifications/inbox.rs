//! The inbox of a user: what there is, what was read, and how each was delivered.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::query;
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use super::error::NotificationError;
use super::service::Notifications;

/// A notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The id.
    pub id: Uuid,
    /// Its place in the order in which notifications were written.
    pub number: i64,
    /// Its occasion.
    pub kind: String,
    /// How much it matters.
    pub severity: String,
    /// One line.
    pub title: String,
    /// A few sentences.
    pub body: String,
    /// Where to read more.
    pub link: Option<String>,
    /// Facts: a list of objects with `name` and `value`.
    pub fields: Value,
    /// The time of the event.
    pub created_at: DateTime<Utc>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// When it was acknowledged.
    pub acknowledged_at: Option<DateTime<Utc>>,
}

/// The delivery of a notification by a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The channel.
    pub channel: Uuid,
    /// `waiting`, `delivered`, `failed` or `cancelled`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i32,
    /// When the next is due, while it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The fault of the last attempt.
    pub last_error: Option<String>,
}

const COLUMNS: &str = "id, number, kind, severity, title, body, link, fields, created_at, read_at, \
    acknowledged_at";

fn notification(row: &Row) -> Notification {
    Notification {
        id: row.get(0),
        number: row.get(1),
        kind: row.get(2),
        severity: row.get(3),
        title: row.get(4),
        body: row.get(5),
        link: row.get(6),
        fields: row.get(7),
        created_at: row.get(8),
        read_at: row.get(9),
        acknowledged_at: row.get(10),
    }
}

impl Notifications {
    /// Notifications of a user, newest first, those before a number.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn inbox(
        &self,
        user: Uuid,
        before: Option<i64>,
        unread: bool,
        limit: u32,
    ) -> Result<Vec<Notification>, NotificationError> {
        let session = self.session().await?;
        let sql = format!(
            "SELECT {COLUMNS} FROM notifications WHERE user_id = $1 AND number < $2 \
             AND ($3 = false OR read_at IS NULL) ORDER BY number DESC LIMIT $4"
        );
        let before = before.unwrap_or(i64::MAX);
        let rows = query(
            &session,
            "list notifications",
            &sql,
            &[&user, &before, &unread, &i64::from(limit)],
        )
        .await?;
        Ok(rows.iter().map(notification).collect())
    }

    /// Marks a notification as read, or as acknowledged, which is to have read it too; the first time counts.
    ///
    /// # Errors
    /// When the user has no such notification, or the database is away.
    pub async fn mark(
        &self,
        user: Uuid,
        id: Uuid,
        acknowledged: bool,
    ) -> Result<Notification, NotificationError> {
        let session = self.session().await?;
        let sql = format!(
            "UPDATE notifications SET read_at = coalesce(read_at, $3), \
               acknowledged_at = CASE WHEN $4 THEN coalesce(acknowledged_at, $3) \
                 ELSE acknowledged_at END \
             WHERE id = $1 AND user_id = $2 RETURNING {COLUMNS}"
        );
        let rows = query(
            &session,
            "mark a notification",
            &sql,
            &[&id, &user, &self.now(), &acknowledged],
        )
        .await?;
        let row = rows.first();
        row.map(notification)
            .ok_or(NotificationError::Unknown("notification"))
    }

    /// Deliveries of a notification.
    ///
    /// # Errors
    /// When the user has no such notification, or the database is away.
    pub async fn deliveries(
        &self,
        user: Uuid,
        id: Uuid,
    ) -> Result<Vec<Delivery>, NotificationError> {
        let session = self.session().await?;
        let sql = "SELECT FROM notifications WHERE id = $1 AND user_id = $2";
        if query(&session, "look up a notification", sql, &[&id, &user])
            .await?
            .is_empty()
        {
            return Err(NotificationError::Unknown("notification"));
        }
        drop(session);
        let found = self.deliveries_of(&[id]).await?;
        Ok(found.into_iter().map(|(_, delivery)| delivery).collect())
    }

    /// Deliveries of notifications, each with the notification's id; whose they are, the caller knows.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn deliveries_of(
        &self,
        notifications: &[Uuid],
    ) -> Result<Vec<(Uuid, Delivery)>, NotificationError> {
        let session = self.session().await?;
        let rows = query(
            &session,
            "list deliveries",
            "SELECT notification_id, channel_id, state, attempts, next_attempt_at, finished_at, last_error \
             FROM deliveries WHERE notification_id = ANY($1) ORDER BY notification_id, channel_id",
            &[&notifications],
        )
        .await?;
        let delivery = |row: &Row| {
            let state: String = row.get(2);
            let delivery = Delivery {
                channel: row.get(1),
                attempts: row.get(3),
                next_attempt_at: (state == "waiting").then(|| row.get(4)),
                finished_at: row.get(5),
                last_error: row.get(6),
                state,
            };
            (row.get(0), delivery)
        };
        Ok(rows.iter().map(delivery).collect())
    }
}
