//! The data of users, by feature: each registers what it exports, and what it erases when an account is
//! deleted. It knows no feature.

use async_trait::async_trait;
use coinsphere_pipelines::store::{StoreError, Transaction, query};
use serde_json::Value;
use uuid::Uuid;

/// Whose data it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataSubject {
    /// The account.
    pub id: Uuid,
    /// The email address as it is compared.
    pub email_key: String,
}

/// Data that a feature keeps of users.
#[async_trait]
pub trait UserData: Send + Sync + 'static {
    /// The tables that it answers for: every table with a `user_id` column is some feature's.
    fn tables(&self) -> &'static [&'static str];

    /// Data kept of a user, as named parts. Never a hash or a secret.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn export(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<Vec<(&'static str, Value)>, StoreError>;

    /// Erases what does not go with the account's own row (`ON DELETE CASCADE`).
    ///
    /// # Errors
    /// When it cannot be erased; then the account is not deleted either.
    async fn erase(&self, database: &Transaction<'_>, user: &DataSubject)
    -> Result<(), StoreError>;
}

/// The rows of a query whose `$1` is the user, as a JSON list.
///
/// # Errors
/// When they cannot be read.
pub(crate) async fn rows_of(
    database: &Transaction<'_>,
    rows: &str,
    user: &DataSubject,
) -> Result<Value, StoreError> {
    let sql = format!("SELECT coalesce(jsonb_agg(to_jsonb(part)), '[]') FROM ({rows}) AS part");
    let rows = query(database, "export an account", &sql, &[&user.id]).await?;
    Ok(rows.first().map_or(Value::Null, |row| row.get(0)))
}
