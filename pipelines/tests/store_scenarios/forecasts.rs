//! Forecasts, their outcomes and the models' states.

use std::time::Duration;

use coinsphere_pipelines::market::{Interval, Timestamp};
use coinsphere_pipelines::store::{
    CandleSource, Forecast, ForecastCommit, ForecastQuery, ForecastSeries, ForecastState,
    ImportTarget, ImportedCandle, PriceRange, Settlement, StoredForecast,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Fresh, at, btc, candle, days, minutes};

const HOUR: Interval = Interval::Hour1;

fn hours(count: u32) -> Duration {
    HOUR.duration() * count
}

async fn series(fresh: &Fresh) -> ForecastSeries {
    ForecastSeries {
        instrument: fresh.id(&btc()).await,
        interval: HOUR,
    }
}

/// A forecast whose prices follow from one, made a moment after its candle closed.
fn forecast(open_time: Timestamp, horizon: u32, price: i64) -> Forecast {
    let price = Decimal::new(price, 2);
    let range = |cents: i64| PriceRange {
        low: price - Decimal::new(cents, 2),
        high: price + Decimal::new(cents, 2),
    };
    Forecast {
        horizon,
        open_time,
        target_time: open_time + hours(horizon + 1),
        model: "m1".to_owned(),
        method: "lstm".to_owned(),
        base_price: Decimal::new(10_000, 2),
        expected_return: 0.01,
        price,
        ranges: (horizon != 24).then(|| [range(10), range(20), range(30)]),
        made_at: open_time + hours(1) + Duration::from_secs(2),
    }
}

fn commit(series: ForecastSeries, forecasts: Vec<Forecast>) -> ForecastCommit {
    ForecastCommit {
        series,
        model: "m1".to_owned(),
        forecasts,
        settlements: Vec::new(),
        states: Vec::new(),
        keep: Vec::new(),
        now: at("2026-03-01T12:00:02Z"),
    }
}

async fn all(fresh: &Fresh, series: ForecastSeries, horizon: u32) -> Vec<StoredForecast> {
    let asked = ForecastQuery {
        series,
        horizon,
        model: None,
        before: None,
        realised_only: false,
        limit: 100,
    };
    fresh.store.forecasts(&asked).await.unwrap()
}

pub(crate) async fn repeating_forecasts_changes_nothing(fresh: &Fresh) {
    let series = series(fresh).await;
    let open = at("2026-03-01T10:00:00Z");
    let made = commit(
        series,
        vec![forecast(open, 1, 10_100), forecast(open, 24, 10_200)],
    );
    assert_eq!(fresh.store.commit_forecasts(&made).await.unwrap(), 2);
    let before = all(fresh, series, 1).await;
    assert_eq!(fresh.store.commit_forecasts(&made).await.unwrap(), 0);
    assert_eq!(all(fresh, series, 1).await, before);
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].forecast, forecast(open, 1, 10_100));
    assert_eq!((before[0].revision, before[0].outcome), (0, None));
    assert_eq!(all(fresh, series, 24).await[0].forecast.ranges, None);

    let newest = fresh
        .store
        .newest_forecasts(&series, &[1, 24, 168])
        .await
        .unwrap();
    let found: Vec<u32> = newest.iter().map(|f| f.forecast.horizon).collect();
    assert_eq!(found, [1, 24]);
}

pub(crate) async fn what_was_said_stays_said(fresh: &Fresh) {
    let series = series(fresh).await;
    let open = at("2026-03-01T10:00:00Z");
    let said = forecast(open, 1, 10_100);
    let write = async |forecast: Forecast| {
        let made = commit(series, vec![forecast]);
        fresh.store.commit_forecasts(&made).await.unwrap()
    };
    assert_eq!(write(said.clone()).await, 1);
    // The candle was corrected while the outcome was open.
    let mut better = forecast(open, 1, 10_150);
    better.made_at = better.target_time - Duration::from_secs(1);
    assert_eq!(write(better.clone()).await, 1);
    // And once more when it was known.
    let mut late = forecast(open, 1, 10_199);
    late.made_at = late.target_time;
    assert_eq!(write(late).await, 0);
    let stored = all(fresh, series, 1).await;
    assert_eq!((&stored[0].forecast, stored[0].revision), (&better, 1));
}

pub(crate) async fn outcomes_join_the_forecasts_they_settle(fresh: &Fresh) {
    let series = series(fresh).await;
    let open = at("2026-03-01T10:00:00Z");
    let mut late = forecast(open + hours(1), 1, 10_100);
    late.made_at = late.target_time + Duration::from_secs(1);
    let mut made = commit(series, vec![forecast(open, 1, 10_100), late]);
    fresh.store.commit_forecasts(&made).await.unwrap();
    made.forecasts.clear();
    let settled = |open_time, horizon, price| Settlement {
        open_time,
        horizon,
        price: Decimal::new(price, 2),
    };
    made.settlements = vec![
        settled(open, 1, 11_000),
        settled(open + hours(1), 1, 9_000),
        // Nobody forecast this one.
        settled(open, 24, 9_000),
    ];
    for _ in 0..2 {
        fresh.store.commit_forecasts(&made).await.unwrap();
    }
    let stored = all(fresh, series, 1).await;
    let outcome = stored[1].outcome.unwrap();
    assert_eq!(outcome.price, Decimal::from(110));
    assert!((outcome.log_return - 1.1_f64.ln()).abs() < 1e-12);
    assert_eq!(outcome.realised_at, made.now);
    let realised = ForecastQuery {
        series,
        horizon: 1,
        model: Some("m1".to_owned()),
        before: None,
        realised_only: true,
        limit: 100,
    };
    let counted = fresh.store.forecasts(&realised).await.unwrap();
    assert_eq!(counted.len(), 1, "one made afterwards was no forecast");
    assert_eq!(counted[0].forecast.open_time, open);
    // The target candle was corrected.
    made.settlements = vec![settled(open, 1, 10_500)];
    fresh.store.commit_forecasts(&made).await.unwrap();
    let corrected = all(fresh, series, 1).await[1].outcome.unwrap();
    assert_eq!(corrected.price, Decimal::from(105));
}

pub(crate) async fn forecasts_are_paged_across_years(fresh: &Fresh) {
    let series = series(fresh).await;
    let start = at("2025-12-31T20:00:00Z");
    let forecasts: Vec<Forecast> = (0..9)
        .map(|n| forecast(start + hours(n), 1, 10_000 + i64::from(n)))
        .collect();
    fresh
        .store
        .commit_forecasts(&commit(series, forecasts.clone()))
        .await
        .unwrap();
    let mut asked = ForecastQuery {
        series,
        horizon: 1,
        model: None,
        before: None,
        realised_only: false,
        limit: 4,
    };
    let mut read = Vec::new();
    loop {
        let page = fresh.store.forecasts(&asked).await.unwrap();
        asked.before = page.last().map(|last| last.forecast.open_time);
        if page.is_empty() {
            break;
        }
        read.extend(page.into_iter().map(|stored| stored.forecast));
    }
    read.reverse();
    assert_eq!(read, forecasts);
    asked.before = None;
    asked.model = Some("m2".to_owned());
    assert!(fresh.store.forecasts(&asked).await.unwrap().is_empty());
}

pub(crate) async fn states_are_kept_as_given(fresh: &Fresh) {
    let series = series(fresh).await;
    let open = at("2026-03-01T10:00:00Z");
    let state = |n: u32| ForecastState {
        open_time: open + hours(n),
        state: vec![n as u8; 3],
        inputs: vec![9, n as u8],
    };
    let mut made = commit(series, Vec::new());
    for n in 0..3 {
        made.states = vec![state(n)];
        made.keep = vec![open, open + hours(n)];
        fresh.store.commit_forecasts(&made).await.unwrap();
    }
    let store = &fresh.store;
    let times = store.forecast_state_times(&series, "m1").await.unwrap();
    assert_eq!(times, [open, open + hours(2)]);
    let newest = store.forecast_state(&series, "m1", None).await.unwrap();
    assert_eq!(newest, Some(state(2)));
    let before = store
        .forecast_state(&series, "m1", Some(open + hours(1)))
        .await
        .unwrap();
    assert_eq!(before, Some(state(0)));
    let earlier = store
        .forecast_state(&series, "m1", Some(open - hours(1)))
        .await
        .unwrap();
    assert_eq!(earlier, None);
    // Another model takes over: the states of the one before go.
    made.model = "m2".to_owned();
    made.states = vec![state(3)];
    made.keep = vec![open + hours(3)];
    store.commit_forecasts(&made).await.unwrap();
    assert_eq!(
        store.forecast_state(&series, "m1", None).await.unwrap(),
        None
    );
    assert_eq!(
        store.forecast_state(&series, "m2", None).await.unwrap(),
        Some(state(3))
    );
}

pub(crate) async fn closed_candles_prefer_what_is_whole(fresh: &Fresh) {
    let day = Interval::Day1.open_of(super::now()) - days(3);
    let id = fresh.id(&btc()).await;
    let imported = |open_time, price| ImportedCandle {
        candle: candle(open_time, price),
        interval: HOUR,
        source: "binance".to_owned(),
    };
    let imports = [
        imported(day, 1_000),
        imported(day + hours(1), 2_000),
        imported(day + hours(2), 3_000),
    ];
    fresh
        .store
        .import(&ImportTarget::Instrument(id), &imports)
        .await
        .unwrap();
    // Built: 01:00 with an incomplete minute, 02:00 without an end.
    let mut late = candle(day + hours(1) + minutes(30), 2_500);
    late.complete = false;
    let begun = candle(day + hours(2), 3_500);
    fresh.write(Uuid::new_v4(), 1, &btc(), &[late, begun]).await;
    fresh.keep_up().await;
    let page = fresh
        .store
        .closed_candles(id, HOUR, day, 100)
        .await
        .unwrap();
    let found: Vec<_> = page
        .candles
        .iter()
        .map(|stored| (stored.candle.open_time, stored.source.clone()))
        .collect();
    let elsewhere = CandleSource::Imported("binance".to_owned());
    // Nobody followed 02:00 to its end: its last minutes may be missing.
    assert_eq!(
        found,
        [day, day + hours(1), day + hours(2)].map(|open| (open, elsewhere.clone()))
    );
    assert_eq!(page.candles[1].candle, imports[1].candle);
    assert_eq!(page.next, None);
}
