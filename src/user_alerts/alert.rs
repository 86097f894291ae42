//! An alert as it is stored.

use chrono::{DateTime, Utc};
use coinsphere_pipelines::store::StoreError;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::alerts::Rule;

pub(super) const COLUMNS: &str = "id, name, rule, channels, note, severity, revision, state, \
     version, applied_version, armed_at, armed_price, fired_count, last_fired_at, created_at, \
     silenced_until, escalation";

/// A step of escalation: who hears of an event that nobody has acknowledged by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationStep {
    /// Minutes after the event.
    pub after_minutes: u32,
    /// The channels that it is sent by.
    pub channels: Vec<Uuid>,
}

pub(super) fn escalation(json: Value) -> Result<Vec<EscalationStep>, StoreError> {
    serde_json::from_value(json)
        .map_err(|error| StoreError::Unreadable(format!("the escalation of an alert: {error}")))
}

/// State of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// Trades are judged by it.
    Armed,
    /// Its user paused it.
    Paused,
    /// It has fired for good.
    Fired,
    /// Its time is over.
    Expired,
    /// It can no longer be judged by.
    Blocked,
}

impl AlertState {
    /// As it is stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Armed => "armed",
            Self::Paused => "paused",
            Self::Fired => "fired",
            Self::Expired => "expired",
            Self::Blocked => "blocked",
        }
    }

    fn of(text: &str) -> Result<Self, StoreError> {
        [
            Self::Armed,
            Self::Paused,
            Self::Fired,
            Self::Expired,
            Self::Blocked,
        ]
        .into_iter()
        .find(|state| state.name() == text)
        .ok_or_else(|| StoreError::Unreadable(format!("the state {text:?} of an alert")))
    }
}

/// Urgency of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    /// For the record.
    Info,
    /// As usual.
    #[default]
    Normal,
    /// To be seen at once.
    Urgent,
}

impl Severity {
    /// Every severity.
    pub const ALL: [Self; 3] = [Self::Info, Self::Normal, Self::Urgent];

    /// As it is stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Normal => "normal",
            Self::Urgent => "urgent",
        }
    }

    /// By its name.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == text)
    }
}

/// A user's alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// The id.
    pub id: Uuid,
    /// The name that its user gave it.
    pub name: String,
    /// When it fires, and what becomes of it then.
    pub rule: Rule,
    /// Where its events are sent.
    pub channels: Vec<Uuid>,
    /// Who hears of events that nobody acknowledges.
    pub escalation: Vec<EscalationStep>,
    /// Until then events are recorded and sent nowhere.
    pub silenced_until: Option<DateTime<Utc>>,
    /// A note for its user.
    pub note: Option<String>,
    /// Its urgency.
    pub severity: Severity,
    /// Grows when the rule is another or is armed again.
    pub revision: i32,
    /// Its state.
    pub state: AlertState,
    /// When it was armed last.
    pub armed_at: Option<DateTime<Utc>>,
    /// The newest price that was known then, of a rule about one instrument.
    pub armed_price: Option<Decimal>,
    /// Number of its events.
    pub fired_count: i64,
    /// When it fired last.
    pub last_fired_at: Option<DateTime<Utc>>,
    /// Time of creation.
    pub created_at: DateTime<Utc>,
    pub(super) version: i64,
    pub(super) applied_version: i64,
}

impl Alert {
    /// True if trades are judged by it as it is now.
    pub(super) const fn is_applied(&self) -> bool {
        self.applied_version >= self.version
    }
}

/// A stored rule.
pub(super) fn rule(json: Value) -> Result<Rule, StoreError> {
    Rule::from_json(json)
        .map_err(|error| StoreError::Unreadable(format!("the rule of an alert: {error}")))
}

pub(super) fn alert(row: &Row) -> Result<Alert, StoreError> {
    Ok(Alert {
        id: row.get(0),
        name: row.get(1),
        rule: rule(row.get(2))?,
        channels: row.get(3),
        note: row.get(4),
        severity: Severity::named(row.get(5)).unwrap_or_default(),
        revision: row.get(6),
        state: AlertState::of(row.get(7))?,
        version: row.get(8),
        applied_version: row.get(9),
        armed_at: row.get(10),
        armed_price: row.get(11),
        fired_count: row.get(12),
        last_fired_at: row.get(13),
        created_at: row.get(14),
        silenced_until: row.get(15),
        escalation: escalation(row.get(16))?,
    })
}
