//! Remarks to an alert's user once it is armed, in words.

use rust_decimal::Decimal;

use super::Alert;
use super::alert::AlertState;
use crate::alerts::{Comparison, Operator, Plan, Source};

/// Words about a price alert whose threshold is met already, or whose instrument has no price yet.
#[must_use]
pub fn notice(alert: &Alert) -> Option<String> {
    if alert.state != AlertState::Armed {
        return None;
    }
    let Plan::Threshold(threshold) = alert.rule.condition.plan() else {
        return None;
    };
    let Source::Price(instrument) = &threshold.source else {
        return None;
    };
    let Some(price) = alert.armed_price else {
        return Some(format!(
            "{instrument} has no price yet: its first trade is the value at arming"
        ));
    };
    let Comparison::Touching(operator) = threshold.comparison else {
        return None;
    };
    let value = threshold.value;
    let price_text = price.normalize();
    let words = |back: &str| {
        Some(format!(
            "the threshold is met already: {instrument} is {price_text}, so this fires when it comes back {back}"
        ))
    };
    let (met, from, to) = match operator {
        Operator::Above | Operator::CrossesUp => (price >= value, "below", "up"),
        Operator::Below | Operator::CrossesDown => (price <= value, "above", "down"),
        Operator::Crosses => (false, "", ""),
    };
    let text: Decimal = value.normalize();
    match met {
        true => words(&format!("{to} to {text} from {from}")),
        false => None,
    }
}
