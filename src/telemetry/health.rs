//! The health report that `/health` answers from: the state of every part.

use std::collections::BTreeMap;

use serde::Serialize;

/// The state of every part.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HealthReport {
    /// By the part's name, e.g. `event_log`, `database`, `feed_binance`.
    pub services: BTreeMap<String, ServiceHealth>,
}

/// The state of one part.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ServiceHealth {
    /// The part's status.
    pub status: ServiceStatus,
    /// A message for people: what is wrong, or worth knowing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "plain PostgreSQL: no compression")]
    pub message: Option<String>,
    /// Counters and positions of the part.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub state: Option<serde_json::Value>,
}

/// The status of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceStatus {
    /// It does what it should.
    Ok,
    /// It does what it should in part, or on a fallback; requests are answered.
    Degraded,
    /// It has not begun yet.
    Starting,
    /// It does not do what it should.
    Down,
    /// It is not meant to run here.
    Off,
}

impl HealthReport {
    /// True when requests should be sent here: every part that should run runs. A report without
    /// any part is one of a program that has not begun.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let bad = |service: &ServiceHealth| {
            matches!(
                service.status,
                ServiceStatus::Starting | ServiceStatus::Down
            )
        };
        !self.services.is_empty() && !self.services.values().any(bad)
    }

    /// Sets a part's state.
    pub fn set(&mut self, name: &str, service: ServiceHealth) {
        self.services.insert(name.to_owned(), service);
    }
}

impl ServiceHealth {
    /// A part in this state.
    #[must_use]
    pub const fn new(status: ServiceStatus) -> Self {
        Self {
            status,
            message: None,
            state: None,
        }
    }

    /// With a message for people.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// With the part's observable state.
    #[must_use]
    pub fn with_state(mut self, state: &impl Serialize) -> Self {
        self.state = serde_json::to_value(state).ok();
        self
    }
}
