//! The shapes that several answers share, bodies, and refusals as clients may see them.

use axum::http::header;
use chrono::{DateTime, Utc};
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::alerts::{EventTime, Repeat};
use crate::http::extract::json::{Line, given};
use crate::http::respond::problem::{FieldError, Kind, Problem};
use crate::user_alerts::{
    Alert, AlertError, AlertRequest, EscalationStep, Preview, RuleFields, WrongField, notice,
};

/// A step of escalation.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EscalationStep)]
pub(in crate::http) struct StepView {
    /// Minutes after the event; each step comes after the one before.
    #[schema(example = 5, minimum = 1, maximum = 1440)]
    after_minutes: u32,
    /// The channels, by id.
    channels: Vec<Uuid>,
}

/// An alert to create, or the changes to one.
#[derive(Debug, Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[schema(as = AlertRequest)]
pub(in crate::http) struct AlertBody {
    /// A name for it.
    #[schema(value_type = Option<String>, example = "BTC at 60,000", min_length = 1, max_length = 100)]
    name: Option<Line>,
    /// When it fires: a `kind`, and the kind's fields. See `docs/alerts.md`.
    #[schema(value_type = Option<Object>, example = json!({"kind": "price", "venue": "binance",
        "symbol": "BTCUSDT", "operator": "crosses_up", "threshold": "60000"}))]
    condition: Option<Value>,
    /// `once` (default), or `always`: again after it has been re-armed.
    #[schema(value_type = Option<String>, example = "once", pattern = "^(once|always)$")]
    repeat: Option<Value>,
    /// Seconds after an event in which nothing fires, by the trades' time. 0 by default, 60 for `always`.
    #[schema(value_type = Option<u32>, example = 60, maximum = 31_622_400)]
    cooldown_seconds: Option<Value>,
    /// Distance beyond the threshold at which a repeating alert re-arms, in the threshold's unit. 0.1 % of a price by
    /// default.
    #[schema(value_type = Option<String>, example = "60")]
    hysteresis: Option<Value>,
    /// True: it fires at once if the condition is met when it is armed (`above` and `below` only).
    #[schema(value_type = Option<bool>, example = false)]
    fire_if_met: Option<Value>,
    /// Seconds for which the condition must stay met before it fires, by the trades' time.
    #[schema(value_type = Option<u32>, example = 0, maximum = 31_622_400)]
    hold_seconds: Option<Value>,
    /// From this time on it fires no more, RFC 3339; null: it does not expire.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "2027-01-01T00:00:00Z")]
    expires_at: Option<Value>,
    /// The channels its events are sent to, by id; at most 20.
    channels: Option<Vec<Uuid>>,
    /// Other channels that an event is sent by if nobody has acknowledged it by then; at most 5 steps.
    escalation: Option<Vec<StepView>>,
    /// Until then events are recorded and sent by no channel; null: they are sent.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    silenced_until: Option<Option<DateTime<Utc>>>,
    /// A note for yourself; null: none.
    #[serde(default, deserialize_with = "given")]
    #[garde(length(chars, max = 1000))]
    #[schema(value_type = Option<String>, example = "sell a tenth", max_length = 1000)]
    note: Option<Option<String>>,
    /// `info`, `normal` (default) or `urgent`.
    #[garde(length(max = 20))]
    #[schema(example = "normal", pattern = "^(info|normal|urgent)$")]
    severity: Option<String>,
}

impl From<AlertBody> for AlertRequest {
    fn from(body: AlertBody) -> Self {
        Self {
            name: body.name.map(Line::into_string),
            rule: RuleFields {
                condition: body.condition,
                repeat: body.repeat,
                cooldown_seconds: body.cooldown_seconds,
                hysteresis: body.hysteresis,
                fire_if_met: body.fire_if_met,
                hold_seconds: body.hold_seconds,
                expires_at: body.expires_at,
            },
            channels: body.channels,
            escalation: body.escalation.map(|steps| {
                let step = |step: StepView| EscalationStep {
                    after_minutes: step.after_minutes,
                    channels: step.channels,
                };
                steps.into_iter().map(step).collect()
            }),
            silenced_until: body.silenced_until,
            note: body.note,
            severity: body.severity,
        }
    }
}

/// An alert.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(in crate::http) struct AlertView {
    /// The alert.
    id: Uuid,
    /// Its name.
    #[schema(example = "BTC at 60,000")]
    name: String,
    /// When it fires: a `kind`, and the kind's fields.
    #[schema(value_type = Object, example = json!({"kind": "price", "venue": "binance",
        "symbol": "BTCUSDT", "operator": "crosses_up", "threshold": "60000"}))]
    condition: Value,
    /// `once` or `always`.
    #[schema(example = "once")]
    repeat: &'static str,
    /// Seconds after an event in which nothing fires, by the trades' time.
    #[schema(example = 0)]
    cooldown_seconds: u32,
    /// Distance beyond the threshold at which it re-arms, in the threshold's unit; null: not at all.
    #[schema(example = "60")]
    hysteresis: Option<String>,
    /// True: it fires at once if the condition is met when it is armed.
    #[schema(example = false)]
    fire_if_met: bool,
    /// Seconds for which the condition must stay met before it fires.
    #[schema(example = 0)]
    hold_seconds: u32,
    /// From this time on it fires no more.
    #[schema(value_type = Option<String>, example = "2027-01-01T00:00:00Z")]
    expires_at: Option<EventTime>,
    /// The channels its events are sent to.
    channels: Vec<Uuid>,
    /// Other channels that an event is sent by if nobody has acknowledged it by then.
    escalation: Vec<StepView>,
    /// Until then events are recorded and sent by no channel.
    silenced_until: Option<DateTime<Utc>>,
    /// Your note.
    #[schema(example = "sell a tenth")]
    note: Option<String>,
    /// `info`, `normal` or `urgent`.
    #[schema(example = "normal")]
    severity: &'static str,
    /// `armed`, `paused`, `fired` (it fires no more), `expired`, or `blocked`: it can no longer be evaluated.
    #[schema(example = "armed")]
    state: &'static str,
    /// Grows when the rule is another or is armed again.
    #[schema(example = 1)]
    revision: i32,
    /// When it was armed last.
    armed_at: Option<DateTime<Utc>>,
    /// The newest price that was known then, of a rule about one instrument.
    #[schema(example = "67010.5")]
    armed_price: Option<String>,
    /// A remark about it, such as that the threshold is met already.
    #[schema(
        example = "the threshold is met already: binance:BTCUSDT is 67010.5, so this fires when it comes back up to 60000 from below"
    )]
    notice: Option<String>,
    /// Number of its events.
    #[schema(example = 0)]
    fired_count: i64,
    /// When it fired last.
    last_fired_at: Option<DateTime<Utc>>,
    /// Time of creation.
    created_at: DateTime<Utc>,
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        let notice = notice(&alert);
        let rule = alert.rule;
        Self {
            id: alert.id,
            name: alert.name,
            condition: serde_json::to_value(&rule.condition).unwrap_or_default(),
            repeat: match rule.repeat {
                Repeat::Once => "once",
                Repeat::Always => "always",
            },
            cooldown_seconds: rule.cooldown_seconds,
            hysteresis: rule.hysteresis.map(|it| it.normalize().to_string()),
            fire_if_met: rule.fire_if_met,
            hold_seconds: rule.hold_seconds,
            expires_at: rule.expires_at,
            channels: alert.channels,
            escalation: alert
                .escalation
                .into_iter()
                .map(|step| StepView {
                    after_minutes: step.after_minutes,
                    channels: step.channels,
                })
                .collect(),
            silenced_until: alert.silenced_until,
            note: alert.note,
            severity: alert.severity.name(),
            state: alert.state.name(),
            revision: alert.revision,
            armed_at: alert.armed_at,
            armed_price: alert.armed_price.map(|it| it.normalize().to_string()),
            notice,
            fired_count: alert.fired_count,
            last_fired_at: alert.last_fired_at,
            created_at: alert.created_at,
        }
    }
}

/// When a rule would have fired, by stored candles of a minute. What happened within a minute is not known, so
/// it may have fired more often.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AlertPreview)]
pub(in crate::http) struct PreviewView {
    /// Since when candles were looked at.
    from: DateTime<Utc>,
    /// Until when.
    to: DateTime<Utc>,
    /// Number of candles that are stored of that time.
    #[schema(example = 43_200)]
    candles: usize,
    /// Number of events that it would have had, at least.
    #[schema(example = 3)]
    count: usize,
    /// The newest times at which it would have, oldest first; at most 100.
    #[schema(value_type = Vec<String>)]
    times: Vec<EventTime>,
    /// The most events within an hour.
    #[schema(example = 1)]
    most_in_an_hour: usize,
}

impl From<Preview> for PreviewView {
    fn from(preview: Preview) -> Self {
        Self {
            from: preview.from,
            to: preview.to,
            candles: preview.candles,
            count: preview.count,
            times: preview.times,
            most_in_an_hour: preview.most_in_an_hour,
        }
    }
}

/// The id of an alert in a path: what is none names nothing.
pub(super) fn id(text: &str) -> Result<Uuid, Problem> {
    text.parse()
        .map_err(|_| AlertError::Unknown("alert").into())
}

impl From<AlertError> for Problem {
    /// Causes within us stay in our log.
    fn from(error: AlertError) -> Self {
        match error {
            AlertError::Invalid(wrong) => {
                let error = |WrongField { field, detail }| FieldError { field, detail };
                Self::invalid(wrong.into_iter().map(error).collect())
            }
            AlertError::Unknown(what) => {
                Self::new(Kind::NotFound).with_detail(format!("there is no such {what}"))
            }
            AlertError::Conflict(why) => Self::new(Kind::Conflict).with_detail(why),
            AlertError::NotEvaluated(why) => Self::new(Kind::Unavailable)
                .with_detail(why)
                .with_header(header::RETRY_AFTER, header::HeaderValue::from_static("5")),
            error if error.is_retriable() => {
                tracing::warn!(%error, "cannot answer a request");
                Self::new(Kind::Unavailable)
                    .with_detail("the database is unavailable; try again soon")
            }
            error => {
                tracing::error!(%error, "cannot answer a request");
                Self::new(Kind::Internal)
            }
        }
    }
}
