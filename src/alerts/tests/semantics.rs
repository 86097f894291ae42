//! Sentences about when a rule fires, each with the trades that show it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use coinsphere_alerts::{
    Candle, Decimal, Evaluator, EventTime, Gap, Instrument, Limits, Outcome, Rule, RuleId, Tick,
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
fn a_threshold_of_more_places_than_any_before_fires_at_the_first_trade() {
    for threshold in ["99.999999999", "0.0000000000000000000000000001"] {
        let met = rule("above", threshold, json!({"fire_if_met": true}));
        assert_eq!(fired_by(&met, &["100", "101"]), [0], "{threshold}");
        let again = rule("above", threshold, json!({"repeat": "always"}));
        assert_eq!(fired_by(&again, &["100", "101"]), [0_u64; 0], "{threshold}");
    }
    let met = rule("below", "100.000000001", json!({"fire_if_met": true}));
    assert_eq!(fired_by(&met, &["100.000000002", "100"]), [1]);
    // A hysteresis of more places, and a cooldown that ends far back.
    let fine = json!({"repeat": "always", "hysteresis": "0.0000000001", "cooldown_seconds": 1});
    let fine = rule("above", "100", fine);
    assert_eq!(
        fired_by(&fine, &["99", "100", "99", "100", "99.9", "100"]),
        [1, 3, 5]
    );
}

#[test]
fn a_hysteresis_that_a_ratio_is_not_compared_with_is_refused() {
    let change = |hysteresis: &str| {
        Rule::from_json(json!({
            "condition": {
                "kind": "change", "venue": "a", "symbol": "BTC", "window": "1m",
                "operator": "rises_by", "percent": "5",
            },
            "repeat": "always", "hysteresis": hysteresis,
        }))
    };
    assert!(change("0.0001").is_ok() && change("1000000").is_ok());
    for wrong in ["0.00001", "1000001", "79228162514264337593543950335"] {
        assert_eq!(change(wrong).unwrap_err().field, "hysteresis", "{wrong}");
    }
}

#[test]
fn a_rule_of_another_making_does_not_disturb_those_that_share_its_signal() {
    let json = json!({
        "condition": {
            "kind": "change", "venue": "a", "symbol": "BTC", "window": "1m",
            "operator": "rises_by", "percent": "5",
        },
        "repeat": "always",
    });
    let mut shared = Watched::new(json.clone());
    let mut strange = Rule::from_json(json).unwrap();
    for (id, distance) in (2..).zip(["0.00001", "79228162514264337593543950335"]) {
        strange.hysteresis = Some(Decimal::from_str_exact(distance).unwrap());
        let armed = shared
            .evaluator
            .arm(RuleId::of(id), 1, &strange, None, &mut shared.out);
        armed.unwrap();
    }
    shared.trade("a", 0, "100");
    shared.trade("a", 70, "100");
    assert_eq!(shared.trade("a", 71, "105").len(), 3);
    shared.trade("a", 72, "100");
    assert_eq!(
        shared.trade("a", 73, "105").len(),
        2,
        "one is never far enough back"
    );
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
    // The places of the hysteresis would just not fit a machine word.
    let fine = json!({"repeat": "always", "hysteresis": "0.00000000000001"});
    let up = rule("above", "60000", fine);
    assert_eq!(fired_by(&up, &["1", "60000", "1", "60001"]), [1, 3]);
    // A hysteresis that has more digits than any price.
    let fine = json!({"repeat": "always", "hysteresis": "0.00000000000000000001"});
    let up = rule("above", "100", fine);
    assert_eq!(
        fired_by(&up, &["99", "100", "99.99999999999999999999", "100"]),
        [1, 3]
    );
}

/// One rule on several instruments.
struct Watched {
    evaluator: Evaluator,
    out: Outcome,
    trades: u64,
}

impl Watched {
    fn new(json: Value) -> Self {
        let mut watched = Self {
            evaluator: Evaluator::new(Limits::default()),
            out: Outcome::default(),
            trades: 0,
        };
        let rule = Rule::from_json(json).unwrap();
        watched
            .evaluator
            .arm(RuleId::of(1), 1, &rule, None, &mut watched.out)
            .unwrap();
        watched
    }

    fn fired(&mut self) -> Vec<String> {
        let fired = self.out.firings.iter().map(|it| it.cause.to_string());
        let fired = fired.collect();
        self.out.clear();
        fired
    }

    /// A trade on a venue; the causes of what it fires.
    fn trade(&mut self, venue: &str, seconds: i64, price: &str) -> Vec<String> {
        self.trades += 1;
        let instrument = Instrument::new(venue, "BTC");
        let tick = tick(self.trades, seconds, price);
        self.evaluator.trade(&instrument, &tick, &mut self.out);
        self.fired()
    }

    fn time(&mut self, seconds: i64) -> Vec<String> {
        let time = EventTime(seconds * 1_000_000_000);
        let instrument = Instrument::new("a", "BTC");
        self.evaluator.time(&instrument, time, &mut self.out);
        self.fired()
    }
}

const NONE: [&str; 0] = [];

#[test]
fn a_spread_fires_when_either_price_moves_and_both_are_fresh() {
    let mut rule = Watched::new(json!({
        "condition": {
            "kind": "spread", "venue": "a", "symbol": "BTC", "operator": "above", "percent": "1",
            "against": {"venue": "b", "symbol": "BTC"}, "max_age_seconds": 10,
        },
        "repeat": "always",
    }));
    assert_eq!(rule.trade("a", 0, "100"), NONE);
    assert_eq!(rule.trade("b", 1, "100"), NONE);
    assert_eq!(rule.trade("a", 2, "100.9"), NONE);
    assert_eq!(rule.trade("a", 3, "101"), ["trade a:BTC 4 3000000000"]);
    assert_eq!(rule.trade("b", 4, "101"), NONE);
    // The other one falls.
    assert_eq!(rule.trade("b", 5, "99"), ["trade b:BTC 6 5000000000"]);
    assert_eq!(rule.trade("b", 6, "101"), NONE);
    // A price of 11 seconds ago says nothing.
    assert_eq!(rule.trade("a", 17, "150"), NONE);
    assert_eq!(rule.trade("b", 18, "101"), ["trade b:BTC 9 18000000000"]);
}

#[test]
fn a_wick_on_one_venue_alone_does_not_fire_an_agreement() {
    let mut rule = Watched::new(json!({
        "condition": {
            "kind": "agreement", "operator": "above", "threshold": "100",
            "instruments": [{"venue": "a", "symbol": "BTC"}, {"venue": "b", "symbol": "BTC"}],
        },
        "repeat": "always",
    }));
    assert_eq!(rule.trade("a", 0, "99"), NONE);
    assert_eq!(rule.trade("b", 0, "99"), NONE);
    assert_eq!(rule.trade("a", 1, "150"), NONE);
    assert_eq!(rule.trade("a", 2, "99"), NONE);
    assert_eq!(rule.trade("b", 3, "100"), NONE);
    assert_eq!(rule.trade("a", 4, "101"), ["trade a:BTC 6 4000000000"]);
    assert_eq!(rule.trade("b", 5, "99"), NONE);
    assert_eq!(rule.trade("b", 6, "100.5"), ["trade b:BTC 8 6000000000"]);
}

#[test]
fn silence_fires_at_its_time_and_the_next_trade_arms_it_again() {
    let mut rule = Watched::new(json!({
        "condition": {"kind": "stale", "venue": "a", "symbol": "BTC", "seconds": 10},
        "repeat": "always",
    }));
    assert_eq!(rule.time(100), NONE);
    assert_eq!(rule.trade("a", 101, "1"), NONE);
    assert_eq!(rule.trade("a", 105, "1"), NONE);
    assert_eq!(rule.time(114), NONE);
    assert_eq!(rule.time(130), ["silence a:BTC 105000000000"]);
    assert_eq!(rule.time(200), NONE);
    assert_eq!(rule.trade("a", 201, "1"), NONE);
    // The trade that ends a silence shows it, too.
    assert_eq!(rule.trade("a", 211, "1"), ["silence a:BTC 201000000000"]);
}

#[test]
fn a_gap_fires_once_it_has_ended_and_was_long_enough() {
    let mut rule = Watched::new(json!({
        "condition": {"kind": "gap", "venue": "a", "symbol": "BTC", "seconds": 5},
        "repeat": "always", "cooldown_seconds": 60,
    }));
    let instrument = Instrument::new("a", "BTC");
    let mut gap = |from: i64, to: i64| {
        let (from, to) = (
            EventTime(from * 1_000_000_000),
            EventTime(to * 1_000_000_000),
        );
        rule.evaluator
            .gap(&instrument, &Gap { from, to }, &mut rule.out);
        rule.fired()
    };
    assert_eq!(gap(10, 14), NONE);
    assert_eq!(gap(20, 25), ["gap a:BTC 20000000000"]);
    assert_eq!(gap(30, 40), NONE);
    assert_eq!(gap(80, 85), ["gap a:BTC 80000000000"]);
}

#[test]
fn a_number_that_somebody_else_computes_is_compared_like_a_price() {
    let mut rule = Watched::new(json!({
        "condition": {"kind": "signal", "name": "value", "operator": "crosses_down", "threshold": "-2.5"},
    }));
    let mut fires = |seconds: i64, value: &str| {
        let time = EventTime(seconds * 1_000_000_000);
        let value = Decimal::from_str_exact(value).unwrap();
        rule.evaluator.number("value", time, value, &mut rule.out);
        rule.evaluator.number("other", time, value, &mut rule.out);
        !rule.fired().is_empty()
    };
    assert!(!fires(1, "-3"));
    assert!(!fires(2, "1"));
    assert!(fires(3, "-2.5"));
    assert!(!fires(4, "1"));
}

#[test]
fn windows_that_are_warm_know_what_was_before_the_rule() {
    let instrument = Instrument::new("a", "BTC");
    let rule = Rule::from_json(json!({
        "condition": {
            "kind": "change", "venue": "a", "symbol": "BTC", "window": "1h",
            "operator": "rises_by", "percent": "10",
        },
    }))
    .unwrap();
    assert_eq!(rule.seconds_of_history(), 3_615);
    let mut evaluator = Evaluator::new(Limits::default());
    let mut out = Outcome::default();
    evaluator.trade(&instrument, &tick(1, 7_200, "105"), &mut out);
    evaluator
        .arm(RuleId::of(1), 1, &rule, None, &mut out)
        .unwrap();
    let candle = |minute: i64| Candle {
        open_time: EventTime(minute * 60_000_000_000),
        open: Decimal::ONE_HUNDRED,
        high: Decimal::ONE_HUNDRED,
        low: Decimal::ONE_HUNDRED,
        close: Decimal::ONE_HUNDRED,
        volume: Decimal::ONE,
    };
    let candles: Vec<Candle> = (50..120).map(candle).collect();
    evaluator.warm(&instrument, &candles, &mut out);
    assert!(out.firings.is_empty());
    evaluator.trade(&instrument, &tick(2, 7_201, "109.99"), &mut out);
    assert!(out.firings.is_empty());
    evaluator.trade(&instrument, &tick(3, 7_202, "110"), &mut out);
    assert_eq!(out.firings.len(), 1);
    assert_eq!(out.firings[0].value, Some(Decimal::TEN));
}
