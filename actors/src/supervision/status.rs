//! The state of every part of the system, for `/health`, `/metrics` and tests: one place that parts
//! write to and anybody reads without waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::faults::Faults;

/// Condition of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartStatus {
    /// Not ready for the first time yet.
    Starting,
    /// Doing its work.
    Running,
    /// Working, but something it needs is away; it goes on when that is back.
    Degraded,
    /// Failed; it will be started again.
    BackingOff,
    /// Ended as it was asked to.
    Stopped,
    /// Ended for good with an error.
    Failed,
}

impl PartStatus {
    /// Every one, with its name.
    const ALL: [(Self, &str); 6] = [
        (Self::Starting, "starting"),
        (Self::Running, "running"),
        (Self::Degraded, "degraded"),
        (Self::BackingOff, "backing_off"),
        (Self::Stopped, "stopped"),
        (Self::Failed, "failed"),
    ];
}

/// Known state of a part.
#[derive(Debug, Clone, Serialize)]
pub struct PartState {
    /// Its condition.
    pub status: PartStatus,
    /// Since when.
    pub since: Timestamp,
    /// The number of times it has been started again after a failure.
    pub restarts: u64,
    /// Why it failed, or what it waits for, last.
    pub last_error: Option<String>,
    /// The part's own observable state.
    pub detail: serde_json::Value,
    /// When it last showed that it goes on.
    #[serde(skip)]
    progress: Progress,
}

/// When a part last showed that it goes on, and how long it may go without.
#[derive(Debug, Clone, Copy)]
struct Progress {
    marked: Instant,
    marked_at: Timestamp,
    limit: Option<Duration>,
}

impl PartState {
    /// A part that runs but has shown no progress within its limit is degraded, since its last mark.
    fn or_hanging(mut self) -> Self {
        let Progress {
            marked,
            marked_at,
            limit: Some(limit),
        } = self.progress
        else {
            return self;
        };
        let works = matches!(self.status, PartStatus::Running | PartStatus::Degraded);
        if works && marked.elapsed() > limit {
            self.status = PartStatus::Degraded;
            self.since = marked_at;
            self.last_error = Some(format!(
                "no progress since {marked_at}, where some is expected every {} s",
                limit.as_secs()
            ));
        }
        self
    }
}

/// The states of all parts.
#[derive(Debug, Clone)]
pub struct StatusRegistry {
    clock: SharedClock,
    parts: Arc<RwLock<BTreeMap<String, PartState>>>,
    faults: Faults,
}

impl StatusRegistry {
    /// Of no part yet.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            parts: Arc::default(),
            faults: Faults::default(),
        }
    }

    /// The state of every part, by name.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, PartState> {
        let parts = self.parts.read().unwrap_or_else(PoisonError::into_inner);
        let now = parts.iter();
        now.map(|(name, part)| (name.clone(), part.clone().or_hanging()))
            .collect()
    }

    /// Shows the state and the restarts of these parts on `/metrics`.
    pub fn record_metrics(parts: &BTreeMap<String, PartState>) {
        for (name, part) in parts {
            for (status, label) in PartStatus::ALL {
                let is = f64::from(u8::from(part.status == status));
                let labels = [("part", name.clone()), ("status", label.to_owned())];
                metrics::gauge!("coinsphere_part_status", &labels).set(is);
            }
            metrics::counter!("coinsphere_part_restarts_total", "part" => name.clone())
                .absolute(part.restarts);
        }
    }

    /// Sets how long a part may go without a mark of progress before it counts as degraded.
    pub fn expect_progress(&self, name: &str, limit: Duration) {
        self.change(name, self.clock.now(), |part| {
            part.progress.limit = Some(limit)
        });
    }

    /// Marks a part's progress.
    pub fn progressed(&self, name: &str) {
        self.change(name, self.clock.now(), |_| {});
    }

    /// The faults that a test may inject.
    #[must_use]
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Says how a part is doing, which is progress too; an error is kept until the part is running again.
    pub fn set(&self, name: &str, status: PartStatus, error: Option<String>) {
        let now = self.clock.now();
        self.change(name, now, |part| {
            if part.status != status {
                part.status = status;
                part.since = now;
            }
            if error.is_some() || status == PartStatus::Running {
                part.last_error = error;
            }
        });
    }

    /// Publishes a part's observable state, which is progress too.
    pub fn observe(&self, name: &str, detail: &impl Serialize) {
        let detail = serde_json::to_value(detail).unwrap_or_default();
        self.change(name, self.clock.now(), |part| part.detail = detail);
    }

    /// Shows a part that keeps itself running: why it does not work at the moment, if so, how often it has
    /// been started again, and its observable state.
    pub fn show(
        &self,
        name: &str,
        failing: Option<String>,
        restarts: u64,
        detail: &impl Serialize,
    ) {
        let status = match failing {
            Some(_) => PartStatus::BackingOff,
            None => PartStatus::Running,
        };
        self.set(name, status, failing);
        self.observe(name, detail);
        self.change(name, self.clock.now(), |part| part.restarts = restarts);
    }

    /// Notes that a part failed and will be started again after this delay.
    pub(super) fn note_failure(&self, name: &str, error: String, delay: Duration) {
        tracing::error!(
            part = name,
            error,
            restart_in_ms = delay.as_millis() as u64,
            "part failed"
        );
        self.set(name, PartStatus::BackingOff, Some(error));
        self.change(name, self.clock.now(), |part| part.restarts += 1);
    }

    fn change(&self, name: &str, now: Timestamp, change: impl FnOnce(&mut PartState)) {
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        let part = parts.entry(name.to_owned()).or_insert_with(|| PartState {
            status: PartStatus::Starting,
            since: now,
            restarts: 0,
            last_error: None,
            detail: serde_json::Value::Null,
            progress: Progress {
                marked: Instant::now(),
                marked_at: now,
                limit: None,
            },
        });
        part.progress.marked = Instant::now();
        part.progress.marked_at = now;
        change(part);
    }
}
