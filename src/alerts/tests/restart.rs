//! Rules that go on after a restart, with everything stored, with less, and with what candles tell.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use coinsphere_alerts::{
    Candle, Decimal, Evaluator, EventTime, Instrument, Limits, Outcome, Phase, Rule, RuleId,
    RuleState, Tick,
};
use serde_json::{Value, json};

const SECOND: i64 = 1_000_000_000;

fn instrument() -> Instrument {
    Instrument::new("a", "BTC")
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

/// A rule about the instrument.
fn rule(mut condition: Value, more: Value) -> Rule {
    (condition["venue"], condition["symbol"]) = ("a".into(), "BTC".into());
    let mut json = json!({"condition": condition});
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    Rule::from_json(json).unwrap()
}

fn state(phase: &str, more: Value) -> RuleState {
    let mut json = json!({"phase": phase});
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    serde_json::from_value(json).unwrap()
}

struct Feed {
    evaluator: Evaluator,
    out: Outcome,
    trades: u64,
}

impl Feed {
    fn new() -> Self {
        Self {
            evaluator: Evaluator::new(Limits::default()),
            out: Outcome::default(),
            trades: 0,
        }
    }

    fn arm(&mut self, id: u128, rule: &Rule, state: Option<&RuleState>) {
        let armed = self
            .evaluator
            .arm(RuleId::of(id), 1, rule, state, &mut self.out);
        armed.unwrap();
    }

    /// A trade at so many seconds, and the rules it fires.
    fn trade(&mut self, seconds: i64, price: &str) -> Vec<u128> {
        self.trades += 1;
        let tick = Tick {
            id: self.trades,
            time: EventTime(seconds * SECOND),
            price: decimal(price),
            quantity: Decimal::ONE,
        };
        self.evaluator.trade(&instrument(), &tick, &mut self.out);
        self.fired()
    }

    fn fired(&mut self) -> Vec<u128> {
        let fired = self.out.firings.iter().map(|it| it.rule.number());
        let fired = fired.collect();
        self.out.clear();
        fired
    }

    /// Begins again from everything that would be stored of these rules.
    fn restart(&mut self, rules: &[(u128, &Rule)]) {
        let mut next = Evaluator::new(Limits::default());
        let stored = self.evaluator.market_state(&instrument()).unwrap();
        let stored = serde_json::to_string(&stored).unwrap();
        next.restore(serde_json::from_str(&stored).unwrap());
        let before = std::mem::replace(&mut self.evaluator, next);
        for (id, rule) in rules {
            let state = before.state(RuleId::of(*id)).unwrap();
            self.arm(*id, rule, Some(&state));
        }
        // There may be no stored candles.
        self.evaluator.warm(&instrument(), &[], &mut self.out);
    }
}

fn rises(percent: &str, more: Value) -> Rule {
    let fields =
        json!({"kind": "change", "window": "1m", "operator": "rises_by", "percent": percent});
    rule(fields, more)
}

#[test]
fn without_its_window_a_rule_that_rests_re_arms_at_the_first_value_far_enough_back() {
    let rule = rises("5", json!({"repeat": "always"}));
    let resting = state("resting", json!({"since": "1970-01-01T00:00:01Z"}));
    let mut feed = Feed::new();
    feed.arm(1, &rule, Some(&resting));
    for seconds in [10, 50, 80] {
        assert_eq!(feed.trade(seconds, "100"), [0_u128; 0]);
    }
    assert_eq!(feed.trade(81, "105"), [1]);
    // One whose first value is not far back goes on resting.
    let mut feed = Feed::new();
    feed.arm(1, &rule, Some(&resting));
    assert_eq!(feed.trade(10, "100"), [0_u128; 0]);
    assert_eq!(feed.trade(80, "106"), [0_u128; 0]);
    assert_eq!(feed.trade(81, "107"), [0_u128; 0]);
}

#[test]
fn without_its_window_a_hold_goes_on_only_if_the_first_value_is_there_too() {
    let rule = rises("5", json!({"hold_seconds": 100}));
    let cause = json!({
        "kind": "trade", "instrument": {"venue": "a", "symbol": "BTC"}, "trade_id": 9,
        "time": "1970-01-01T00:00:01Z", "price": "105",
    });
    let since = json!({"since": "1970-01-01T00:00:01Z", "side": "up", "cause": cause});
    let pending = state("pending", since);
    for (price, fires) in [("104", false), ("106", true)] {
        let mut feed = Feed::new();
        feed.arm(1, &rule, Some(&pending));
        feed.trade(10, "100");
        assert_eq!(feed.trade(80, price), [0_u128; 0]);
        let fired = feed.trade(90, price).len() + feed.trade(101, price).len();
        assert_eq!(fired == 1, fires, "{price}");
    }
}

#[test]
fn a_composite_that_has_fired_does_not_fire_again_because_its_parts_are_not_known_yet() {
    let part = |operator: &str| json!({"kind": "change", "venue": "a", "symbol": "BTC", "window": "1m", "operator": operator, "percent": "5"});
    let price = json!({"kind": "price", "venue": "a", "symbol": "BTC", "operator": "above", "threshold": "100"});
    let json = json!({
        "condition": {"kind": "all", "of": [part("rises_by"), price]},
        "repeat": "always", "fire_if_met": true,
    });
    let rule = Rule::from_json(json).unwrap();
    let mut feed = Feed::new();
    let resting = state("resting", json!({"since": "1970-01-01T00:00:01Z"}));
    feed.arm(1, &rule, Some(&resting));
    feed.trade(10, "100");
    assert_eq!(feed.trade(80, "106"), [0_u128; 0]);
    // It re-arms as soon as it is not true.
    assert_eq!(feed.trade(81, "104"), [0_u128; 0]);
    assert_eq!(feed.trade(82, "106"), [1]);
}

#[test]
fn everything_that_is_stored_gives_the_events_of_an_uninterrupted_run() {
    let change = rises("5", json!({"repeat": "always"}));
    let trailing = json!({"kind": "trailing", "operator": "falls_by", "percent": "10"});
    let trailing = rule(trailing, json!({"repeat": "always"}));
    let rules = [(1, &change), (2, &trailing)];
    let mut feed = Feed::new();
    feed.trade(0, "100");
    feed.arm(1, &change, None);
    feed.arm(2, &trailing, None);
    assert_eq!(feed.trade(70, "100"), [0_u128; 0]);
    assert_eq!(feed.trade(70, "105"), [1]);
    feed.restart(&rules);
    // It rests: the price of a minute ago is still known.
    assert_eq!(feed.trade(71, "106"), [0_u128; 0]);
    assert_eq!(feed.trade(72, "120"), [0_u128; 0]);
    feed.restart(&rules);
    assert_eq!(feed.trade(73, "108.0001"), [0_u128; 0]);
    assert_eq!(feed.trade(74, "108"), [2]);
    feed.restart(&rules);
    assert_eq!(feed.trade(75, "104"), [0_u128; 0]);
    assert_eq!(feed.trade(76, "105"), [1]);
}

#[test]
fn what_is_stored_is_bounded_whatever_happens() {
    let mut feed = Feed::new();
    feed.arm(1, &rises("5", json!({})), None);
    let average = json!({
        "kind": "average", "interval": "1m", "length": 500, "operator": "above", "percent": "5",
    });
    feed.arm(2, &rule(average, json!({})), None);
    for at in 0..40_000 {
        feed.trade(at * 7, "61234.12345678");
    }
    let stored = feed.evaluator.market_state(&instrument()).unwrap();
    let bytes = serde_json::to_string(&stored).unwrap().len();
    assert!(bytes < 15_000 + 20_000 + 2 * 150, "{bytes}");
}

/// Candles of minutes, each at the price that is given for it.
fn candles(from: i64, prices: &[&str]) -> Vec<Candle> {
    let minute = |(at, price): (i64, &&str)| Candle {
        open_time: EventTime((from + at) * 60 * SECOND),
        open: decimal(price),
        high: decimal(price),
        low: decimal(price),
        close: decimal(price),
        volume: Decimal::TEN,
    };
    (0..).zip(prices).map(minute).collect()
}

#[test]
fn a_rule_that_looks_further_back_is_warmed_although_others_are_warm() {
    let average = |length: u32| {
        let fields = json!({
            "kind": "average", "interval": "1m", "length": length, "operator": "above", "percent": "5",
        });
        rule(fields, json!({}))
    };
    let prices = ["100"; 10];
    let mut feed = Feed::new();
    feed.trade(600, "100");
    feed.arm(1, &average(2), None);
    feed.evaluator
        .warm(&instrument(), &candles(8, &prices[..2]), &mut feed.out);
    feed.trade(660, "100");
    feed.trade(721, "100");
    feed.arm(2, &average(8), None);
    feed.evaluator
        .warm(&instrument(), &candles(0, &prices), &mut feed.out);
    assert_eq!(feed.trade(722, "105"), [1, 2]);
}

#[test]
fn volumes_are_counted_once_however_often_they_are_warmed() {
    let volume = |times: &str| {
        let fields = json!({"kind": "volume", "interval": "5m", "length": 2, "times": times});
        rule(fields, json!({}))
    };
    let mut feed = Feed::new();
    feed.trade(600, "100");
    let before = candles(0, &["100"; 10]);
    feed.arm(1, &volume("0.1"), None);
    feed.evaluator.warm(&instrument(), &before, &mut feed.out);
    for seconds in 0..4 {
        assert_eq!(feed.trade(601 + seconds, "100"), [0_u128; 0]);
    }
    feed.arm(2, &volume("0.1"), None);
    feed.evaluator.warm(&instrument(), &before, &mut feed.out);
    // Five of 50.
    assert_eq!(feed.trade(606, "100"), [1, 2]);
}

#[test]
fn a_candle_that_closed_before_the_rule_was_armed_fires_nothing() {
    let fields = json!({
        "kind": "candle", "interval": "1m", "operator": "closes_above", "threshold": "100",
    });
    let rule = rule(fields, json!({}));
    let mut feed = Feed::new();
    feed.trade(610, "101");
    feed.arm(1, &rule, None);
    let before = candles(5, &["99", "99", "99", "99", "101"]);
    feed.evaluator.warm(&instrument(), &before, &mut feed.out);
    assert_eq!(feed.fired(), [0_u128; 0]);
    assert_eq!(feed.trade(620, "101"), [0_u128; 0]);
    assert_eq!(
        feed.trade(670, "99"),
        [0_u128; 0],
        "it closed above, as the one before"
    );
    assert_eq!(feed.trade(730, "101"), [0_u128; 0]);
    assert_eq!(
        feed.evaluator.state(RuleId::of(1)).unwrap().phase,
        Phase::Armed
    );
    assert_eq!(feed.trade(790, "101"), [1]);
}

#[test]
fn a_number_goes_on_from_the_last_that_was_fed() {
    let json = |more: Value| {
        let mut json = json!({
            "condition": {"kind": "signal", "name": "value", "operator": "above", "threshold": "10"},
        });
        for (name, value) in more.as_object().unwrap() {
            json[name] = value.clone();
        }
        Rule::from_json(json).unwrap()
    };
    let number = |feed: &mut Feed, seconds: i64, value: &str| {
        let time = EventTime(seconds * SECOND);
        feed.evaluator
            .number("value", time, decimal(value), &mut feed.out);
        feed.fired()
    };
    let mut feed = Feed::new();
    feed.evaluator
        .resume_number("value", EventTime(SECOND), decimal("11"));
    feed.arm(1, &json(json!({})), None);
    assert_eq!(feed.fired(), [0_u128; 0]);
    // It is met already, and asked to fire.
    feed.arm(2, &json(json!({"fire_if_met": true})), None);
    assert_eq!(feed.fired(), [2]);
    assert_eq!(number(&mut feed, 2, "9"), [0_u128; 0]);
    assert_eq!(
        feed.evaluator.last_number("value"),
        Some((EventTime(2 * SECOND), decimal("9")))
    );
    // Armed in place of itself, as the only rule there is.
    feed.evaluator.disarm(RuleId::of(2));
    feed.arm(1, &json(json!({"hold_seconds": 5})), None);
    assert_eq!(number(&mut feed, 3, "10"), [0_u128; 0]);
    feed.evaluator
        .time_of_number("value", EventTime(8 * SECOND - 1), &mut feed.out);
    assert_eq!(feed.fired(), [0_u128; 0]);
    feed.evaluator
        .time_of_number("value", EventTime(8 * SECOND), &mut feed.out);
    assert_eq!(feed.fired(), [1]);
}
