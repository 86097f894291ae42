//! The metrics recorder's upkeep: it forgets what nobody reads any more.

use std::time::Duration;

use coinsphere_actors::supervision::{StatusRegistry, SupervisedLoop};
use metrics_exporter_prometheus::PrometheusHandle;

/// Interval between two rounds.
const ROUND: Duration = Duration::from_secs(5);

/// The time for which it may go without one.
const PROGRESS: Duration = Duration::from_secs(30);

/// Keeps the recorder tidy until the part is stopped.
#[must_use]
pub(crate) fn keep(metrics: PrometheusHandle, statuses: &StatusRegistry) -> SupervisedLoop {
    SupervisedLoop::start(statuses, "metrics_upkeep", PROGRESS, move |context| {
        let (metrics, of) = (metrics.clone(), context.clone());
        context.until_quit(async move {
            let mut every = tokio::time::interval(ROUND);
            loop {
                every.tick().await;
                of.running();
                metrics.run_upkeep();
            }
        })
    })
}
