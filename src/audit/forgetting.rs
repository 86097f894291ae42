//! Makes the entries of deleted accounts pseudonymous, again and again.

use std::time::Duration;

use super::AuditLog;

/// Interval between scans for entries of people who have no account any more.
const ROUND: Duration = Duration::from_secs(3_600);

/// Delay of the next scan after one that found some, or failed.
const RETRY: Duration = Duration::from_secs(5);

impl AuditLog {
    /// Makes the entries of everybody pseudonymous whose account is gone, again and again: a deletion
    /// that was cut short, by a crash or the database, is finished so. `begins` hears of each scan. Runs
    /// until dropped.
    pub async fn keep_forgetting(&self, begins: impl Fn() + Send) {
        loop {
            begins();
            let wait = match self.forget_the_gone().await {
                Ok(0) => ROUND,
                Ok(count) => {
                    tracing::info!(count, "deleted accounts were forgotten in the audit log");
                    RETRY
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot look for deleted accounts in the audit log");
                    RETRY
                }
            };
            tokio::time::sleep(wait).await;
        }
    }
}
