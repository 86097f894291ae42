//! The health report, made from the statuses when somebody asks. Parts write those by themselves, so
//! answering waits for nothing that may be slow or away.

use std::sync::Arc;

use coinsphere_actors::supervision::{PartState, PartStatus, StatusRegistry};
use coinsphere_pipelines::log::{EventLog, LogStatus};

use crate::telemetry::{HealthReport, ServiceHealth, ServiceStatus};

/// The event log among the parts.
pub(crate) const LOG: &str = "event_log";

/// Makes the report. Clones are the same.
#[derive(Clone)]
pub struct HealthSource(Arc<dyn Fn() -> HealthReport + Send + Sync>);

impl HealthSource {
    /// Of whatever this answers.
    #[must_use]
    pub fn new(report: impl Fn() -> HealthReport + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }

    /// Of these parts and this log, which is a part too. Reporting sets their metrics.
    #[must_use]
    pub(crate) fn of_program(statuses: StatusRegistry, log: Option<Arc<dyn EventLog>>) -> Self {
        Self::new(move || make(&statuses, log.as_deref()))
    }

    /// The report of now.
    #[must_use]
    pub fn report(&self) -> HealthReport {
        (self.0)()
    }
}

fn make(statuses: &StatusRegistry, log: Option<&dyn EventLog>) -> HealthReport {
    if let Some(log) = log {
        let status = log.status();
        show_log(log, &status);
        // A log that takes no more is down: what the venues say meanwhile is lost.
        statuses.show(LOG, status.failing.clone(), status.restarts, &status);
    }
    let mut report = HealthReport::default();
    let parts = statuses.snapshot();
    StatusRegistry::record_metrics(&parts);
    for (name, part) in parts {
        report.set(&name, part_health(&part));
    }
    report
}

fn show_log(log: &dyn EventLog, status: &LogStatus) {
    if let Some(bytes) = status.bytes {
        metrics::gauge!("coinsphere_log_bytes").set(bytes as f64);
    }
    metrics::gauge!("coinsphere_log_up").set(f64::from(u8::from(status.failing.is_none())));
    for partition in 0..log.partitions() {
        let now = *log.progress(partition).borrow();
        let partition = partition.to_string();
        metrics::gauge!("coinsphere_log_head_offset", "partition" => partition.clone())
            .set(now.head.0 as f64);
        metrics::gauge!("coinsphere_log_synced_offset", "partition" => partition)
            .set(now.synced.0 as f64);
    }
}

fn part_health(part: &PartState) -> ServiceHealth {
    let status = match part.status {
        PartStatus::Running => ServiceStatus::Ok,
        PartStatus::Degraded => ServiceStatus::Degraded,
        PartStatus::Starting => ServiceStatus::Starting,
        PartStatus::Stopped => ServiceStatus::Off,
        PartStatus::BackingOff | PartStatus::Failed => ServiceStatus::Down,
    };
    let mut health = ServiceHealth::new(status).with_state(part);
    if let Some(error) = &part.last_error {
        health = health.with_message(error.clone());
    }
    health
}
