//! Sentences about when a rule fires, each with the trades that show it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use coinsphere_alerts::{
    Decimal, Evaluator, EventTime, Instrument, Limits, Outcome, Rule, RuleId, Tick,
};
use serde_json::{Value, json};

fn rule(operator: &str, threshold: &str, more: Value) -> Rule {
    let mut json = json!({
        "condition": {
            "kind": "price", "venue": "binance", "symbol": "BTCUSDT",
            "operator": operator, "threshold": threshold,
        },
    });
    for (field, value) in more.as_object().unwrap() {
        json[field] = value.clone();
    }
    Rule::from_json(json).unwrap()
}

fn tick(id: u64, seconds: i64, price: &str) -> Tick {
    Tick {
        id,
        time: EventTime(seconds * 1_000_000_000),
        price: Decimal::from_str_exact(price).unwrap(),
        quantity: Decimal::ONE,
    }
}

/// The numbers of the trades that fire a rule, a trade a second.
fn fired_by(rule: &Rule, prices: &[&str]) -> Vec<u64> {
    let instrument = Instrument::new("binance", "BTCUSDT");
    let mut evaluator = Evaluator::new(Limits::default());
    let mut out = Outcome::default();
    evaluator
        .arm(RuleId::of(1), 1, rule, None, &mut out)
        .unwrap();
    let mut fired = Vec::new();
    for (at, price) in (0..).zip(prices) {
        let before = out.firings.len();
        evaluator.trade(&instrument, &tick(at, at as i64, price), &mut out);
        fired.extend(out.firings[before..].iter().map(|_| at));
    }
    fired
}

#[test]
fn touching_counts_and_once_rests() {
    let once = json!({"repeat": "once"});
    for operator in ["above", "crosses_up", "crosses"] {
        let rule = rule(operator, "100", once.clone());
        assert_eq!(
            fired_by(&rule, &["99", "100", "99", "101"]),
            [1],
            "{operator}"
        );
        assert_eq!(
            fired_by(&rule, &["99", "99.99999999999", "100"]),
            [2],
            "{operator}"
        );
    }
    for operator in ["below", "crosses_down", "crosses"] {
        let rule = rule(operator, "100", once.clone());
        assert_eq!(
            fired_by(&rule, &["101", "100", "101", "99"]),
            [1],
            "{operator}"
        );
    }
    // From the threshold itself, no crossing: the price was neither less nor more.
    assert_eq!(
        fired_by(&rule("crosses", "100", once.clone()), &["100", "101"]),
        [0_u64; 0]
    );
    assert_eq!(
        fired_by(&rule("crosses", "100", once), &["100", "99", "98", "100"]),
        [3]
    );
}

#[test]
fn what_is_true_at_arming_fires_only_if_asked_to() {
    let asked = json!({"fire_if_met": true});
    assert_eq!(
        fired_by(&rule("above", "100", json!({})), &["101", "102"]),
        [0_u64; 0]
    );
    assert_eq!(
        fired_by(&rule("above", "100", json!({})), &["101", "99", "102"]),
        [2]
    );
    assert_eq!(
        fired_by(&rule("above", "100", asked.clone()), &["100", "99", "102"]),
        [0]
    );
    assert_eq!(
        fired_by(&rule("below", "100", asked.clone()), &["100"]),
        [0]
    );
    for operator in ["crosses_up", "crosses_down", "crosses"] {
        assert_eq!(
            fired_by(&rule(operator, "100", asked.clone()), &["100", "100"]),
            [0_u64; 0]
        );
    }
}

#[test]
fn a_repeating_rule_re_arms_strictly_on_the_other_side_and_by_the_hysteresis() {
    let always = json!({"repeat": "always"});
    let up = rule("above", "100", always.clone());
    assert_eq!(
        fired_by(&up, &["99", "100", "100", "101", "99.9", "100"]),
        [1, 5]
    );
    let down = rule("below", "100", always);
    assert_eq!(
        fired_by(&down, &["101", "100", "99", "100", "100.1", "100"]),
        [1, 5]
    );
    let wide = json!({"repeat": "always", "hysteresis": "2"});
    let up = rule("crosses_up", "100", wide.clone());
    assert_eq!(
        fired_by(&up, &["99", "100", "98.1", "100", "98", "100"]),
        [1, 5]
    );
    let down = rule("crosses_down", "100", wide);
    assert_eq!(
        fired_by(&down, &["101", "99", "101.9", "99", "102", "101", "100"]),
        [1, 6]
    );
}

#[test]
fn within_the_cooldown_nothing_fires_and_nothing_re_arms() {
    let cooling = json!({"repeat": "always", "cooldown_seconds": 3});
    let up = rule("above", "100", cooling.clone());
    // Back below within the cooldown does not count; at its end it does.
    assert_eq!(
        fired_by(&up, &["99", "100", "99", "99", "101", "99", "100"]),
        [1, 6]
    );
    assert_eq!(
        fired_by(&up, &["99", "100", "99", "99", "99", "101"]),
        [1, 5]
    );
    // The predecessor of a crossing is the trade before it, also one within the cooldown.
    let both = rule("crosses", "100", cooling);
    assert_eq!(
        fired_by(&both, &["99", "100", "101", "99", "101", "99"]),
        [1, 4]
    );
    assert_eq!(
        fired_by(&both, &["99", "100", "99", "101", "101", "99"]),
        [1, 5]
    );
}

#[test]
fn a_hold_is_counted_from_the_trade_that_made_it_true() {
    let held = rule(
        "above",
        "100",
        json!({"hold_seconds": 3, "repeat": "always"}),
    );
    assert_eq!(
        fired_by(&held, &["99", "100", "99", "100", "101", "102", "99"]),
        [6]
    );
    assert_eq!(
        fired_by(&held, &["99", "100", "99", "100", "101", "99", "99"]),
        [0_u64; 0]
    );
}

#[test]
fn prices_of_any_size_keep_every_digit() {
    let tiny = "0.0000000000000000000000000001";
    let huge = "79228162514264337593543950335";
    let always = json!({"repeat": "always"});
    let up = rule("above", tiny, always.clone());
    assert_eq!(fired_by(&up, &["1", huge, "1"]), [0_u64; 0]);
    let up = rule("above", huge, always.clone());
    assert_eq!(
        fired_by(&up, &[tiny, "79228162514264337593543950334", huge]),
        [2]
    );
    let up = rule("above", "1.0000000000000000001", always.clone());
    assert_eq!(
        fired_by(
            &up,
            &["1", "1.0000000000000000002", "1", "1.0000000000000000001"]
        ),
        [1, 3]
    );
    // A hysteresis that has more digits than any price.
    let fine = json!({"repeat": "always", "hysteresis": "0.00000000000000000001"});
    let up = rule("above", "100", fine);
    assert_eq!(
        fired_by(&up, &["99", "100", "99.99999999999999999999", "100"]),
        [1, 3]
    );
}
