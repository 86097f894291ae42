//! The part that does the backfills that admins ask for.

use std::sync::Arc;

use coinsphere_actors::database::Database;
use coinsphere_actors::supervision::{LoopActor, StatusRegistry, Supervise};
use coinsphere_pipelines::clock::SharedClock;

use crate::config::Config;
use crate::jobs::{JobRunner, Jobs};
use crate::market::BackfillHandler;

/// The part, to be supervised.
pub(super) fn part(
    config: &Config,
    database: &Arc<Database>,
    clock: &SharedClock,
    statuses: &StatusRegistry,
) -> Supervise {
    let runner = JobRunner {
        name: "backfills".to_owned(),
        jobs: Jobs::new(Arc::clone(database) as _, clock.clone()),
        handlers: vec![Arc::new(BackfillHandler {
            store: Arc::clone(database) as _,
            venues: config.venues.clone(),
            clock: clock.clone(),
        })],
        statuses: statuses.clone(),
    };
    LoopActor::supervised(runner.name.clone(), move |quit| runner.clone().run(quit))
}
