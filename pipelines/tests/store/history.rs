//! History from a venue's REST interface: the simulator's.

use coinsphere_pipelines::backfill::{BackfillLoader, Wanted};
use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::market::Interval;
use coinsphere_pipelines::store::{CandleSource, Store};
use coinsphere_pipelines::venues::{self, RestClient};
use coinsphere_simulator as simulator;
use uuid::Uuid;

use crate::store_scenarios::{Fresh, btc, candle, days, now};

async fn market(
    faults: Vec<simulator::Fault>,
) -> (simulator::Running, BackfillLoader, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let config = simulator::Config {
        // With a directory its history ends now: sparse trades, cheap to make.
        data_dir: Some(directory.path().to_owned()),
        instruments: Some(vec!["BTCUSDT".to_owned()]),
        history_days: 60,
        faults,
        ..simulator::Config::default()
    };
    let market = simulator::serve(config, std::future::pending())
        .await
        .unwrap();
    let endpoint = format!("http://{}/binance", market.local_addr());
    let binance = venues::history("binance").unwrap();
    let rest = RestClient::new(binance, Some(&endpoint), SystemClock::shared()).unwrap();
    (market, BackfillLoader::new(rest), directory)
}

fn wanted(candles: u32) -> Wanted {
    Wanted {
        instrument: btc(),
        interval: Interval::Hour1,
        candles,
    }
}

async fn stored(store: &Store, fresh: &Fresh, candles: u32) -> usize {
    let hour = Interval::Hour1;
    let from = hour.open_of(now()) - hour.duration() * candles;
    let page = store
        .closed_candles(fresh.id(&btc()).await, hour, from, 5_000)
        .await
        .unwrap();
    let mut expected = from;
    for stored in &page.candles {
        assert_eq!(stored.candle.open_time, expected, "no hole");
        assert_eq!(stored.source, CandleSource::Imported("binance".to_owned()));
        assert!(stored.candle.complete && stored.candle.trades > 0);
        expected = hour.end_of(expected);
    }
    page.candles.len()
}

pub(crate) async fn what_is_missing_is_loaded_and_nothing_twice(fresh: &Fresh) {
    let (_market, mut loader, _directory) = market(Vec::new()).await;
    let store = &fresh.store;
    // A candle that was built, but begun late: the venue's takes its place.
    let doubtful = Interval::Hour1.open_of(now()) - days(2);
    let mut late = candle(doubtful, 100);
    late.complete = false;
    fresh.write(Uuid::new_v4(), 1, &btc(), &[late]).await;
    fresh.keep_up().await;

    let loaded = loader.load(store, &wanted(700)).await.unwrap();
    assert_eq!((loaded.requests, loaded.candles), (1, 700));
    assert_eq!(stored(store, fresh, 700).await, 700);
    let again = loader.load(store, &wanted(700)).await.unwrap();
    assert_eq!((again.requests, again.candles), (0, 0));

    // Another process, which wants more: only what lies before is asked for.
    let (_market, mut other, _directory) = market(Vec::new()).await;
    let more = other.load(store, &wanted(800)).await.unwrap();
    assert_eq!((more.requests, more.candles), (1, 100));
    assert_eq!(stored(store, fresh, 800).await, 800);
    // Beyond what the venue has: asked once.
    let all = other.load(store, &wanted(2_000)).await.unwrap();
    assert!(all.candles > 600 && all.candles < 700, "{all:?}");
    let nothing = other.load(store, &wanted(2_000)).await.unwrap();
    assert_eq!((nothing.requests, nothing.candles), (0, 0));
}

pub(crate) async fn a_venue_that_refuses_is_said_to(fresh: &Fresh) {
    let fault = "ratelimit:venue=binance,status=418,retry_after=600".parse();
    let (_market, mut loader, _directory) = market(vec![fault.unwrap()]).await;
    let error = loader.load(&fresh.store, &wanted(10)).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("418") && said.contains("binance:BTCUSDT"),
        "{said}"
    );
    assert!(error.is_retriable());
}
