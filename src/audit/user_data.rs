//! The data that the audit log keeps of a user.

use async_trait::async_trait;
use coinsphere_pipelines::store::{StoreError, Transaction};
use serde_json::Value;

use crate::user_data::{DataSubject, UserData, rows_of};

/// The newest entries that a user did, or that were done to the account. Bounded: an export is one
/// answer.
const ENTRIES: &str = "SELECT l.at, l.event, l.outcome, o.address \
     FROM audit_people p JOIN audit_log l ON p.pseudonym IN (l.actor, l.target) \
     LEFT JOIN audit_origins o USING (seq) \
     WHERE p.user_id = $1 ORDER BY l.seq DESC LIMIT 1000";

/// Data that the audit log keeps of a user.
pub struct AuditUserData;

#[async_trait]
impl UserData for AuditUserData {
    fn tables(&self) -> &'static [&'static str] {
        &["audit_people"]
    }

    async fn export(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<Vec<(&'static str, Value)>, StoreError> {
        Ok(vec![("audit_log", rows_of(database, ENTRIES, user).await?)])
    }

    /// Nothing here: the deletion itself is still to be recorded. Right after that the entries become
    /// pseudonymous for good ([`super::AuditLog::forget`]), by [`super::AuditLog::keep_forgetting`] at
    /// the latest.
    async fn erase(&self, _: &Transaction<'_>, _: &DataSubject) -> Result<(), StoreError> {
        Ok(())
    }
}
