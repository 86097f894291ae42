//! The data that alerts keep of a user.

use async_trait::async_trait;
use coinsphere_pipelines::store::{StoreError, Transaction};
use serde_json::Value;

use crate::user_data::{DataSubject, UserData, rows_of};

/// Each part of an export: its name, and the rows it is made of.
const PARTS: [(&str, &str); 2] = [
    (
        "alerts",
        "SELECT id, name, rule, channels, note, severity, revision, state, armed_at, armed_price, \
         fired_count, last_fired_at, created_at, silenced_until, escalation FROM alerts \
         WHERE user_id = $1 AND NOT is_deleted ORDER BY created_at",
    ),
    (
        "alert_events",
        "SELECT e.id, e.alert_id, e.revision, e.fired_at, e.late, e.in_gap, e.cause, e.value, \
         e.price_before, e.annotations, e.acknowledged_at FROM alert_events e \
         WHERE e.user_id = $1 ORDER BY e.sequence",
    ),
];

/// The data that alerts keep of a user.
pub struct AlertUserData;

#[async_trait]
impl UserData for AlertUserData {
    fn tables(&self) -> &'static [&'static str] {
        &["alerts", "alert_events"]
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
