//! All or any of several conditions: at most eight, on at most two levels.

use serde::Serialize;
use serde_json::Value;

use super::{Condition, Kind, read_fields};
use crate::evaluator::MOST_LEAVES;
use crate::plan::{Comparison, Plan, Source, Threshold};
use crate::rule::{Operator, RuleError};

/// Conditions that must all be true.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct All {
    /// The conditions.
    pub of: Vec<Condition>,
}

/// Conditions of which one must be true.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Any {
    /// The conditions.
    pub of: Vec<Condition>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    of: Vec<Value>,
}

impl Kind for All {
    fn read(fields: Value) -> Result<Self, RuleError> {
        read(fields, |of| Self { of })
    }

    fn plan(&self) -> Plan {
        Plan::All(self.of.iter().map(Condition::plan).collect())
    }
}

impl Kind for Any {
    fn read(fields: Value) -> Result<Self, RuleError> {
        read(fields, |of| Self { of })
    }

    fn plan(&self) -> Plan {
        Plan::Any(self.of.iter().map(Condition::plan).collect())
    }
}

fn read<T: Kind>(fields: Value, make: impl Fn(Vec<Condition>) -> T) -> Result<T, RuleError> {
    let fields: Fields = read_fields(fields)?;
    if !(2..=MOST_LEAVES).contains(&fields.of.len()) {
        let message = format!("{} conditions: give 2 to {MOST_LEAVES}", fields.of.len());
        return Err(RuleError::new("of", message));
    }
    let mut of = Vec::with_capacity(fields.of.len());
    for (at, json) in fields.of.into_iter().enumerate() {
        let field = format!("of[{at}]");
        let condition = Condition::from_json(json).map_err(|error| error.within(&field))?;
        check_part(&condition.plan(), 1).map_err(|message| RuleError::new(&field, message))?;
        of.push(condition);
    }
    let made = make(of);
    let count = leaves(&made.plan());
    if count > MOST_LEAVES {
        let message = format!("{count} conditions altogether: at most {MOST_LEAVES}");
        return Err(RuleError::new("of", message));
    }
    Ok(made)
}

fn check_part(plan: &Plan, level: u32) -> Result<(), &'static str> {
    match plan {
        Plan::Threshold(Threshold {
            comparison:
                Comparison::Touching(Operator::CrossesUp | Operator::CrossesDown | Operator::Crosses),
            ..
        }) => Err("a crossing happens and is over, it is not true for a while: use above or below"),
        Plan::Threshold(Threshold {
            source: Source::Trailing(..),
            ..
        }) => Err("a trailing distance counts from arming: make it a rule of its own"),
        Plan::Gap(..) | Plan::Silence(..) => {
            Err("trouble of the feed is not part of another condition: make it a rule of its own")
        }
        Plan::Threshold(_) => Ok(()),
        Plan::All(_) | Plan::Any(_) if level > 1 => {
            Err("all and any may be within all and any once, not twice")
        }
        Plan::All(parts) | Plan::Any(parts) => parts
            .iter()
            .try_for_each(|part| check_part(part, level + 1)),
    }
}

fn leaves(plan: &Plan) -> usize {
    match plan {
        Plan::All(parts) | Plan::Any(parts) => parts.iter().map(leaves).sum(),
        _ => 1,
    }
}
