//! The evaluator against the reference: the same events on random walks with jumps, equal prices and equal
//! times, while rules come, change and go, time passes without trades, and everything is stored and begun
//! again from what was stored; and on recorded trades, if `COINSPHERE_MARKET_DATA` names their folder.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod drawn;
mod model;
mod signals;
mod spread;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use coinsphere_alerts::{
    Cause, Decimal, Evaluator, EventTime, Firing, Instrument, Limits, MarketState, Outcome, Rule,
    RuleId, Tick,
};
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

use drawn::{any_rule, price_rule};
use model::{Event, ModelRule};
use signals::{History, When};

/// A generator of numbers that a seed decides.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<'a, T>(&mut self, values: &'a [T]) -> &'a T {
        &values[self.below(values.len() as u64) as usize]
    }
}

fn instrument() -> Instrument {
    Instrument::new("binance", "BTCUSDT")
}

fn event_of(firing: &Firing) -> Event {
    let cause = match &firing.cause {
        Cause::Trade { trade_id, .. } => *trade_id,
        Cause::Candle { open_time, .. } => open_time.0 as u64,
        other => panic!("{other:?}"),
    };
    (firing.rule.number(), firing.revision, cause, firing.at.0)
}

/// Both at once.
struct Pair {
    evaluator: Evaluator,
    rules: BTreeMap<u128, (u32, Rule)>,
    model: BTreeMap<u128, ModelRule>,
    history: History,
    out: Outcome,
    expected: Vec<Event>,
    fired: usize,
    /// Seconds of the candles whose closes matter.
    intervals: Vec<u32>,
}

impl Pair {
    fn new() -> Self {
        Self {
            intervals: Vec::new(),
            evaluator: Evaluator::new(Limits::default()),
            rules: BTreeMap::new(),
            model: BTreeMap::new(),
            history: History {
                ticks: Vec::new(),
                now: i64::MIN,
            },
            out: Outcome::default(),
            expected: Vec::new(),
            fired: 0,
        }
    }

    fn arm(&mut self, id: u128, rule: Rule) {
        let revision = self.rules.get(&id).map_or(1, |(revision, _)| revision + 1);
        let rule_id = RuleId::of(id);
        self.evaluator
            .arm(rule_id, revision, &rule, None, &mut self.out)
            .unwrap();
        let mut model = ModelRule::new(id, revision, rule.clone());
        model.arm(&self.history, &mut self.expected);
        self.model.insert(id, model);
        self.rules.insert(id, (revision, rule));
    }

    fn disarm(&mut self, id: u128) {
        let was = self.rules.remove(&id).is_some();
        assert_eq!(self.evaluator.disarm(RuleId::of(id)), was);
        self.model.remove(&id);
    }

    fn trade(&mut self, tick: Tick) {
        self.evaluator.trade(&instrument(), &tick, &mut self.out);
        self.pass(tick.time.0);
        self.history.ticks.push((self.history.now, tick));
        for rule in self.model.values_mut() {
            rule.happen(&self.history, When::Trade, tick.id, &mut self.expected);
        }
    }

    fn time(&mut self, time: i64) {
        self.evaluator
            .time(&instrument(), EventTime(time), &mut self.out);
        self.pass(time);
    }

    fn pass(&mut self, time: i64) {
        let now = self.history.now.max(time);
        for seconds in self.intervals.clone() {
            assert_eq!(
                self.intervals.len(),
                1,
                "closes of one interval are in order"
            );
            self.close(seconds, now);
        }
        self.history.now = now;
        for rule in self.model.values_mut() {
            rule.time(now, &mut self.expected);
        }
    }

    /// The candle that is open closes, if it is over by `now`.
    fn close(&mut self, seconds: u32, now: i64) {
        let length = i64::from(seconds) * 1_000_000_000;
        let Some((last, _)) = self.history.ticks.last() else {
            return;
        };
        let end = (last.div_euclid(length) + 1) * length;
        if end > now || end <= self.history.now {
            return;
        }
        self.history.now = end;
        for rule in self.model.values_mut() {
            rule.time(end, &mut self.expected);
            let cause = (end - length) as u64;
            rule.happen(&self.history, When::Close, cause, &mut self.expected);
        }
    }

    /// Begins again from what would have been stored: the last trade, which is enough for prices, or everything.
    fn restart(&mut self, whole: bool) {
        let mut next = Evaluator::new(Limits::default());
        if whole && let Some(state) = self.evaluator.market_state(&instrument()) {
            let stored = serde_json::to_value(&state).unwrap();
            let read: MarketState = serde_json::from_value(stored.clone()).unwrap();
            assert_eq!(serde_json::to_value(&read).unwrap(), stored);
            next.restore(read);
        } else if let Some(last) = self.evaluator.last_trade(&instrument()) {
            next.resume(&instrument(), last);
            next.time(&instrument(), EventTime(self.history.now), &mut self.out);
        }
        for (id, (revision, rule)) in &self.rules {
            let state = self.evaluator.state(RuleId::of(*id)).unwrap();
            let stored = serde_json::to_string(&state).unwrap();
            let state = serde_json::from_str(&stored).unwrap();
            let text = serde_json::to_string(rule).unwrap();
            assert_eq!(&serde_json::from_str::<Rule>(&text).unwrap(), rule);
            next.arm(
                RuleId::of(*id),
                *revision,
                rule,
                Some(&state),
                &mut self.out,
            )
            .unwrap();
        }
        self.evaluator = next;
    }

    fn check(&mut self, what: &str) {
        let mut found: Vec<Event> = self.out.firings.iter().map(event_of).collect();
        found.sort_unstable();
        self.expected.sort_unstable();
        let of_one = |event: &&Event| !found.contains(event) || !self.expected.contains(event);
        if let Some((id, ..)) = found.iter().chain(&self.expected).find(of_one) {
            let (model, rule) = (&self.model[id], &self.rules[id]);
            let state = self.evaluator.state(RuleId::of(*id));
            println!("{rule:?}\n{model:?}\n{state:?}");
        }
        assert_eq!(found, self.expected, "{what}");
        self.fired += found.len();
        self.out.clear();
        self.expected.clear();
    }
}

/// A walk in steps, with jumps, pauses and equal prices.
fn walk(seed: u64, scale: u32, steps: u64) -> usize {
    let mut random = Random(seed);
    let mut pair = Pair::new();
    let step = Decimal::new(5, scale);
    let middle = Decimal::new(1_000, scale) * Decimal::TEN;
    let (mut place, mut time) = (0_i64, 1_700_000_000_000_000_000_i64);
    for at in 0..steps {
        let what = format!("seed {seed}, step {at}");
        while random.one_in(3) {
            let id = u128::from(random.below(60));
            if random.one_in(5) {
                pair.disarm(id);
            } else {
                let rule = price_rule(&mut random, middle, step, time);
                pair.arm(id, rule);
            }
        }
        place += match random.below(12) {
            0 => random.below(31) as i64 - 15,
            1..=3 => 0,
            _ => random.below(3) as i64 - 1,
        };
        place = place.clamp(-25, 25);
        time += match random.below(8) {
            0 => random.below(60_000_000_000) as i64,
            1 | 2 => 0,
            _ => random.below(4) as i64 * 1_000_000_000,
        };
        if random.one_in(10) {
            pair.time(time);
            time += random.below(3) as i64 * 1_000_000_000;
        }
        pair.check(&what);
        pair.trade(Tick {
            id: at,
            time: EventTime(time),
            price: (middle + Decimal::from(place) * step / Decimal::TWO).normalize(),
            quantity: Decimal::ONE,
        });
        pair.check(&what);
        if random.one_in(40) {
            let whole = random.one_in(2);
            pair.restart(whole);
            pair.check(&what);
        }
    }
    pair.fired
}

#[test]
fn price_rules_agree_on_random_walks() {
    let mut fired = 0;
    for seed in 1..=14 {
        fired += walk(seed, 2, 1_200);
    }
    // Keys that begin with eight places and are widened once and for all.
    for seed in 41..=44 {
        fired += walk(seed, 12, 800);
        fired += walk(seed, 24, 800);
    }
    assert!(fired > 2_000, "{fired}");
}

/// Trades of a few prices in steps of 0.0025 times `unit`, for hours, so that windows fill and candles close.
fn walk_of_all_kinds(seed: u64, unit: Decimal, steps: u64) -> usize {
    let mut random = Random(seed);
    let mut pair = Pair::new();
    pair.intervals.push(60);
    // Rules that keep every window from the beginning; of all but two, none ever fires.
    let of_windows = [
        json!({"kind": "change", "window": "1m", "operator": "rises_by", "percent": "999999"}),
        json!({"kind": "change", "window": "4m", "operator": "rises_by", "percent": "999999"}),
        json!({"kind": "candle", "interval": "1m", "count": 100, "operator": "closes_above", "threshold": "999999"}),
        json!({"kind": "new_high", "days": 1}),
        json!({"kind": "new_low", "days": 1}),
        json!({"kind": "volatility", "interval": "1m", "length": 2, "usual": 9, "times": "999999"}),
    ];
    let weights = ["simple", "exponential"];
    let of_averages = (2..=4).flat_map(|length| {
        weights.map(|weights| {
            json!({"kind": "average", "interval": "1m", "length": length, "weights": weights, "operator": "above", "percent": "999999"})
        })
    });
    let of_volumes = (2..=4).map(
        |length| json!({"kind": "volume", "interval": "1m", "length": length, "times": "999999"}),
    );
    let all = of_windows.into_iter().chain(of_averages).chain(of_volumes);
    for (id, mut condition) in (1_000..).zip(all) {
        condition["venue"] = "binance".into();
        condition["symbol"] = "BTCUSDT".into();
        pair.arm(
            id,
            Rule::from_json(json!({"condition": &condition})).unwrap(),
        );
        if condition["kind"] != "new_high" && condition["kind"] != "new_low" {
            pair.model.remove(&id);
        }
    }
    let (mut place, mut time) = (0_i64, 1_700_000_000_000_000_000_i64);
    for at in 0..steps {
        let what = format!("seed {seed}, step {at}");
        // Once every window has something in it.
        while at > 60 && random.one_in(3) {
            let id = u128::from(random.below(40));
            if random.one_in(5) {
                pair.disarm(id);
            } else {
                let rule = any_rule(&mut random, unit, time);
                pair.arm(id, rule);
            }
        }
        place = (place + random.below(5) as i64 - 2).clamp(-20, 20);
        let pause = if at < 60 { 30 } else { 8 };
        time += match random.below(12) {
            0 => random.below(90_000_000_000) as i64,
            1 => 0,
            _ => random.below(pause) as i64 * 1_000_000_000,
        };
        if at == 3 {
            // Something a day before.
            time += 90_000_000_000_000;
        }
        if random.one_in(10) {
            pair.time(time);
            time += random.below(3) as i64 * 1_000_000_000;
        }
        pair.check(&what);
        pair.trade(Tick {
            id: at,
            time: EventTime(time),
            price: (Decimal::new(10_400 + place * 25, 2) * unit).normalize(),
            quantity: Decimal::new(random.below(40) as i64, 1),
        });
        pair.check(&what);
        if random.one_in(25) {
            pair.restart(true);
            pair.check(&what);
        }
    }
    pair.fired
}

#[test]
fn rules_of_all_kinds_agree_on_random_walks() {
    let mut fired = 0;
    let units = ["1", "0.00000001", "0.0003", "1", "10000000"];
    for (seed, unit) in (1..=10).zip(units.into_iter().cycle()) {
        let unit = Decimal::from_str_exact(unit).unwrap();
        fired += walk_of_all_kinds(seed, unit, 500);
    }
    assert!(fired > 1_000, "{fired}");
}

/// The trades of a recording of Binance's, read in the plainest way.
fn recorded() -> Option<Vec<Tick>> {
    let folder = std::env::var_os("COINSPHERE_MARKET_DATA").map(PathBuf::from)?;
    let path = folder.join("ws/binance/binance_spot_btcusdt_trade_20240808.jsonl.gz");
    let lines = BufReader::new(MultiGzDecoder::new(File::open(path).unwrap())).lines();
    let ticks = lines.filter_map(|line| {
        let line = line.unwrap();
        let frame: Value = serde_json::from_str(line.split_once(' ')?.1).ok()?;
        let data = &frame["data"];
        let decimal = |value: &Value| Decimal::from_str_exact(value.as_str()?).ok();
        Some(Tick {
            id: data["t"].as_u64()?,
            time: EventTime(data["T"].as_i64()? * 1_000_000),
            price: decimal(&data["p"])?,
            quantity: decimal(&data["q"])?,
        })
    });
    Some(ticks.collect())
}

#[test]
fn price_rules_agree_on_recorded_trades() {
    let Some(ticks) = recorded() else {
        println!("skipped: COINSPHERE_MARKET_DATA is not set");
        return;
    };
    let mut random = Random(7);
    let mut pair = Pair::new();
    let (middle, step) = (ticks[ticks.len() / 2].price, Decimal::new(1000, 2));
    for (at, tick) in ticks.iter().enumerate() {
        if at % 40 == 0 {
            let rule = price_rule(&mut random, middle, step, tick.time.0);
            pair.arm((at / 40 % 200) as u128, rule);
        }
        if at % 1_000 == 999 {
            pair.restart(at % 2_000 == 999);
        }
        pair.trade(*tick);
        pair.check(&format!("trade {at}"));
    }
    assert!(pair.fired > 100, "{}", pair.fired);
}
