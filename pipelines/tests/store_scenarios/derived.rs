//! Longer candles.

use std::collections::BTreeMap;

use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Timestamp};
use rand::RngExt as _;
use rand::rngs::StdRng;
use uuid::Uuid;

use super::{Fresh, btc, days, key, longer, minutes, now, random, random_candle};

/// Random minutes, some of them missing.
fn random_minutes(rng: &mut StdRng, start: Timestamp, span: i64) -> BTreeMap<Timestamp, Candle> {
    (0..span)
        .map(|n| start + minutes(n))
        .filter(|_| rng.random_bool(0.8))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|time| (time, random_candle(rng, time)))
        .collect()
}

/// Number of minutes to write: fewer where the database runs in WebAssembly.
fn span(fresh: &Fresh) -> i64 {
    if fresh.config.connection_limit == 1 {
        400
    } else {
        2_000
    }
}

async fn write_all(
    fresh: &Fresh,
    log: Uuid,
    offset: &mut u64,
    key: &InstrumentKey,
    candles: &BTreeMap<Timestamp, Candle>,
) {
    let all: Vec<Candle> = candles.values().cloned().collect();
    for chunk in all.chunks(1_000) {
        *offset += 1;
        fresh.write(log, *offset, key, chunk).await;
    }
}

/// Compares every length with what the test computes from the minutes. The last candle of a
/// length may not be closed yet: it is compared without `complete`.
async fn assert_derived(
    fresh: &Fresh,
    key: &InstrumentKey,
    minutes: &BTreeMap<Timestamp, Candle>,
    when: &str,
) {
    for interval in Interval::ALL {
        let stored = fresh.everything(key, interval).await;
        let mut stored: Vec<Candle> = stored.into_iter().map(|entry| entry.candle).collect();
        let mut expected = longer(minutes, interval);
        if let (Some(stored), Some(expected)) = (stored.last_mut(), expected.last_mut()) {
            expected.complete = stored.complete && expected.complete;
        }
        assert_eq!(stored.len(), expected.len(), "{interval} of {key}, {when}");
        for (stored, expected) in stored.iter().zip(&expected) {
            let mut expected = expected.clone();
            for number in [
                &mut expected.volume,
                &mut expected.quote_volume,
                &mut expected.taker_buy_volume,
            ] {
                *number = number.normalize();
            }
            assert_eq!(*stored, expected, "{interval} of {key}, {when}");
        }
    }
}

pub(crate) async fn longer_candles_equal_those_of_the_minutes(fresh: &Fresh) {
    let mut rng = random("longer_candles_equal_those_of_the_minutes");
    let log = Uuid::new_v4();
    let mut offset = 0;
    let start = Interval::Minute1.open_of(now()) - days(2);
    let keys = [btc(), key("kraken", "ETH/USD")];
    let mut written = Vec::new();
    for key in &keys {
        let minutes = random_minutes(&mut rng, start, span(fresh));
        write_all(fresh, log, &mut offset, key, &minutes).await;
        written.push(minutes);
    }
    for (key, minutes) in keys.iter().zip(&written) {
        assert_derived(fresh, key, minutes, "before the first upkeep").await;
    }
    fresh.keep_up().await;
    for (key, minutes) in keys.iter().zip(&written) {
        assert_derived(fresh, key, minutes, "after upkeep").await;
    }
    assert_eq!(fresh.keep_up().await, 0, "nothing is left");
}

pub(crate) async fn corrections_reach_every_length(fresh: &Fresh) {
    correct(fresh, 3, "corrections_reach_every_length").await;
}

/// Older than the window of the refresh policies, which is 30 days.
pub(crate) async fn old_corrections_reach_every_length(fresh: &Fresh) {
    correct(fresh, 100, "old_corrections_reach_every_length").await;
}

/// Midnight, and the minute at which a batch of ten candles begins at two lengths.
pub(crate) async fn a_correction_at_the_start_of_a_batch_is_refreshed(fresh: &Fresh) {
    let mut rng = random("a_correction_at_the_start_of_a_batch_is_refreshed");
    let log = Uuid::new_v4();
    let mut offset = 0;
    let start = Interval::Day1.open_of(now()) - days(4);
    let mut corrected: BTreeMap<Timestamp, Candle> = (0..span(fresh).min(600))
        .map(|n| start + minutes(n))
        .map(|time| (time, random_candle(&mut rng, time)))
        .collect();
    write_all(fresh, log, &mut offset, &btc(), &corrected).await;
    fresh.keep_up().await;
    materialise(fresh).await;
    let corrections: BTreeMap<Timestamp, Candle> = [0, 300]
        .map(|n| start + minutes(n))
        .into_iter()
        .map(|time| {
            let mut correction = random_candle(&mut rng, time);
            correction.trades += corrected[&time].trades;
            (time, correction)
        })
        .collect();
    corrected.extend(corrections.clone());
    write_all(fresh, log, &mut offset, &btc(), &corrections).await;
    fresh.keep_up().await;
    assert_derived(fresh, &btc(), &corrected, "after the corrections' upkeep").await;
}

async fn correct(fresh: &Fresh, days_ago: u64, test: &str) {
    let mut rng = random(test);
    let log = Uuid::new_v4();
    let mut offset = 0;
    let start = Interval::Minute1.open_of(now()) - days(days_ago);
    let mut minutes = random_minutes(&mut rng, start, span(fresh));
    write_all(fresh, log, &mut offset, &btc(), &minutes).await;
    fresh.keep_up().await;
    materialise(fresh).await;
    assert_derived(fresh, &btc(), &minutes, "before corrections").await;
    let before = fresh.everything(&btc(), Interval::Day1).await;

    // Replace some, and put some where there were none.
    let mut corrections = random_minutes(&mut rng, start, span(fresh) - 100);
    corrections.retain(|_, _| rng.random_bool(0.05));
    for (time, correction) in &mut corrections {
        // Corrections rebuild a minute with more trades than it had.
        correction.trades += minutes.get(time).map_or(0, |old| old.trades);
        minutes.insert(*time, correction.clone());
    }
    assert!(!corrections.is_empty());
    write_all(fresh, log, &mut offset, &btc(), &corrections).await;
    assert_derived(fresh, &btc(), &minutes, "before the corrections' upkeep").await;
    fresh.keep_up().await;
    assert_derived(fresh, &btc(), &minutes, "after the corrections' upkeep").await;
    let after = fresh.everything(&btc(), Interval::Day1).await;
    let revisions = |candles: &[coinsphere_pipelines::store::StoredCandle]| {
        candles.iter().map(|entry| entry.revision).sum::<u32>()
    };
    assert!(revisions(&after) > revisions(&before), "revisions grow");
}

/// Lets the refresh policies run, where there are any: then the past is materialised, and a
/// correction of it is seen only if it is refreshed.
async fn materialise(fresh: &Fresh) {
    if fresh.store.flavour() == coinsphere_pipelines::store::Flavour::Plain {
        return;
    }
    for interval in Interval::ALL.into_iter().skip(1) {
        let view = format!("price_{interval}");
        fresh
            .run_policy("policy_refresh_continuous_aggregate", &view)
            .await;
    }
}
