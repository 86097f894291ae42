//! Rules as chance draws them: thresholds on the prices that trades have, between them, and finer than any price.

use coinsphere_alerts::{Decimal, EventTime, Rule};
use serde_json::{Value, json};

use crate::Random;

/// A distance of more places than a venue's prices have.
fn fine(random: &mut Random) -> Decimal {
    Decimal::new(1, 9 + random.below(12) as u32)
}

/// The fields of a rule besides its condition, with distances in halves of `step`.
fn course(random: &mut Random, step: Decimal) -> Value {
    let mut json = json!({
        "repeat": random.of(&["once", "always", "always"]),
        "fire_if_met": random.one_in(3),
    });
    if random.one_in(2) {
        json["cooldown_seconds"] = random.below(40).into();
    }
    if random.one_in(2) {
        let mut distance = Decimal::from(random.below(8)) * step / Decimal::TWO;
        if random.one_in(8) {
            distance += fine(random);
        }
        json["hysteresis"] = Value::from(distance.normalize().to_string());
    }
    if random.one_in(4) {
        json["hold_seconds"] = random.below(15).into();
    }
    json
}

fn rule(random: &mut Random, mut json: Value, condition: Value, now: i64) -> Rule {
    json["condition"] = condition;
    let mut rule = Rule::from_json(json).unwrap();
    if random.one_in(8) {
        rule.expires_at = Some(EventTime(now + random.below(300) as i64 * 1_000_000_000));
    }
    rule
}

/// A price rule about prices near `middle`, in steps of `step`.
pub(crate) fn price_rule(random: &mut Random, middle: Decimal, step: Decimal, now: i64) -> Rule {
    let mut threshold = middle + Decimal::from(random.below(41) as i64 - 20) * step / Decimal::TWO;
    if random.one_in(16) {
        threshold += fine(random);
    }
    let operators = ["above", "below", "crosses_up", "crosses_down", "crosses"];
    let condition = json!({
        "kind": "price", "venue": "binance", "symbol": "BTCUSDT",
        "operator": random.of(&operators), "threshold": threshold.normalize().to_string(),
    });
    let json = course(random, step);
    rule(random, json, condition, now)
}

/// A price near those of trades, in `unit`s.
fn price(random: &mut Random, unit: Decimal) -> String {
    let mut price = Decimal::new(10_000 + random.below(36) as i64 * 25, 2) * unit;
    if random.one_in(4) {
        price += fine(random)
            * if random.one_in(2) {
                Decimal::ONE
            } else {
                -Decimal::ONE
            };
    }
    if price <= Decimal::ZERO {
        price = unit;
    }
    price.normalize().to_string()
}

/// A percentage that is not negative: eighths, or with as many places as there may be.
fn percent(random: &mut Random) -> Decimal {
    let percent = match random.below(3) {
        0 => Decimal::new(random.below(40_000) as i64 + 1, 4),
        // What is next to an eighth.
        1 => Decimal::new(random.below(17) as i64 * 1_250 + 1, 4),
        _ => Decimal::new(random.below(17) as i64 * 125, 3),
    };
    percent.normalize()
}

/// A condition of any kind.
fn condition(random: &mut Random, unit: Decimal, level: u32) -> Value {
    let mut of_instrument = json!({"venue": "binance", "symbol": "BTCUSDT"});
    let mut with = |more: Value| {
        for (name, value) in more.as_object().unwrap() {
            of_instrument[name] = value.clone();
        }
        of_instrument.clone()
    };
    let above_zero = (percent(random) + Decimal::new(1, 4))
        .normalize()
        .to_string();
    let signed = match random.one_in(2) {
        true => percent(random).to_string(),
        false => (-percent(random)).to_string(),
    };
    let operators = ["above", "below", "crosses_up", "crosses_down", "crosses"];
    let operator = random.of(&operators[..if level > 0 { 2 } else { 5 }]);
    let price = price(random, unit);
    match random.below(if level > 1 { 9 } else { 13 }) {
        0 => with(json!({"kind": "price", "operator": operator, "threshold": price})),
        1 | 2 => with(json!({
            "kind": "change", "window": random.of(&["1m", "4m"]),
            "operator": random.of(&["rises_by", "falls_by"]), "percent": above_zero,
        })),
        3 => with(json!({
            "kind": "average", "interval": "1m", "length": random.below(3) + 2,
            "weights": random.of(&["simple", "exponential"]),
            "operator": operator, "percent": signed,
        })),
        4 => {
            let times = Decimal::new(random.below(20) as i64 + 1, 0) / Decimal::from(4);
            let fine = Decimal::new(random.below(3) as i64, 4);
            with(json!({
                "kind": "volume", "interval": "1m", "length": random.below(3) + 2,
                "times": (times + fine).normalize().to_string(),
            }))
        }
        5 => with(json!({
            "kind": "candle", "interval": "1m", "count": random.below(3) + 1,
            "operator": random.of(&["closes_above", "closes_below"]), "threshold": price,
        })),
        6 => {
            // Not where moves of the same size would be.
            let times = Decimal::new(random.below(250) as i64 * 100 + 37, 4).normalize();
            with(json!({
                "kind": "volatility", "interval": "1m", "length": 2, "usual": 3 + random.below(7),
                "times": times.to_string(),
            }))
        }
        7 if level == 0 => with(json!({"kind": "new_high", "days": 1})),
        8 if level == 0 => with(json!({"kind": "new_low", "days": 1})),
        7 | 8 => with(json!({"kind": "price", "operator": operator, "threshold": price})),
        9 if level == 0 => with(json!({
            "kind": "change", "window": "1m", "operator": "moves_by", "percent": above_zero,
        })),
        10 | 11 if level == 0 => with(json!({
            "kind": "trailing", "operator": random.of(&["falls_by", "rises_by"]),
            "percent": above_zero,
        })),
        _ => {
            let count = random.below(2) + 2;
            let of: Vec<Value> = (0..count)
                .map(|_| condition(random, unit, level + 1))
                .collect();
            json!({"kind": random.of(&["all", "any"]), "of": of})
        }
    }
}

/// A rule of any kind about prices of about 100 times `unit`.
pub(crate) fn any_rule(random: &mut Random, unit: Decimal, now: i64) -> Rule {
    let condition = condition(random, unit, 0);
    let is_price = matches!(condition["kind"].as_str(), Some("price" | "candle"));
    let step = if is_price {
        unit / Decimal::TWO
    } else {
        Decimal::ONE
    };
    let mut json = course(random, step);
    if !is_price && let Some(distance) = json["hysteresis"].as_str() {
        // A ratio has no more than four places.
        let distance = Decimal::from_str_exact(distance).unwrap().round_dp(4);
        json["hysteresis"] = distance.normalize().to_string().into();
    }
    rule(random, json, condition, now)
}
