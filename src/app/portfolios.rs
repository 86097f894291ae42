//! The portfolios of users over the program's database.

use std::sync::Arc;

use anyhow::Context;
use coinsphere_actors::database::Database;
use coinsphere_pipelines::clock::SharedClock;

use crate::accounts::AuditTrail;
use crate::audit::AuditLog;
use crate::secrets::Randomness;
use crate::user_portfolios::UserPortfolios;

/// The portfolios of this database.
///
/// # Errors
/// When the system has no randomness to give.
pub(super) fn open(
    database: &Arc<Database>,
    clock: &SharedClock,
    audit: &Arc<AuditLog>,
) -> anyhow::Result<UserPortfolios> {
    Ok(UserPortfolios::new(
        Arc::clone(database) as _,
        clock.clone(),
        Randomness::of_system().context("no randomness to be had")?,
        Arc::new(AuditTrail::new(audit)),
    ))
}
