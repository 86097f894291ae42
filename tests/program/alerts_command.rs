//! `coinsphere alerts evaluate`: which rules a recording fires, against rules evaluated here one by one, and
//! what is said of files that cannot be evaluated. Some of it needs recordings: set `COINSPHERE_MARKET_DATA`
//! to the folder that holds them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;

use rand::RngExt;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::bars::{Deal, nanoseconds};
use crate::support::program::{complaint, run};
use crate::support::recordings::{self, Recording, binance_frame, gzipped};
use crate::support::{Place, seeded};

fn evaluate(place: &Place, rules: &Value, recording: &Path, venue: &str) -> Output {
    let rules = place.file("rules.json", rules.to_string());
    let words = ["alerts".as_ref(), "evaluate".as_ref(), rules.as_os_str()];
    let more = [recording.as_os_str(), "--venue".as_ref(), venue.as_ref()];
    run(Path::new("/tmp/none"), [words, more].concat())
}

/// An event: rule, trade, its time and its price.
type Event = (u64, u64, i64, Decimal);

fn events(output: &Output) -> Vec<Event> {
    assert!(output.status.success(), "{}", complaint(output));
    let text = std::str::from_utf8(&output.stdout).unwrap();
    let event = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line.as_object().unwrap().len(), 4, "{line}");
        (
            line["rule"].as_u64().unwrap(),
            line["trade_id"].as_u64().unwrap(),
            nanoseconds(line["time"].as_str().unwrap()),
            line["price"].as_str().unwrap().parse().unwrap(),
        )
    };
    text.lines().map(event).collect()
}

fn decimal(value: &Value) -> Decimal {
    value
        .as_str()
        .map_or(Decimal::ZERO, |text| text.parse().unwrap())
}

/// The trades that fire a rule, from those of its instrument in order.
fn fired(rule: &Value, deals: &[Deal]) -> Vec<usize> {
    let condition = &rule["condition"];
    let (threshold, distance) = (
        decimal(&condition["threshold"]),
        decimal(&rule["hysteresis"]),
    );
    let operator = condition["operator"].as_str().unwrap();
    let cooldown = rule["cooldown_seconds"].as_i64().unwrap_or(0) * 1_000_000_000;
    let (mut armed, mut last_event, mut fired) = (true, None::<i64>, Vec::new());
    for (at, deal) in deals.iter().enumerate() {
        let up = |before: Decimal| before < threshold && deal.price >= threshold;
        let down = |before: Decimal| before > threshold && deal.price <= threshold;
        let cooling = last_event.is_some_and(|time| deal.time - time < cooldown);
        let before = at.checked_sub(1).map(|at| deals[at].price);
        let crossed = match (operator, before) {
            ("above", None) => rule["fire_if_met"] == true && deal.price >= threshold,
            ("below", None) => rule["fire_if_met"] == true && deal.price <= threshold,
            (_, None) => false,
            ("above" | "crosses_up", Some(before)) => up(before),
            ("below" | "crosses_down", Some(before)) => down(before),
            (_, Some(before)) => up(before) || down(before),
        };
        if cooling {
            continue;
        }
        if crossed && armed {
            fired.push(at);
            last_event = Some(deal.time);
            if rule["repeat"] == "once" {
                break;
            }
            armed = operator == "crosses";
        }
        armed |= match operator {
            "above" | "crosses_up" => deal.price < threshold && threshold - deal.price >= distance,
            "below" | "crosses_down" => {
                deal.price > threshold && deal.price - threshold >= distance
            }
            _ => true,
        };
    }
    fired
}

/// The lines expected of all rules, in their order.
fn expected(rules: &[Value], deals: &[Deal]) -> Vec<Event> {
    let mut by_symbol: BTreeMap<&str, Vec<Deal>> = BTreeMap::new();
    for deal in deals {
        by_symbol
            .entry(&deal.symbol)
            .or_default()
            .push(deal.clone());
    }
    for deals in by_symbol.values_mut() {
        deals.sort_by_key(|deal| (deal.time, deal.id));
        deals.dedup_by_key(|deal| (deal.time, deal.id));
    }
    let mut events = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let symbol = rule["condition"]["symbol"].as_str().unwrap();
        let deals = by_symbol.get(symbol).map_or(&[][..], Vec::as_slice);
        events.extend(fired(rule, deals).into_iter().map(|at| {
            let deal = &deals[at];
            (index as u64, deal.id, deal.time, deal.price)
        }));
    }
    events.sort_by_key(|&(rule, id, time, _)| (time, id, rule));
    events
}

/// Rules about prices that the trades have, or nearly.
fn random_rules(random: &mut StdRng, venue: &str, deals: &[Deal], count: usize) -> Vec<Value> {
    let operators = ["above", "below", "crosses_up", "crosses_down", "crosses"];
    let mut rules = Vec::new();
    for _ in 0..count {
        let deal = &deals[random.random_range(0..deals.len())];
        let nudge = Decimal::new(random.random_range(-2..=2), deal.price.scale() + 1);
        let threshold = (deal.price + nudge).max(Decimal::new(1, 8)).normalize();
        let operator = operators[random.random_range(0..operators.len())];
        let fire_if_met = random.random_bool(0.3);
        let cooldown = [0, 0, 1, 5, 60][random.random_range(0..5)];
        let repeat = if random.random_bool(0.7) {
            "always"
        } else {
            "once"
        };
        let mut rule = json!({
            "condition": {
                "kind": "price", "venue": venue, "symbol": deal.symbol,
                "operator": operator,
                "threshold": threshold.to_string(),
            },
            "repeat": repeat,
            "cooldown_seconds": cooldown,
            "fire_if_met": fire_if_met,
        });
        if random.random_bool(0.5) {
            let share = Decimal::new(random.random_range(0..20), 5);
            rule["hysteresis"] = (threshold * share).normalize().to_string().into();
        }
        rules.push(rule);
    }
    rules
}

pub(crate) fn rules_on_recordings_fire_as_one_by_one(folder: &Path) {
    let mut random = seeded();
    let all = [
        recordings::binance,
        recordings::coinbase,
        recordings::kraken,
    ];
    for Recording {
        venue,
        lines,
        deals,
    } in all.map(|of| of(folder))
    {
        let place = Place::new();
        let file = place.file("recording.jsonl.gz", gzipped(&lines));
        let rules = random_rules(&mut random, venue, &deals, 300);
        let expected = expected(&rules, &deals);
        assert!(
            expected.len() > 100,
            "{venue}: only {} events",
            expected.len()
        );
        let found = events(&evaluate(&place, &json!(rules), &file, venue));
        assert_eq!(found, expected, "{venue}");
    }
}

fn deal(id: u64, seconds: i64, price: &str) -> Deal {
    Deal {
        symbol: "BTCUSDT".to_owned(),
        id,
        time: (1_700_000_000 + seconds) * 1_000_000_000,
        price: price.parse().unwrap(),
        quantity: Decimal::ONE,
        taker_buys: true,
    }
}

fn recording(deals: &[Deal]) -> String {
    let line = |deal: &Deal| format!("1700000900000000000 {}\n", binance_frame(deal));
    deals.iter().map(line).collect()
}

fn price_rule(operator: &str, threshold: &str) -> Value {
    json!({"condition": {
        "kind": "price", "venue": "binance", "symbol": "BTCUSDT",
        "operator": operator, "threshold": threshold,
    }})
}

pub(crate) fn rules_fire_on_the_trades_of_a_file_each_taken_once() {
    let place = Place::new();
    // Out of order, and one of them twice.
    let deals = [
        deal(2, 2, "100"),
        deal(1, 1, "99.5"),
        deal(4, 4, "101"),
        deal(3, 3, "99"),
        deal(4, 4, "101"),
        deal(5, 4, "98"),
    ];
    let file = place.file("trades.jsonl", recording(&deals));
    let mut again = price_rule("above", "100");
    again["repeat"] = "always".into();
    let mut both = price_rule("crosses", "100");
    both["repeat"] = "always".into();
    let mut met = price_rule("below", "99.5");
    met["fire_if_met"] = true.into();
    let mut elsewhere = price_rule("above", "1");
    elsewhere["condition"]["symbol"] = "ETHUSDT".into();
    let rules = json!([again, both, met, elsewhere]);
    let output = evaluate(&place, &rules, &file, "binance");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let line = |rule: u32, id: u32, time: &str, price: &str| {
        format!(
            r#"{{"rule":{rule},"trade_id":{id},"time":"2023-11-14T22:13:{time}Z","price":"{price}"}}"#
        )
    };
    let lines = [
        line(2, 1, "21", "99.5"),
        line(0, 2, "22", "100"),
        line(1, 2, "22", "100"),
        line(0, 4, "24", "101"),
        line(1, 4, "24", "101"),
        line(1, 5, "24", "98"),
    ];
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        lines,
        "{}",
        complaint(&output)
    );
    assert!(complaint(&output).contains("no trades of binance:ETHUSDT"));
}

pub(crate) fn what_cannot_be_evaluated_is_named() {
    let place = Place::new();
    let file = place.file("trades.jsonl", recording(&[deal(1, 1, "100")]));
    let good = price_rule("above", "100");
    let mut cases = Vec::new();
    let mut case = |field: &str, value: Value, said: &str| {
        let mut bad = good.clone();
        *bad.pointer_mut(field).unwrap_or(&mut Value::Null) = value.clone();
        if let (None, Some((parent, name))) = (good.pointer(field), field.rsplit_once('/')) {
            bad.pointer_mut(parent).unwrap()[name] = value;
        }
        cases.push((json!([good, bad]), said.to_owned()));
    };
    case(
        "/condition/operator",
        "over".into(),
        "rule 1: condition.operator: unknown variant `over`",
    );
    case(
        "/condition/threshold",
        "x".into(),
        "rule 1: condition.threshold: \"x\" is not a decimal",
    );
    case(
        "/condition/threshold",
        "0".into(),
        "rule 1: condition.threshold: 0 is not above 0",
    );
    case(
        "/condition/venue",
        "mtgox".into(),
        "rule 1: condition.venue: \"mtgox\" is not a venue: use one of binance",
    );
    case(
        "/condition/symbol",
        "btc-usdt".into(),
        "rule 1: condition.symbol: binance can have no symbol",
    );
    case(
        "/condition/kind",
        "prize".into(),
        "rule 1: condition.kind: \"prize\" is not a kind: use one of price",
    );
    case(
        "/condition/above",
        "1".into(),
        "rule 1: condition.above: unknown field `above`",
    );
    case(
        "/cooldown",
        3.into(),
        "rule 1: cooldown: unknown field `cooldown`",
    );
    case(
        "/cooldown_seconds",
        (-1).into(),
        "rule 1: cooldown_seconds: invalid value",
    );
    case(
        "/hysteresis",
        "-1".into(),
        "rule 1: hysteresis: -1 is negative",
    );
    case(
        "/repeat",
        "twice".into(),
        "rule 1: repeat: unknown variant `twice`",
    );
    cases.push((
        json!([good, {}]),
        "rule 1: condition: is missing".to_owned(),
    ));
    cases.push((good.clone(), "not a JSON array of rules".to_owned()));
    for (rules, said) in cases {
        let output = evaluate(&place, &rules, &file, "binance");
        assert_eq!(output.status.code(), Some(1), "{rules}");
        let complaint = complaint(&output);
        assert!(complaint.contains("rules.json: "), "{complaint}");
        assert!(complaint.contains(&said), "{complaint}\nand not {said}");
        assert!(output.stdout.is_empty());
    }
    let empty = place.file("empty.jsonl", "");
    let output = evaluate(&place, &json!([good]), &empty, "binance");
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("it holds no frames at all"));
    let output = evaluate(&place, &json!([good]), &file, "kraken");
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("is it the right --venue? It holds trades of binance"));
}
