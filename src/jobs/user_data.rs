//! Data that the table of jobs keeps of a user: the jobs they asked for.

use async_trait::async_trait;
use coinsphere_pipelines::store::{StoreError, Transaction};
use serde_json::Value;

use crate::user_data::{DataSubject, UserData, rows_of};

const ASKED_FOR: &str = "SELECT kind, arguments, created_at, finished_at, outcome FROM jobs \
     WHERE user_id = $1 ORDER BY created_at";

/// Data that the table of jobs keeps of a user.
pub struct JobUserData;

#[async_trait]
impl UserData for JobUserData {
    fn tables(&self) -> &'static [&'static str] {
        &["jobs"]
    }

    async fn export(
        &self,
        database: &Transaction<'_>,
        user: &DataSubject,
    ) -> Result<Vec<(&'static str, Value)>, StoreError> {
        Ok(vec![("jobs", rows_of(database, ASKED_FOR, user).await?)])
    }

    /// Nothing here: a job stays and forgets who asked, with the account's row (`ON DELETE SET NULL`).
    async fn erase(&self, _: &Transaction<'_>, _: &DataSubject) -> Result<(), StoreError> {
        Ok(())
    }
}
