//! The data that notifications keep of a user.

use async_trait::async_trait;
use coinsphere_pipelines::store::{StoreError, Transaction};
use serde_json::Value;

use crate::user_data::{DataSubject, UserData, rows_of};

/// Each part of an export: its name, and the rows it is made of. Never the settings of a channel, which
/// contain secrets.
const PARTS: [(&str, &str); 3] = [
    (
        "notification_channels",
        "SELECT id, kind, name, state, reason, quiet_from, quiet_to, quiet_zone, last_success_at, created_at \
         FROM notification_channels WHERE user_id = $1 ORDER BY created_at",
    ),
    (
        "notifications",
        "SELECT id, kind, severity, title, body, link, fields, created_at, read_at, acknowledged_at \
         FROM notifications WHERE user_id = $1 ORDER BY number",
    ),
    (
        "deliveries",
        "SELECT d.notification_id, d.channel_id, d.state, d.attempts, d.created_at, d.finished_at \
         FROM deliveries d JOIN notifications n ON n.id = d.notification_id WHERE n.user_id = $1 \
         ORDER BY d.created_at",
    ),
];

/// The data that notifications keep of a user.
pub struct NotificationUserData;

#[async_trait]
impl UserData for NotificationUserData {
    fn tables(&self) -> &'static [&'static str] {
        &["notification_channels", "notifications", "deliveries"]
    }

    async fn export(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<Vec<(&'static str, Value)>, StoreError> {
        let mut parts = Vec::new();
        for (name, rows) in PARTS {
            parts.push((name, rows_of(database, rows, user).await?));
        }
        Ok(parts)
    }

    /// Nothing here: all of it goes with the account's row (`ON DELETE CASCADE`).
    async fn erase(&self, _: &Transaction<'_>, _: &DataSubject) -> Result<(), StoreError> {
        Ok(())
    }
}
