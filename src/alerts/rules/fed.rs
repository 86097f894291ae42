//! Numbers that somebody else computes and feeds in by name: their names, and what is compared with them.

use rust_decimal::Decimal;

use crate::plan::{Comparison, Plan, Source, Threshold};
use crate::rule::{Operator, RuleError};

/// The most bytes of a part of a name.
const MOST_BYTES: usize = 64;

/// Refuses what is no id: of a portfolio, an account, a connection.
pub(super) fn check_id(field: &str, id: &str) -> Result<(), RuleError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if id.is_empty() || id.len() > MOST_BYTES || !id.bytes().all(is_plain) {
        let shown: String = id.chars().take(40).collect();
        let message = format!(
            "{shown:?} is not an id (1 to {MOST_BYTES} letters, digits, hyphens, underscores)"
        );
        return Err(RuleError::new(field, message));
    }
    Ok(())
}

/// A threshold on the number of this name.
pub(super) fn number(name: String, operator: Operator, value: Decimal) -> Plan {
    Plan::Threshold(Threshold {
        source: Source::Outside(name.into()),
        comparison: Comparison::Touching(operator),
        value,
    })
}

/// Something that happens: its number is 1 for a moment, see [`Evaluator::happened`](crate::Evaluator::happened).
pub(super) fn event(name: String) -> Plan {
    number(name, Operator::Above, Decimal::ONE)
}
