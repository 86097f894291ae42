//! Kinds whose numbers somebody else computes: the names they are fed in by, what is refused, and when they fire.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use coinsphere_alerts::{Condition, Decimal, Evaluator, EventTime, Limits, Outcome, Rule, RuleId};
use serde_json::{Value, json};

/// A condition of every such kind, and the name of its number.
fn conditions() -> Vec<(Value, &'static str)> {
    vec![
        (
            json!({"kind": "signal", "name": "a:b", "operator": "above", "threshold": "1"}),
            "a:b",
        ),
        (
            json!({"kind": "portfolio", "portfolio": "p-1", "figure": "value", "operator": "crosses_down", "threshold": "10000"}),
            "portfolio:value:p-1",
        ),
        (
            json!({"kind": "portfolio", "portfolio": "p-1", "figure": "day_change", "operator": "below", "threshold": "-5"}),
            "portfolio:day_change:p-1",
        ),
        (
            json!({"kind": "portfolio", "portfolio": "p-1", "figure": "drawdown", "operator": "above", "threshold": "20"}),
            "portfolio:drawdown:p-1",
        ),
        (
            json!({"kind": "holding", "portfolio": "p-1", "asset": "BTC", "figure": "weight", "operator": "above", "percent": "60"}),
            "holding:weight:p-1:BTC",
        ),
        (
            json!({"kind": "holding", "portfolio": "p-1", "asset": "BTC", "figure": "since_cost", "operator": "below", "percent": "-12.5"}),
            "holding:since_cost:p-1:BTC",
        ),
        (
            json!({"kind": "forecast", "venue": "binance", "symbol": "BTCUSDT", "interval": "1h", "figure": "expected_return", "operator": "above", "percent": "2"}),
            "forecast:expected_return:binance:1h:BTCUSDT",
        ),
        (
            json!({"kind": "forecast", "venue": "binance", "symbol": "BTCUSDT", "interval": "1d", "figure": "lower_bound", "operator": "below", "percent": "-10", "without_skill": true}),
            "unproven_forecast:lower_bound:binance:1d:BTCUSDT",
        ),
        (
            json!({"kind": "health_factor", "account": "0xAb12", "protocol": "aave-v3", "operator": "below", "threshold": "1.1"}),
            "health_factor:aave-v3:0xAb12",
        ),
        (
            json!({"kind": "connection", "connection": "7", "seconds": 600}),
            "connection:7",
        ),
        (
            json!({"kind": "listing", "venue": "kraken"}),
            "listing:kraken",
        ),
        (
            json!({"kind": "listing", "venue": "kraken", "quote": "EUR"}),
            "listing:kraken:EUR",
        ),
        (
            json!({"kind": "account", "account": "u-1", "event": "new_device"}),
            "account:new_device:u-1",
        ),
    ]
}

#[test]
fn every_kind_that_is_fed_says_by_which_name() {
    let mut kinds: Vec<&str> = Vec::new();
    for (json, name) in conditions() {
        let condition = Condition::from_json(json.clone()).unwrap();
        let names: Vec<String> = condition
            .numbers()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, [name]);
        assert!(condition.instruments().is_empty(), "{json}");
        let written = serde_json::to_value(&condition).unwrap();
        assert_eq!(Condition::from_json(written).unwrap(), condition);
        kinds.push(condition.kind());
    }
    for kind in Condition::KINDS {
        assert_eq!(Condition::is_fed(kind), kinds.contains(kind), "{kind}");
    }
    assert!(!Condition::is_fed("nothing"));
    let all: Vec<Value> = conditions()
        .into_iter()
        .map(|(json, _)| json)
        .skip(2)
        .take(3)
        .collect();
    let all = Condition::from_json(json!({"kind": "any", "of": all})).unwrap();
    assert_eq!(all.numbers().len(), 3);
}

#[test]
fn what_cannot_be_is_refused_by_its_field() {
    for (at, field, wrong) in [
        (1, "portfolio", json!("a:b")),
        (1, "portfolio", json!("")),
        (1, "figure", json!("worth")),
        (3, "threshold", json!("-1")),
        (3, "threshold", json!("100.1")),
        (4, "percent", json!("101")),
        (4, "asset", json!("B C")),
        (5, "percent", json!("-101")),
        (6, "interval", json!("2h")),
        (6, "percent", json!("-100")),
        (6, "venue", json!("Binance")),
        (8, "threshold", json!("0")),
        (8, "account", json!("x".repeat(65))),
        (8, "protocol", json!("aave v3")),
        (9, "seconds", json!(59)),
        (10, "venue", json!("")),
        (11, "quote", json!("")),
        (12, "event", json!("sneezed")),
        (12, "account", json!("ü")),
    ] {
        let (mut json, _) = conditions().swap_remove(at);
        json[field] = wrong.clone();
        let error = Condition::from_json(json).unwrap_err();
        assert_eq!(error.field, field, "{wrong}: {error}");
        let (mut json, _) = conditions().swap_remove(at);
        json["unknown"] = 1.into();
        Condition::from_json(json).unwrap_err();
    }
    let held = |at: usize| {
        let (condition, _) = conditions().swap_remove(at);
        Rule::from_json(json!({"condition": condition, "hold_seconds": 5}))
    };
    assert!(held(1).is_ok());
    for at in 10..13 {
        assert_eq!(held(at).unwrap_err().field, "hold_seconds");
    }
}

#[test]
fn what_happens_fires_each_time_and_the_first_time_too() {
    let rule = |more: Value| {
        let mut json = json!({"condition": {"kind": "listing", "venue": "kraken"}});
        for (name, value) in more.as_object().unwrap() {
            json[name] = value.clone();
        }
        Rule::from_json(json).unwrap()
    };
    let mut evaluator = Evaluator::new(Limits::default());
    let mut out = Outcome::default();
    let rules = [
        rule(json!({})),
        rule(json!({"repeat": "always"})),
        rule(json!({"repeat": "always", "cooldown_seconds": 10, "fire_if_met": true})),
    ];
    for (id, rule) in (1..).zip(&rules) {
        evaluator
            .arm(RuleId::of(id), 1, rule, None, &mut out)
            .unwrap();
    }
    let mut happens = |seconds: i64| -> Vec<u128> {
        evaluator.happened(
            "listing:kraken",
            EventTime(seconds * 1_000_000_000),
            &mut out,
        );
        evaluator.happened(
            "listing:other",
            EventTime(seconds * 1_000_000_000),
            &mut out,
        );
        let fired = out.firings.iter().map(|it| it.rule.number()).collect();
        assert!(out.firings.iter().all(|it| it.value == Some(Decimal::ONE)));
        out.clear();
        fired
    };
    assert_eq!(happens(1), [1, 2, 3]);
    assert_eq!(happens(2), [2]);
    assert_eq!(happens(11), [2, 3]);
}
