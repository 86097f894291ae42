//! Spreads between two instruments against the fractions themselves, on prices of any size, with restarts.

use std::collections::BTreeMap;

use coinsphere_alerts::{
    Decimal, Evaluator, EventTime, Instrument, Limits, MarketState, Outcome, Rule, RuleId, Tick,
};
use serde_json::json;

use crate::Random;
use crate::signals::Fraction;

const SECOND: i64 = 1_000_000_000;

/// A rule, its operator, threshold and the greatest age of a price in seconds.
type Spread = (Rule, &'static str, Decimal, i64);

fn spread(random: &mut Random) -> Spread {
    let operator = *random.of(&["above", "below", "crosses_up", "crosses_down", "crosses"]);
    let places = 1 + random.below(4) as u32;
    let most = 10_i64.pow(places);
    let percent = Decimal::new(random.below(4 * most as u64) as i64 - 2 * most, places);
    let age = 5 + random.below(40) as i64;
    let rule = json!({
        "condition": {
            "kind": "spread", "venue": "a", "symbol": "BTC", "max_age_seconds": age,
            "against": {"venue": "b", "symbol": "BTC"}, "operator": operator,
            "percent": percent.normalize().to_string(),
        },
        "repeat": "always",
    });
    (Rule::from_json(rule).unwrap(), operator, percent, age)
}

/// The distance in hundredths of the other price, and that price, while both are fresh.
fn value_of(last: [Option<(i64, Decimal)>; 2], now: i64, age: i64) -> Option<Fraction> {
    let [(first, price), (second, against)] = [last[0]?, last[1]?];
    let is_fresh = now - first.min(second) <= age * SECOND;
    is_fresh.then(|| ((price - against) * Decimal::ONE_HUNDRED, against))
}

/// Above a threshold (1), at it (0) or below (-1).
fn side(value: Fraction, percent: Decimal) -> i8 {
    value.0.cmp(&(percent * value.1)) as i8
}

/// True if a value above (1), at (0) or below (-1) the threshold fires after another.
fn fires(operator: &str, before: i8, now: i8) -> bool {
    let (up, down) = (before < 0 && now >= 0, before > 0 && now <= 0);
    match operator {
        "above" | "crosses_up" => up,
        "below" | "crosses_down" => down,
        _ => up || down,
    }
}

fn walk(seed: u64, unit: Decimal) -> usize {
    let mut random = Random(seed);
    let instruments = [Instrument::new("a", "BTC"), Instrument::new("b", "BTC")];
    let mut evaluator = Evaluator::new(Limits::default());
    let mut out = Outcome::default();
    let mut rules: BTreeMap<u128, (Spread, Option<Fraction>)> = BTreeMap::new();
    let mut last: [Option<(i64, Decimal)>; 2] = [None, None];
    let (mut time, mut fired) = (1_700_000_000 * SECOND, 0);
    for at in 0..600 {
        while random.one_in(3) {
            let (id, rule) = (u128::from(random.below(20)), spread(&mut random));
            let armed = evaluator.arm(RuleId::of(id), 1, &rule.0, None, &mut out);
            armed.unwrap();
            rules.remove(&id);
            // The value at arming is that of the signal, if a rule keeps it.
            let shared = rules.values().find(|((.., age), _)| *age == rule.3);
            let value = shared.map_or_else(|| value_of(last, time, rule.3), |(_, value)| *value);
            rules.insert(id, (rule, value));
        }
        time += random.below(12) as i64 * SECOND;
        let which = random.below(2) as usize;
        let cents = Decimal::new(10_000 + random.below(400) as i64 - 200, 2);
        let price = (cents * unit).normalize();
        last[which] = Some((time, price));
        let mut expected = Vec::new();
        for (id, ((_, operator, percent, age), before)) in &mut rules {
            let Some(now) = value_of(last, time, *age) else {
                continue;
            };
            if before
                .is_some_and(|before| fires(operator, side(before, *percent), side(now, *percent)))
            {
                expected.push(*id);
            }
            *before = Some(now);
        }
        let tick = Tick {
            id: at,
            time: EventTime(time),
            price,
            quantity: Decimal::ONE,
        };
        evaluator.trade(&instruments[which], &tick, &mut out);
        let found: Vec<u128> = out.firings.iter().map(|it| it.rule.number()).collect();
        assert_eq!(found, expected, "seed {seed}, step {at}");
        fired += found.len();
        out.clear();
        if random.one_in(20) {
            let mut next = Evaluator::new(Limits::default());
            for instrument in &instruments {
                let stored = evaluator.market_state(instrument);
                let stored = serde_json::to_string(&stored).unwrap();
                let read: Option<MarketState> = serde_json::from_str(&stored).unwrap();
                read.into_iter().for_each(|read| next.restore(read));
            }
            for (id, ((rule, ..), _)) in &rules {
                let state = evaluator.state(RuleId::of(*id));
                let armed = next.arm(RuleId::of(*id), 1, rule, state.as_ref(), &mut out);
                armed.unwrap();
            }
            evaluator = next;
        }
    }
    fired
}

#[test]
fn spreads_agree_on_random_walks() {
    let mut fired = 0;
    for (seed, unit) in (1..=6).zip(["1", "0.00000001", "10000000"].into_iter().cycle()) {
        fired += walk(seed, Decimal::from_str_exact(unit).unwrap());
    }
    assert!(fired > 200, "{fired}");
}
