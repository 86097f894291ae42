//! Features of TimescaleDB alone: policies, compression, retention.

use coinsphere_pipelines::market::Interval;
use coinsphere_pipelines::store::Flavour;
use uuid::Uuid;

use crate::store_scenarios::{Fresh, btc, candle, days, minutes, now};

/// Leaves the policies to the test: their first runs come whenever the scheduler gets to them.
async fn pause_policies(fresh: &Fresh) {
    let owner = fresh.session(false).await;
    owner
        .batch_execute(
            "RESET ROLE; SELECT alter_job(job_id, scheduled => false) \
             FROM timescaledb_information.jobs WHERE hypertable_name IS NOT NULL",
        )
        .await
        .unwrap();
}

pub(crate) async fn the_policies_are_in_place(fresh: &Fresh) {
    let minute = Interval::Minute1.open_of(now()) - days(1);
    fresh
        .write(Uuid::new_v4(), 1, &btc(), &[candle(minute, 1)])
        .await;
    let description = fresh.store.describe().await.unwrap();
    assert_eq!(description.flavour, Flavour::Timescale);
    assert!(description.timescale_version.is_some());
    let [predictions, prices] = description.hypertables.as_slice() else {
        panic!("{:?}", description.hypertables);
    };
    assert_eq!(prices.name, "price_data");
    assert_eq!(predictions.name, "predictions");
    assert!(predictions.compression);
    assert_eq!(
        predictions.segment_by.as_deref(),
        Some("instrument_id, interval, horizon")
    );
    assert!(prices.compression);
    assert_eq!((prices.chunks, prices.compressed_chunks), (1, 0));
    assert_eq!(prices.segment_by.as_deref(), Some("instrument_id"));
    assert_eq!(prices.order_by.as_deref(), Some("open_time"));
    assert_eq!(description.chunks.len(), 1);

    let views: Vec<_> = description
        .aggregates
        .iter()
        .map(|view| (view.name.as_str(), view.materialized_only))
        .collect();
    let expected = ["price_5m", "price_15m", "price_1h", "price_4h", "price_1d"];
    assert_eq!(views, expected.map(|name| (name, false)));
    let policies: Vec<_> = description
        .policies
        .iter()
        .map(|job| (job.procedure.as_str(), job.target.as_deref().unwrap()))
        .collect();
    let mut expected: Vec<_> = expected
        .map(|view| ("policy_refresh_continuous_aggregate", view))
        .to_vec();
    expected.insert(0, ("policy_retention", "price_data"));
    expected.insert(0, ("policy_compression", "price_data"));
    expected.push(("policy_compression", "predictions"));
    expected.push(("policy_retention", "predictions"));
    assert_eq!(policies, expected);
}

pub(crate) async fn compressed_minutes_can_be_corrected(fresh: &Fresh) {
    pause_policies(fresh).await;
    let log = Uuid::new_v4();
    let start = Interval::Day1.open_of(now()) - days(30);
    let candles: Vec<_> = (0..600)
        .map(|n| candle(start + minutes(n), 100 + n))
        .collect();
    fresh.write(log, 1, &btc(), &candles).await;
    fresh.run_policy("policy_compression", "price_data").await;
    let description = fresh.store.describe().await.unwrap();
    let prices = description
        .hypertables
        .iter()
        .find(|table| table.name == "price_data")
        .unwrap();
    assert_eq!(prices.compressed_chunks, 1);
    assert!(prices.bytes_after < prices.bytes_before);
    assert!(description.chunks[0].compressed);

    let corrected = candle(start + minutes(300), 9_999);
    fresh
        .write(log, 2, &btc(), std::slice::from_ref(&corrected))
        .await;
    fresh.keep_up().await;
    let stored = fresh.everything(&btc(), Interval::Minute1).await;
    assert_eq!(stored.len(), 600);
    assert_eq!((stored[300].revision, &stored[300].candle), (1, &corrected));
    let hours = fresh.everything(&btc(), Interval::Hour1).await;
    assert_eq!(hours[5].candle.high, corrected.high);
}

pub(crate) async fn history_outlives_its_minutes(fresh: &Fresh) {
    pause_policies(fresh).await;
    let log = Uuid::new_v4();
    let old = Interval::Day1.open_of(now()) - days(500);
    let recent = Interval::Day1.open_of(now()) - days(3);
    let candles: Vec<_> = (0..90)
        .map(|n| candle(old + minutes(n), 100 + n))
        .chain([candle(recent, 3)])
        .collect();
    fresh.write(log, 1, &btc(), &candles).await;
    fresh.keep_up().await;
    let before = fresh.everything(&btc(), Interval::Hour1).await;
    assert_eq!(before.len(), 3);
    fresh.run_policy("policy_retention", "price_data").await;
    assert_eq!(fresh.everything(&btc(), Interval::Minute1).await.len(), 1);
    assert_eq!(fresh.everything(&btc(), Interval::Hour1).await, before);

    // A minute of that time comes again: refreshing would leave nothing but this minute.
    fresh.write(log, 2, &btc(), &[candle(old, 100)]).await;
    assert_eq!(fresh.everything(&btc(), Interval::Hour1).await, before);
    fresh.keep_up().await;
    assert_eq!(fresh.everything(&btc(), Interval::Hour1).await, before);
}
