//! The portfolios of users over the program's database, and their live values.

use std::sync::Arc;

use anyhow::Context;
use coinsphere_actors::database::Database;
use coinsphere_actors::supervision::{StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::clock::SharedClock;

use crate::accounts::AuditTrail;
use crate::audit::AuditLog;
use crate::secrets::Randomness;
use crate::user_portfolios::{PortfolioFigures, UserPortfolios, live};

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

/// Starts sending the values of portfolios to those who follow them.
pub(super) fn start_live(figures: &PortfolioFigures, statuses: &StatusRegistry) -> SupervisedLoop {
    let figures = figures.clone();
    SupervisedLoop::start(statuses, live::NAME, live::PROGRESS, move |context| {
        let (figures, of) = (figures.clone(), context.clone());
        context.until_quit(live::run(figures, of))
    })
}
