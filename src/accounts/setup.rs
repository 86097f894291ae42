//! The first admin of a new installation.

use std::time::Duration;

use super::Accounts;
use crate::output::print_line;

/// The time to wait before the database is asked again.
const RETRY: Duration = Duration::from_secs(2);

impl Accounts {
    /// Waits for the database, and where there is no admin yet prints a token to become one with: on
    /// standard output, for whoever started it: the log, on standard error, never has it.
    pub async fn offer_setup(&self) {
        loop {
            match self.setup_token().await {
                Ok(Some(setup)) => {
                    print_line!(
                        "there is no admin yet: to become one, register by {} with this token as `invitation`, or run `coinsphere user create --admin`\n  {}",
                        setup.expires_at.format("%Y-%m-%dT%H:%M:%SZ"),
                        setup.token
                    );
                    return;
                }
                Ok(None) => return,
                Err(error) if error.is_retriable() => tokio::time::sleep(RETRY).await,
                Err(error) => {
                    tracing::error!(%error, "cannot look for an admin");
                    return;
                }
            }
        }
    }
}
