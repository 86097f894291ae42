//! A rule as JSON: a condition, and what becomes of it once it has fired.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use crate::number;
use crate::plan::Plan;
use crate::rules::{self, Condition};
use crate::time::EventTime;

/// The longest cooldown and hold: 366 days.
const MOST_SECONDS: u32 = 366 * 86_400;

/// The most rules of one file.
const MOST_RULES: usize = 1_000_000;

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    /// When it fires.
    pub condition: Condition,
    /// Once, or again after it has been re-armed.
    pub repeat: Repeat,
    /// Seconds of event time after an event in which nothing fires and nothing re-arms.
    pub cooldown_seconds: u32,
    /// Distance beyond the threshold at which a repeating rule re-arms, in the unit of the threshold; 0 if not given.
    #[serde(
        with = "number::optional_text",
        skip_serializing_if = "Option::is_none"
    )]
    pub hysteresis: Option<Decimal>,
    /// Fires at arming if the condition is true already; only state operators do.
    pub fire_if_met: bool,
    /// Seconds of event time for which the condition must stay true before it fires.
    #[serde(skip_serializing_if = "is_zero")]
    pub hold_seconds: u32,
    /// From this instant on it fires no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<EventTime>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(seconds: &u32) -> bool {
    *seconds == 0
}

/// Behaviour of a rule that has fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// It rests for good.
    #[default]
    Once,
    /// It fires again after re-arming.
    Always,
}

/// Comparison of a signal with a threshold. Touching counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Becomes at least the threshold.
    Above,
    /// Becomes at most the threshold.
    Below,
    /// Was less than the threshold, and is at least it.
    CrossesUp,
    /// Was more than the threshold, and is at most it.
    CrossesDown,
    /// Either crossing.
    Crosses,
}

/// Fault of a rule, and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The field, as a path: `condition.threshold`.
    pub field: String,
    /// The fault, and the values allowed.
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() || self.field == "." {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

impl RuleError {
    /// Names a field and what is wrong with it.
    #[must_use]
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            message: message.into(),
        }
    }

    /// The same, of a field within `outer`.
    #[must_use]
    pub fn within(mut self, outer: &str) -> Self {
        self.field = match self.field.as_str() {
            "" | "." => outer.to_owned(),
            inner => format!("{outer}.{inner}"),
        };
        self
    }
}

/// The fields of a rule besides its condition.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    // Read apart, so that an error names the field in it; here so that the error for an unknown field lists the known ones.
    #[serde(default)]
    #[allow(dead_code, reason = "named among the fields there are")]
    condition: de::IgnoredAny,
    #[serde(default)]
    repeat: Repeat,
    #[serde(default)]
    cooldown_seconds: u32,
    #[serde(default, with = "number::optional_text")]
    hysteresis: Option<Decimal>,
    #[serde(default)]
    fire_if_met: bool,
    #[serde(default)]
    hold_seconds: u32,
    #[serde(default)]
    expires_at: Option<EventTime>,
}

impl Rule {
    /// Reads and checks a rule.
    ///
    /// # Errors
    /// Names the field that is unknown, missing or impossible, and what is allowed.
    pub fn from_json(json: Value) -> Result<Self, RuleError> {
        let Value::Object(mut object) = json else {
            return Err(RuleError::new("", "a rule is an object with a condition"));
        };
        let condition = object
            .remove("condition")
            .ok_or_else(|| RuleError::new("condition", "is missing"))?;
        let fields: Fields = read_fields(Value::Object(object))?;
        let condition =
            Condition::from_json(condition).map_err(|error| error.within("condition"))?;
        let rule = Self {
            condition,
            repeat: fields.repeat,
            cooldown_seconds: fields.cooldown_seconds,
            hysteresis: fields.hysteresis,
            fire_if_met: fields.fire_if_met,
            hold_seconds: fields.hold_seconds,
            expires_at: fields.expires_at,
        };
        rule.check()?;
        Ok(rule)
    }

    fn check(&self) -> Result<(), RuleError> {
        for (field, seconds) in [
            ("cooldown_seconds", self.cooldown_seconds),
            ("hold_seconds", self.hold_seconds),
        ] {
            if seconds > MOST_SECONDS {
                let message = format!("{seconds} is too long: at most {MOST_SECONDS} (366 days)");
                return Err(RuleError::new(field, message));
            }
        }
        let is_event = matches!(
            self.condition,
            Condition::Listing(_) | Condition::Account(_)
        );
        if is_event && self.hold_seconds > 0 {
            let message = "what happens at an instant does not last: leave it out";
            return Err(RuleError::new("hold_seconds", message));
        }
        let Some(distance) = self.hysteresis else {
            return Ok(());
        };
        if distance.is_sign_negative() && !distance.is_zero() {
            let message = format!("{distance} is negative: use 0 or more");
            return Err(RuleError::new("hysteresis", message));
        }
        match self.condition.plan() {
            Plan::Threshold(threshold) if threshold.source.is_ratio() => {
                rules::check_percent("hysteresis", distance)
            }
            _ => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(Value::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// Reads a struct, and names the field of an error.
pub(crate) fn read_fields<T: de::DeserializeOwned>(json: Value) -> Result<T, RuleError> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let field = error.path().to_string();
        RuleError::new(&field, error.inner().to_string())
    })
}

/// Fault of a file of rules.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// Not JSON.
    #[error("not a JSON array of rules: {0}")]
    Json(#[from] serde_json::Error),
    /// One rule.
    #[error("rule {index}: {error}")]
    Rule {
        /// Its place in the array, from 0.
        index: usize,
        /// Its fault.
        error: RuleError,
    },
    /// More than are read.
    #[error("{0} rules are too many: at most {MOST_RULES}")]
    TooMany(usize),
}

/// Reads a JSON array of rules.
///
/// # Errors
/// When the text is no array of rules: names the first rule that is wrong, from 0, and its field.
pub fn read_rules(text: &[u8]) -> Result<Vec<Rule>, RulesError> {
    let rules: Vec<Value> = serde_json::from_slice(text)?;
    if rules.len() > MOST_RULES {
        return Err(RulesError::TooMany(rules.len()));
    }
    let read =
        |(index, json)| Rule::from_json(json).map_err(|error| RulesError::Rule { index, error });
    rules.into_iter().enumerate().map(read).collect()
}

impl Rule {
    /// Length of the history that a rule's windows and candles look back at, in seconds: 0 if trades from now on are enough.
    #[must_use]
    pub fn seconds_of_history(&self) -> u32 {
        crate::plan::seconds_of_history(&self.condition.plan())
    }
}
