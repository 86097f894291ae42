//! Alerts across restarts of their evaluation, in order and as by a crash.

use std::collections::BTreeSet;
use std::time::Duration;

use coinsphere::accounts::Role;
use coinsphere::alerts::evaluator::Limits;
use coinsphere::alerts::{Evaluator, EventTime, Instrument, Outcome, Rule, RuleId, Tick};
use coinsphere::user_alerts::evaluation;
use coinsphere_pipelines::market::Trade;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use super::alerts::{Judged, SYMBOLS, create, fired, price_rule, trade};
use super::app::{Place, eventually};
use super::two_factor::verified;

pub(crate) async fn a_peak_outlives_a_crash(place: Place) {
    let app = place.app().await;
    let mut judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    judged.prices(1, &["100"]).await;
    let condition = json!({"kind": "trailing", "venue": "binance", "symbol": "BTCUSDT",
        "operator": "falls_by", "percent": "10"});
    let body = json!({"name": "a tenth from the peak", "condition": condition});
    let trailing = create(&app, &ada, body).await;
    let body = json!({"name": "stored up to here", "condition": price_rule("crosses_down", "113")});
    let stored = create(&app, &ada, body).await;
    judged.prices(2, &["120", "112"]).await;
    fired(&app, &ada, &stored, 1).await;
    judged.restart(&app, false).await;
    // A tenth below 112 would be 100.8.
    judged.prices(4, &["108.01", "108"]).await;
    let events = fired(&app, &ada, &trailing, 1).await;
    assert_eq!(events[0]["trigger"]["trade_id"], 5, "{events:?}");
}

pub(crate) async fn a_window_outlives_an_orderly_stop(place: Place) {
    let app = place.app().await;
    let mut judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    let condition = json!({"kind": "change", "venue": "binance", "symbol": "BTCUSDT",
        "window": "1m", "operator": "rises_by", "percent": "5"});
    let body = json!({"name": "rises", "condition": condition});
    let rises = create(&app, &ada, body).await;
    let after = |id: u64, seconds: u64, price: &str| {
        let mut trade = trade(id, price);
        trade.time = trade.time + Duration::from_secs(seconds);
        trade
    };
    judged
        .append("BTCUSDT", vec![after(1, 0, "100"), after(2, 61, "101")])
        .await;
    judged.restart(&app, true).await;
    // There are no stored candles: that it was 100 a minute ago is known from trades before the stop alone.
    judged.append("BTCUSDT", vec![after(3, 62, "106")]).await;
    let events = fired(&app, &ada, &rises, 1).await;
    assert_eq!(events[0]["trigger"]["trade_id"], 3, "{events:?}");
}

/// A storm of crossings; the evaluation is cut off at random moments, wherever it is, and begins again.
pub(crate) async fn whatever_is_cut_off_each_event_is_recorded_once(place: Place) {
    let seed = std::env::var("COINSPHERE_TEST_SEED").ok();
    let seed = seed.map_or(48, |seed| seed.parse().unwrap());
    println!("COINSPHERE_TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let app = place.app().await;
    let mut judged = Judged::start(&app);
    let ada = verified(&app, "ada@example.org", Role::User).await;
    for symbol in SYMBOLS {
        judged.append(symbol, vec![trade(1, "100")]).await;
    }
    let mut rules = Vec::new();
    for number in 0..32_u32 {
        let operator = ["crosses", "crosses_up", "below", "above"][number as usize % 4];
        let symbol = SYMBOLS[number as usize / 4 % 2];
        let way = ["falls_by", "rises_by"][number as usize % 2];
        let condition = match number {
            ..24 => json!({"kind": "price", "venue": "binance", "symbol": symbol,
                "operator": operator, "threshold": (85 + number).to_string()}),
            // What they follow is known from trades alone.
            _ => json!({"kind": "trailing", "venue": "binance", "symbol": symbol,
                "operator": way,
                "percent": (number - 20).to_string()}),
        };
        let rule = json!({"condition": condition, "repeat": "always", "cooldown_seconds": number % 3 / 2,
            "hysteresis": (number % 5).to_string()});
        let mut body = rule.clone();
        body["name"] = json!(format!("rule {number}"));
        let alert = create(&app, &ada, body).await;
        rules.push((
            alert["id"].as_str().unwrap().to_owned(),
            Rule::from_json(rule).unwrap(),
        ));
    }

    let mut reference = Evaluator::new(Limits::default());
    let mut out = Outcome::default();
    let instrument = |symbol: &str| Instrument::new("binance", symbol);
    let tick = |trade: &Trade| Tick {
        id: trade.id.0,
        time: EventTime(trade.time.nanos()),
        price: trade.price.get(),
        quantity: trade.quantity.get(),
    };
    for symbol in SYMBOLS {
        reference.trade(&instrument(symbol), &tick(&trade(1, "100")), &mut out);
    }
    for (number, (_, rule)) in rules.iter().enumerate() {
        let id = RuleId::of(number as u128);
        reference.arm(id, 1, rule, None, &mut out).unwrap();
    }
    let mut next = [2_u64; 2];
    for _ in 0..60 {
        for (at, symbol) in SYMBOLS.into_iter().enumerate() {
            let trades: Vec<Trade> = (0..random.random_range(1..20))
                .map(|step| trade(next[at] + step, &random.random_range(80..120).to_string()))
                .collect();
            next[at] += trades.len() as u64;
            for trade in &trades {
                reference.trade(&instrument(symbol), &tick(trade), &mut out);
            }
            judged.append(symbol, trades.clone()).await;
            if random.random_bool(0.3) {
                // After a reconnection venues send the newest again.
                judged.append(symbol, trades).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..12))).await;
        if random.random_bool(0.4) {
            judged.restart(&app, random.random_bool(0.3)).await;
        }
    }
    let wanted: BTreeSet<(String, u64)> = out
        .firings
        .iter()
        .map(|firing| {
            let coinsphere::alerts::Cause::Trade { trade_id, .. } = firing.cause else {
                panic!("not a trade: {firing:?}");
            };
            (rules[firing.rule.number() as usize].0.clone(), trade_id)
        })
        .collect();
    assert!(wanted.len() > 500, "a storm: {}", wanted.len());
    assert_eq!(wanted.len(), out.firings.len());
    let sql = "SELECT alert_id::text, (cause->>'trade_id')::bigint FROM alert_events";
    let waiting = async {
        while app.rows(sql).await.len() < wanted.len() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    let rows = app.rows(sql).await;
    let found: Vec<(String, u64)> = rows
        .iter()
        .map(|row| (row.get(0), u64::try_from(row.get::<_, i64>(1)).unwrap()))
        .collect();
    let recorded: BTreeSet<(String, u64)> = found.iter().cloned().collect();
    assert_eq!(recorded.len(), found.len(), "each once");
    let missing: Vec<_> = wanted.difference(&recorded).take(5).collect();
    let more: Vec<_> = recorded.difference(&wanted).take(5).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "missing {missing:?}, more {more:?}"
    );
    let counts = app
        .rows("SELECT sum(fired_count)::bigint FROM alerts")
        .await;
    assert_eq!(
        counts[0].get::<_, i64>(0),
        i64::try_from(wanted.len()).unwrap()
    );
    eventually("the evaluation runs", || {
        app.statuses.snapshot().contains_key(evaluation::NAME)
    })
    .await;
}
