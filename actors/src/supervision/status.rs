//! What every part of the system is doing, for `/health`, `/metrics` and tests: one place that parts
//! write to and anybody reads without waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use coinsphere_pipelines::clock::SharedClock;
use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;

/// How a part is doing.
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

/// What is known of a part.
#[derive(Debug, Clone, Serialize)]
pub struct PartState {
    /// How it is doing.
    pub status: PartStatus,
    /// Since when.
    pub since: Timestamp,
    /// How often it has been started again after a failure.
    pub restarts: u64,
    /// Why it failed, or what it waits for, last.
    pub last_error: Option<String>,
    /// The part's own observable state.
    pub detail: serde_json::Value,
}

/// The states of all parts.
#[derive(Debug, Clone)]
pub struct StatusRegistry {
    clock: SharedClock,
    parts: Arc<RwLock<BTreeMap<String, PartState>>>,
}

impl StatusRegistry {
    /// An empty statuses.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            parts: Arc::default(),
        }
    }

    /// The state of every part, by name.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, PartState> {
        self.parts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Says how a part is doing; an error is kept until the part is running again.
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

    /// Publishes a part's observable state.
    pub fn observe(&self, name: &str, detail: &impl Serialize) {
        let detail = serde_json::to_value(detail).unwrap_or_default();
        self.change(name, self.clock.now(), |part| part.detail = detail);
    }

    pub(crate) fn count_restart(&self, name: &str) {
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
        });
        change(part);
    }
}
