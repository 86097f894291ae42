//! The health report, made from the statuses a few times a second, so that answering `/health` waits
//! for nothing.

use std::sync::Arc;
use std::time::Duration;

use coinsphere_actors::supervision::{PartState, PartStatus, StatusRegistry, SupervisedLoop};
use coinsphere_pipelines::log::{EventLog, LogStatus};
use tokio::sync::watch;

use crate::telemetry::{HealthReport, ServiceHealth, ServiceStatus};

/// How often the report is made.
const EVERY: Duration = Duration::from_millis(200);

/// How long making it may take.
const PROGRESS: Duration = Duration::from_secs(5);

/// Keeps the report up to date until the part is dropped.
#[must_use]
pub(crate) fn keep(
    statuses: StatusRegistry,
    log: Option<Arc<dyn EventLog>>,
) -> (watch::Receiver<Arc<HealthReport>>, SupervisedLoop) {
    let (report, reader) = watch::channel(Arc::new(make(&statuses, log.as_deref())));
    let report = Arc::new(report);
    let part = SupervisedLoop::start(
        &statuses.clone(),
        "health_report",
        PROGRESS,
        move |context| {
            let (report, statuses, log) = (Arc::clone(&report), statuses.clone(), log.clone());
            let of = context.clone();
            context.until_quit(async move {
                let mut every = tokio::time::interval(EVERY);
                loop {
                    every.tick().await;
                    of.running();
                    report.send_replace(Arc::new(make(&statuses, log.as_deref())));
                }
            })
        },
    );
    (reader, part)
}

fn make(statuses: &StatusRegistry, log: Option<&dyn EventLog>) -> HealthReport {
    let mut report = HealthReport::default();
    for (name, part) in statuses.snapshot() {
        report.set(&name, part_health(&part));
    }
    if let Some(log) = log {
        let status = log.status();
        show_log(log, &status);
        report.set("event_log", log_health(&status));
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

/// A log that takes no more is down: what the venues say meanwhile is lost.
fn log_health(status: &LogStatus) -> ServiceHealth {
    match &status.failing {
        Some(reason) => ServiceHealth::new(ServiceStatus::Down).with_message(reason.clone()),
        None => ServiceHealth::new(ServiceStatus::Ok),
    }
    .with_state(status)
}
