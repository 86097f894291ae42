//! A million armed rules of mixed kinds on 31 instruments with about 50 signals each: trades a second while
//! nothing fires and while one in a hundred does, a storm of 10,000 rules on one level, arming, disarming,
//! memory; and previews. The floor is a loop over the same trades that makes a key of each price and compares it twice.

#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench ends at the first surprise")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use coinsphere_alerts::{
    Candle, Decimal, Evaluator, EventTime, Instrument, Limits, MarketHandle, Outcome, Rule, RuleId,
    Tick,
};
use serde_json::{Value, json};

const INSTRUMENTS: usize = 31;
const RULES: u64 = 1_000_000;
const TRADES: usize = 50_000;
const BATCH: usize = 256;
const STORM: u64 = 10_000;
const BEGIN: i64 = 1_700_000_000_000_000_000;
const MINUTE: i64 = 60_000_000_000;
const WINDOWS: [&str; 16] = [
    "1m", "2m", "5m", "10m", "15m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "12h", "1d", "2d",
    "7d",
];
const INTERVALS: [&str; 4] = ["1m", "5m", "15m", "1h"];

/// A generator of numbers that a seed decides.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % most
    }

    fn of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }
}

fn symbol(at: usize) -> String {
    format!("COIN{at}USDT")
}

fn instrument(at: usize) -> Instrument {
    Instrument::new("binance", &symbol(at))
}

/// The price in cents at which an instrument stands.
fn middle(at: usize) -> u64 {
    6_000_000 + at as u64 * 1_000
}

fn cents(value: u64) -> String {
    Decimal::new(value as i64, 2).to_string()
}

fn condition(of: usize, kind: &str, more: Value) -> Value {
    let mut json = json!({"kind": kind, "venue": "binance", "symbol": symbol(of)});
    for (name, value) in more.as_object().unwrap() {
        json[name] = value.clone();
    }
    json
}

/// A threshold far enough from where prices are, and the operator that is not met there.
fn far(random: &mut Random, of: usize) -> (String, &'static str) {
    let distance = 100_000 + random.below(2_900_000);
    if random.below(2) == 0 {
        (cents(middle(of) + distance), "above")
    } else {
        (cents(middle(of) - distance), "below")
    }
}

fn price(random: &mut Random, of: usize) -> Value {
    let (threshold, operator) = far(random, of);
    condition(
        of,
        "price",
        json!({"operator": operator, "threshold": threshold}),
    )
}

fn change(random: &mut Random, of: usize) -> Value {
    let window = random.of(&WINDOWS);
    let operator = random.of(&["rises_by", "falls_by"]);
    let percent = cents(300 + random.below(4_000));
    let fields = json!({"window": window, "operator": operator, "percent": percent});
    condition(of, "change", fields)
}

fn average(random: &mut Random, of: usize) -> Value {
    let fields = json!({
        "interval": random.of(&INTERVALS), "length": random.of(&[10, 20, 50]),
        "weights": random.of(&["simple", "exponential"]),
        "operator": "crosses_up", "percent": cents(300 + random.below(4_000)),
    });
    condition(of, "average", fields)
}

fn volume(random: &mut Random, of: usize) -> Value {
    let times = cents(90_000_000 + random.below(100_000));
    let fields = json!({"interval": random.of(&INTERVALS), "times": times});
    condition(of, "volume", fields)
}

fn candle(random: &mut Random, of: usize) -> Value {
    let (threshold, operator) = far(random, of);
    let fields = json!({
        "interval": random.of(&INTERVALS), "threshold": threshold,
        "operator": format!("closes_{operator}"),
    });
    condition(of, "candle", fields)
}

fn rule(random: &mut Random, at: u64) -> Rule {
    let of = (at % INSTRUMENTS as u64) as usize;
    let condition = match at / INSTRUMENTS as u64 % 100 {
        0..70 => price(random, of),
        70..85 => change(random, of),
        85..93 => average(random, of),
        93 => volume(random, of),
        94 => candle(random, of),
        _ => json!({"kind": "all", "of": [price(random, of), change(random, of)]}),
    };
    Rule::from_json(json!({
        "condition": condition, "repeat": "always", "cooldown_seconds": 60, "hysteresis": "60",
    }))
    .unwrap()
}

fn price_rule(of: usize, operator: &str, threshold: u64, cooldown: u32) -> Rule {
    let fields = json!({"operator": operator, "threshold": cents(threshold)});
    Rule::from_json(json!({
        "condition": condition(of, "price", fields), "repeat": "always", "cooldown_seconds": cooldown,
    }))
    .unwrap()
}

/// Bytes that the process has in memory.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1);
    pages.and_then(|it| it.parse::<usize>().ok()).unwrap_or(0) * 4_096
}

/// Trades of an instrument, one a millisecond, within 0.05 % of its middle.
fn ticks(random: &mut Random, of: usize, crossing: bool) -> Vec<Tick> {
    let tick = |at: usize| {
        let wobble = random.below(3_000);
        // Every hundredth trade goes to the other side of the middle.
        let cents = match (crossing, at / 100 % 2) {
            (true, 0) => middle(of) - 1 - wobble,
            (true, _) => middle(of) + 1 + wobble,
            (false, _) => middle(of) + wobble,
        };
        Tick {
            id: at as u64,
            time: EventTime(BEGIN + at as i64 * 1_000_000),
            price: Decimal::new(cents as i64, 2),
            quantity: Decimal::new(1 + random.below(1_000) as i64, 5),
        }
    };
    (0..TRADES).map(tick).collect()
}

struct Bench {
    evaluator: Evaluator,
    handles: Vec<MarketHandle>,
    out: Outcome,
    /// Event time that has passed, in lengths of the trades.
    rounds: i64,
}

impl Bench {
    fn arm(&mut self, id: u64, rule: &Rule) {
        let id = RuleId::of(id.into());
        self.evaluator
            .arm(id, 1, rule, None, &mut self.out)
            .unwrap();
    }

    /// Feeds the trades of all instruments in batches, each round later than the one before; how long that took,
    /// and how many events there were.
    fn feed(&mut self, all: &mut [Vec<Tick>]) -> (Duration, usize) {
        self.rounds += 1;
        for ticks in &mut *all {
            for (at, tick) in (0..).zip(ticks) {
                let number = self.rounds * TRADES as i64 + at;
                tick.time = EventTime(BEGIN + number * 1_000_000);
            }
        }
        let begun = processor_time();
        let mut fired = 0;
        for from in (0..TRADES).step_by(BATCH) {
            for (handle, ticks) in self.handles.iter().zip(&*all) {
                let ticks = &ticks[from..TRADES.min(from + BATCH)];
                self.evaluator.trades(*handle, ticks, &mut self.out);
                fired += self.out.firings.len();
                self.out.clear();
            }
        }
        (processor_time() - begun, fired)
    }
}

/// The time that this thread has had a processor: neighbours do not count.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanos = text.split(' ').next().unwrap().parse().unwrap();
    Duration::from_nanos(nanos)
}

fn floor(all: &[Vec<Tick>]) -> Duration {
    let begun = Instant::now();
    let (low, high) = (black_box(1_i64), black_box(i64::MAX));
    let mut within = 0_u64;
    for tick in all.iter().flatten() {
        let key = black_box(tick).price.mantissa() as i64 * 1_000_000;
        within += u64::from(low < key && key < high);
    }
    black_box(within);
    begun.elapsed()
}

fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// Eight days at one price.
fn history(of: usize) -> Vec<Candle> {
    let price = Decimal::new(middle(of) as i64, 2);
    let minute = |back: i64| Candle {
        open_time: EventTime(BEGIN / MINUTE * MINUTE - back * MINUTE),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Decimal::ONE_THOUSAND,
    };
    (1..8 * 1_440).rev().map(minute).collect()
}

/// The rules of previews, which look back as far as candles are read.
fn previewed() -> Vec<Value> {
    let part = |operator: &str| {
        let fields = json!({"window": "1h", "operator": operator, "percent": "0.5"});
        condition(0, "change", fields)
    };
    vec![
        condition(
            0,
            "price",
            json!({"operator": "crosses", "threshold": cents(middle(0))}),
        ),
        part("moves_by"),
        condition(
            0,
            "change",
            json!({"window": "7d", "operator": "falls_by", "percent": "2"}),
        ),
        condition(
            0,
            "average",
            json!({
                "interval": "1m", "length": 200, "weights": "exponential", "operator": "crosses", "percent": "0",
            }),
        ),
        condition(
            0,
            "volatility",
            json!({"interval": "1m", "length": 30, "usual": 500, "times": "1.5"}),
        ),
        condition(
            0,
            "candle",
            json!({
                "interval": "5m", "operator": "closes_above", "threshold": cents(middle(0)), "count": 3,
            }),
        ),
        condition(0, "new_high", json!({"days": 1})),
        condition(
            0,
            "trailing",
            json!({"operator": "falls_by", "percent": "1"}),
        ),
        json!({"kind": "any", "of": [part("rises_by"), part("falls_by")]}),
    ]
}

/// Previews of 30 days of candles of one minute, four prices each: how long one takes.
fn previews(random: &mut Random) {
    let mut price = middle(0);
    let mut minutes: Vec<[Tick; 4]> = Vec::new();
    for minute in 0..30 * 1_440_i64 {
        let mut tick = |step: i64| {
            price = (price + random.below(4_001)).saturating_sub(2_000).max(1);
            Tick {
                id: (minute * 4 + step) as u64,
                time: EventTime(BEGIN / MINUTE * MINUTE + minute * MINUTE + step * MINUTE / 4),
                price: Decimal::new(price as i64, 2),
                quantity: Decimal::ONE,
            }
        };
        minutes.push([tick(0), tick(1), tick(2), tick(3)]);
    }
    let mut times = Vec::new();
    let mut fired = 0;
    for at in 0..20 {
        for condition in previewed() {
            let rule = json!({"condition": condition, "repeat": "always", "cooldown_seconds": 60});
            let rule = Rule::from_json(rule).unwrap();
            let begun = processor_time();
            let mut evaluator = Evaluator::new(Limits::default());
            let mut out = Outcome::default();
            let armed = evaluator.arm(RuleId::of(1), 1, &rule, None, &mut out);
            armed.unwrap();
            let handle = evaluator.market(&instrument(0));
            evaluator.trades(handle, minutes.as_flattened(), &mut out);
            let time = processor_time() - begun;
            fired += out.firings.len();
            if at == 0 {
                let (kind, ms) = (rule.condition.kind(), time.as_secs_f64() * 1e3);
                println!(
                    "preview of {kind}: {ms:.1} ms, fires {} times",
                    out.firings.len()
                );
            }
            times.push(time);
        }
    }
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let (count, half, most) = (times.len(), at(50), at(99));
    println!("{count} previews: p50 {half:.1} ms, p99 {most:.1} ms, {fired} events");
}

fn main() {
    let mut random = Random(1);
    let mut evaluator = Evaluator::new(Limits::default());
    let of_instrument = |of| evaluator.market(&instrument(of));
    let handles = (0..INSTRUMENTS).map(of_instrument).collect();
    let out = Outcome::default();
    let mut bench = Bench {
        evaluator,
        handles,
        out,
        rounds: 0,
    };
    let before = resident();
    let mut arming = Duration::ZERO;
    for chunk in (0..RULES).step_by(10_000) {
        let mut make = |at| rule(&mut random, chunk + at);
        let rules: Vec<Rule> = (0..10_000).map(&mut make).collect();
        let begun = processor_time();
        for (at, rule) in (chunk..).zip(&rules) {
            bench.arm(at, rule);
        }
        arming += processor_time() - begun;
        bench.out.clear();
    }
    for of in 0..INSTRUMENTS {
        let evaluator = &mut bench.evaluator;
        evaluator.warm(&instrument(of), &history(of), &mut bench.out);
    }
    let (rules, signals) = (bench.evaluator.len(), bench.evaluator.signal_count());
    println!("{rules} rules on {signals} signals");
    let mut quiet: Vec<_> = (0..INSTRUMENTS)
        .map(|of| ticks(&mut random, of, false))
        .collect();
    let trades = INSTRUMENTS * TRADES;
    let kept = trades * size_of::<Tick>();
    let (_, fired) = bench.feed(&mut quiet);
    assert_eq!(fired, 0, "far from every threshold");
    let armed = resident().saturating_sub(before + kept) / RULES as usize;
    println!("memory: {armed} bytes a rule, windows and averages included");
    println!("arm: {:.0} rules/s", rate(rules, arming));
    let bare = (0..9).map(|_| floor(&quiet)).min().unwrap();
    println!("floor: {:.0} trades/s", rate(trades, bare));
    let report = |what: &str, time: Duration, fired: usize| {
        let ratio = time.as_secs_f64() / bare.as_secs_f64();
        let share = 100.0 * fired as f64 / trades as f64;
        let rate = rate(trades, time);
        println!("{what}: {rate:.0} trades/s, {ratio:.1} x the floor's time, {share:.2} % fire");
    };
    for _ in 0..3 {
        let (time, fired) = bench.feed(&mut quiet);
        report("quiet", time, fired);
    }
    for of in 0..INSTRUMENTS {
        bench.arm(RULES + of as u64, &price_rule(of, "crosses", middle(of), 0));
    }
    let mut crossing: Vec<_> = (0..INSTRUMENTS)
        .map(|of| ticks(&mut random, of, true))
        .collect();
    for _ in 0..3 {
        let (time, fired) = bench.feed(&mut crossing);
        report("firing", time, fired);
    }
    let level = middle(0) + 4_000;
    let storm = price_rule(0, "above", level, 60);
    for at in 0..STORM {
        bench.arm(2 * RULES + at, &storm);
    }
    bench.out.clear();
    let tick = Tick {
        id: 1,
        time: EventTime(BEGIN + (bench.rounds + 1) * TRADES as i64 * 1_000_000),
        price: Decimal::new(level as i64, 2),
        quantity: Decimal::ONE,
    };
    let begun = Instant::now();
    let (handle, out) = (bench.handles[0], &mut bench.out);
    bench.evaluator.trades(handle, &[tick], out);
    let time = begun.elapsed().as_secs_f64() * 1e3;
    println!("storm: {} events in {time:.2} ms", out.firings.len());
    let count = 200_000;
    let begun = processor_time();
    for _ in 0..count {
        let id = RuleId::of(random.below(RULES).into());
        bench.evaluator.disarm(id);
    }
    println!(
        "disarm: {:.0} rules/s",
        rate(count, processor_time() - begun)
    );
    drop(bench);
    previews(&mut random);
}
