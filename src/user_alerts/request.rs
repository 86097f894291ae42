//! Requests for alerts, checked: every wrong field named, every instrument one that there is.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use coinsphere_pipelines::market::Symbol;
use coinsphere_pipelines::venues;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::alert::EscalationStep;
use super::limits::{LONGEST_NAME, LONGEST_NOTE, LONGEST_WAIT, MOST_CHANNELS, MOST_STEPS};
use super::spelling::{self, meant};
use super::{AlertError, Severity, UserAlerts, WrongField};
use crate::alerts::{Condition, Plan, Repeat, Rule, RuleError, Source};
use crate::market::InstrumentFilter;

/// The cooldown of a repeating rule whose user names none, in seconds.
const COOLDOWN: u32 = 60;

/// The most faults of one condition that are named.
const MOST_FAULTS: usize = 10;

/// Sound values of the fields of conditions: with one in the place of a wrong field, the next fault shows.
const SOUND: [(&str, &str); 4] = [
    ("venue", "binance"),
    ("symbol", "BTCUSDT"),
    ("operator", "above"),
    ("threshold", "1"),
];

/// The fields of a rule as a client sent them; absent ones stay as they are, or have their defaults.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleFields {
    /// When it fires.
    pub condition: Option<Value>,
    /// `once` or `always`.
    pub repeat: Option<Value>,
    /// Seconds after an event in which nothing fires.
    pub cooldown_seconds: Option<Value>,
    /// Distance beyond the threshold at which a repeating rule re-arms.
    pub hysteresis: Option<Value>,
    /// Fires at arming if the condition is true already.
    pub fire_if_met: Option<Value>,
    /// Seconds for which the condition must stay true.
    pub hold_seconds: Option<Value>,
    /// From this instant on it fires no more; null: it does not expire.
    pub expires_at: Option<Value>,
}

/// An alert to create, or the changes to one: absent fields have their defaults, or stay as they are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AlertRequest {
    /// The name.
    pub name: Option<String>,
    /// The rule.
    pub rule: RuleFields,
    /// Where its events are sent.
    pub channels: Option<Vec<Uuid>>,
    /// Who hears of events that nobody acknowledges.
    pub escalation: Option<Vec<EscalationStep>>,
    /// Until then events are sent nowhere; `Some(None)`: they are sent.
    pub silenced_until: Option<Option<DateTime<Utc>>>,
    /// A note for its user; `Some(None)`: none.
    pub note: Option<Option<String>>,
    /// Its urgency.
    pub severity: Option<String>,
}

/// The fields of an alert besides its rule, checked.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) name: Option<String>,
    pub(super) severity: Option<Severity>,
}

impl RuleFields {
    /// True if it says nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.condition.is_none() && self.others().next().is_none()
    }

    fn others(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        [
            ("repeat", &self.repeat),
            ("cooldown_seconds", &self.cooldown_seconds),
            ("hysteresis", &self.hysteresis),
            ("fire_if_met", &self.fire_if_met),
            ("hold_seconds", &self.hold_seconds),
            ("expires_at", &self.expires_at),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
    }

    /// The rule, made of these fields and those of `base`, or every fault of them.
    pub(super) fn read(&self, base: Option<&Rule>) -> Result<Rule, Vec<WrongField>> {
        let mut wrong = match (&self.condition, base) {
            (Some(condition), _) => faults_of(condition),
            (None, Some(_)) => Vec::new(),
            (None, None) => vec![WrongField::new("condition", "is missing")],
        };
        for (name, value) in self.others() {
            let sound = json!({"kind": "price", "venue": "binance", "symbol": "BTCUSDT",
                "operator": "above", "threshold": "1"});
            let probe = json!({"condition": sound, name: value});
            if let Err(error) = Rule::from_json(probe) {
                wrong.push(WrongField::new(name, error.message));
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut json = match base.map(serde_json::to_value) {
            Some(Ok(Value::Object(fields))) => fields,
            _ => Map::new(),
        };
        if let Some(condition) = &self.condition {
            json.insert("condition".to_owned(), condition.clone());
            // A distance that was made for another threshold is made again.
            if self.hysteresis.is_none() {
                json.remove("hysteresis");
            }
        }
        for (name, value) in self.others() {
            json.insert(name.to_owned(), value.clone());
        }
        let says_cooldown = json.contains_key("cooldown_seconds");
        let rule = Rule::from_json(Value::Object(json));
        let mut rule = rule.map_err(|error| vec![named(&error, "")])?;
        if rule.repeat == Repeat::Always {
            if !says_cooldown {
                rule.cooldown_seconds = COOLDOWN;
            }
            rule.hysteresis = rule.hysteresis.or_else(|| hysteresis(&rule.condition));
        }
        Ok(rule)
    }
}

/// The fault of an escalation, if it has one.
fn fault_of_escalation(steps: &[EscalationStep]) -> Option<String> {
    let waits = || steps.iter().map(|step| step.after_minutes);
    let channels = || steps.iter().flat_map(|step| &step.channels);
    if steps.len() > MOST_STEPS || channels().count() > MOST_CHANNELS {
        return Some(format!(
            "use at most {MOST_STEPS} steps with {MOST_CHANNELS} channels together"
        ));
    }
    if waits().any(|wait| !(1..=LONGEST_WAIT).contains(&wait)) {
        return Some(format!("after_minutes: use 1 to {LONGEST_WAIT}"));
    }
    if !waits().is_sorted_by(|one, next| one < next) {
        return Some("after_minutes: let each step come after the one before".to_owned());
    }
    if steps.iter().any(|step| step.channels.is_empty()) {
        return Some("channels: name at least one for each step".to_owned());
    }
    let distinct: BTreeSet<&Uuid> = channels().collect();
    (distinct.len() < channels().count())
        .then(|| "channels: name each channel in one step only".to_owned())
}

/// The distance at which a rule on a price re-arms if its user names none: 0.1 % of the threshold.
fn hysteresis(condition: &Condition) -> Option<Decimal> {
    match condition.plan() {
        Plan::Threshold(threshold) if matches!(threshold.source, Source::Price(_)) => {
            threshold.value.checked_mul(Decimal::new(1, 3))
        }
        _ => None,
    }
}

/// The fault with its field, which some messages name in their words only.
fn named(error: &RuleError, outer: &str) -> WrongField {
    let quoted = error.message.split('`').nth(1).unwrap_or_default();
    let is_missing = error.message.starts_with("missing field");
    let is_unknown = error.message.starts_with("unknown field");
    let path = match error.field.as_str() {
        "." => "",
        path => path,
    };
    let field = match is_missing || is_unknown {
        true if !path.ends_with(quoted) => join(path, quoted),
        _ => path.to_owned(),
    };
    let detail = match is_missing {
        true => "is missing".to_owned(),
        false => error.message.clone(),
    };
    WrongField::new(join(outer, &field), detail)
}

fn join(outer: &str, inner: &str) -> String {
    match (outer, inner) {
        ("", inner) => inner.to_owned(),
        (outer, "") => outer.to_owned(),
        (outer, inner) => format!("{outer}.{inner}"),
    }
}

/// Every fault of a condition: a sound value takes the place of each wrong one, until none is left or one
/// cannot be replaced.
fn faults_of(condition: &Value) -> Vec<WrongField> {
    let mut condition = condition.clone();
    let mut faults: Vec<WrongField> = Vec::new();
    while let Err(error) = Condition::from_json(condition.clone()) {
        let fault = named(&error, "");
        let field = fault.field.clone();
        let seen = faults
            .iter()
            .any(|earlier| earlier.field.strip_prefix("condition.") == Some(field.as_str()));
        if seen || faults.len() == MOST_FAULTS {
            break;
        }
        faults.push(WrongField::new(join("condition", &field), fault.detail));
        let Some(fields) = condition.as_object_mut() else {
            break;
        };
        let sound = SOUND.into_iter().find(|(name, _)| *name == field);
        match sound {
            Some((name, value)) => {
                fields.insert(name.to_owned(), json!(value));
            }
            None if fields.remove(&field).is_some() => {}
            None => break,
        }
    }
    faults
}

/// The path of the first field of this name and value.
fn place_of(json: &Value, name: &str, wanted: &str) -> Option<String> {
    match json {
        Value::Object(fields) => fields.iter().find_map(|(field, value)| {
            if field == name && value.as_str() == Some(wanted) {
                return Some(field.clone());
            }
            let inner = place_of(value, name, wanted)?;
            let dot = if inner.starts_with('[') { "" } else { "." };
            Some(format!("{field}{dot}{inner}"))
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(at, value)| {
            let inner = place_of(value, name, wanted)?;
            Some(format!("[{at}].{inner}"))
        }),
        _ => None,
    }
}

impl AlertRequest {
    /// The fields besides the rule, or every fault of them.
    pub(super) fn texts(&self) -> Result<Texts, Vec<WrongField>> {
        let mut wrong = Vec::new();
        let name = self.name.as_deref().map(str::trim);
        if name.is_some_and(|name| !(1..=LONGEST_NAME).contains(&name.chars().count())) {
            let detail = format!("use 1 to {LONGEST_NAME} characters");
            wrong.push(WrongField::new("name", detail));
        }
        if matches!(&self.note, Some(Some(note)) if note.chars().count() > LONGEST_NOTE) {
            let detail = format!("use at most {LONGEST_NOTE} characters");
            wrong.push(WrongField::new("note", detail));
        }
        if self
            .channels
            .as_ref()
            .is_some_and(|it| it.len() > MOST_CHANNELS)
        {
            let detail = format!("name at most {MOST_CHANNELS} channels");
            wrong.push(WrongField::new("channels", detail));
        }
        if let Some(detail) = self.escalation.as_deref().and_then(fault_of_escalation) {
            wrong.push(WrongField::new("escalation", detail));
        }
        let severity = self.severity.as_deref().map(Severity::named);
        if severity == Some(None) {
            wrong.push(WrongField::new("severity", "use info, normal or urgent"));
        }
        match wrong.is_empty() {
            true => Ok(Texts {
                name: name.map(str::to_owned),
                severity: severity.flatten(),
            }),
            false => Err(wrong),
        }
    }
}

impl UserAlerts {
    /// Names the instruments of a rule that there are none of, with what was probably meant.
    pub(super) async fn check_instruments(&self, rule: &Rule) -> Result<(), AlertError> {
        let json = serde_json::to_value(&rule.condition).unwrap_or_default();
        let place = |name: &str, value: &str| {
            let inner = place_of(&json, name, value);
            join("condition", inner.as_deref().unwrap_or(name))
        };
        let mut wrong: Vec<WrongField> = Vec::new();
        // Until somebody feeds their numbers in.
        let fed = Condition::KINDS
            .iter()
            .filter(|kind| Condition::is_fed(kind));
        for kind in fed {
            if place_of(&json, "kind", kind).is_some() {
                let detail =
                    "rules on signals that others compute are not offered: use another kind";
                wrong.push(WrongField::new(place("kind", kind), detail));
            }
        }
        for instrument in rule.condition.instruments() {
            let Some(venue) = venues::named(&instrument.venue) else {
                let names: Vec<&str> = venues::ALL.iter().map(|one| one.venue().name()).collect();
                let detail = match meant(&instrument.venue, names.iter().copied()) {
                    Some(name) => format!("there is no such venue: did you mean {name}?"),
                    None => format!("there is no such venue: use one of {}", names.join(", ")),
                };
                wrong.push(WrongField::new(place("venue", &instrument.venue), detail));
                continue;
            };
            let symbol = Symbol::new(&instrument.symbol);
            if let Ok(symbol) = symbol
                && self.market().instrument(venue, &[symbol]).await?.is_some()
            {
                continue;
            }
            let filter = InstrumentFilter {
                venue: Some(venue),
                token: None,
            };
            let there = self
                .market()
                .instruments(&filter, None, spelling::COMPARED)
                .await?;
            let names = there.iter().map(|one| one.key.symbol.as_str());
            let detail = match meant(&instrument.symbol, names) {
                Some(name) => format!("{venue} has no such instrument: did you mean {name}?"),
                None => format!(
                    "{venue} has no such instrument: GET /api/v1/instruments?venue={venue} lists them"
                ),
            };
            wrong.push(WrongField::new(place("symbol", &instrument.symbol), detail));
        }
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(AlertError::Invalid(wrong)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(faults: &[WrongField]) -> Vec<&str> {
        faults.iter().map(|fault| fault.field.as_str()).collect()
    }

    #[test]
    fn every_wrong_field_is_named() {
        let request = RuleFields {
            condition: Some(json!({"kind": "price", "venue": "Binance!", "symbol": "",
                "operator": "near", "colour": "red"})),
            repeat: Some(json!("sometimes")),
            cooldown_seconds: Some(json!(-1)),
            hysteresis: Some(json!("much")),
            ..RuleFields::default()
        };
        let faults = request.read(None).unwrap_err();
        let mut named = fields(&faults);
        named.sort_unstable();
        assert_eq!(
            named,
            [
                "condition.colour",
                "condition.operator",
                "condition.symbol",
                "condition.threshold",
                "condition.venue",
                "cooldown_seconds",
                "hysteresis",
                "repeat"
            ],
            "{faults:?}"
        );
        let nothing = RuleFields::default().read(None).unwrap_err();
        assert_eq!(fields(&nothing), ["condition"]);
    }

    #[test]
    fn a_repeating_rule_has_a_cooldown_and_a_distance_unless_it_names_them() {
        let price = json!({"kind": "price", "venue": "binance", "symbol": "BTCUSDT",
            "operator": "above", "threshold": "60000"});
        let always = RuleFields {
            condition: Some(price.clone()),
            repeat: Some(json!("always")),
            ..RuleFields::default()
        };
        let rule = always.read(None).unwrap();
        assert_eq!(rule.cooldown_seconds, 60);
        assert_eq!(rule.hysteresis, Some(Decimal::from(60)));
        let named = RuleFields {
            cooldown_seconds: Some(json!(0)),
            hysteresis: Some(json!("0")),
            ..always
        };
        let rule = named.read(None).unwrap();
        assert_eq!(rule.cooldown_seconds, 0);
        assert_eq!(rule.hysteresis, Some(Decimal::ZERO));
        let once = RuleFields {
            condition: Some(price),
            ..RuleFields::default()
        };
        let rule = once.read(None).unwrap();
        assert_eq!((rule.cooldown_seconds, rule.hysteresis), (0, None));
        // A change keeps what it does not name.
        let change = RuleFields {
            repeat: Some(json!("always")),
            ..RuleFields::default()
        };
        let changed = change.read(Some(&rule)).unwrap();
        assert_eq!(changed.condition, rule.condition);
        assert_eq!(changed.cooldown_seconds, 0);
    }

    #[test]
    fn a_field_within_a_condition_is_found() {
        let json = json!({"kind": "all", "of": [{"symbol": "A"}, {"venue": "b", "symbol": "B"}]});
        assert_eq!(place_of(&json, "symbol", "B").unwrap(), "of[1].symbol");
        assert_eq!(place_of(&json, "symbol", "C"), None);
    }
}
