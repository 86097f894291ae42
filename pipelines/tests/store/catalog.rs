//! Assets and instruments in memory: a change that another process makes is seen at once while it is heard,
//! and no later than with the next question when it is not.

use std::time::Duration;

use coinsphere_pipelines::market::AssetId;
use coinsphere_pipelines::store::{
    AssetLookup, CatalogNews, Listing, NewInstrument, NewToken, Store,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::store_scenarios::{Fresh, at, btc, candle, key};

const SOON: Duration = Duration::from_secs(30);

fn batcat() -> NewToken {
    NewToken {
        id: AssetId::new("batcat").unwrap(),
        symbol: "BATCAT".to_owned(),
        name: "Batcat".to_owned(),
        rank: None,
        instruments: vec![NewInstrument {
            key: key("kraken", "BATCAT/USD"),
            quote: "USD".to_owned(),
        }],
    }
}

async fn name_of(store: &Store, token: &str) -> Option<String> {
    match store.asset(token).await.unwrap() {
        AssetLookup::Found(asset) => Some(asset.name),
        AssetLookup::Ambiguous(_) | AssetLookup::Unknown => None,
    }
}

pub(crate) async fn what_another_process_changes_is_seen(fresh: &Fresh) {
    let (says, mut hears) = mpsc::unbounded_channel();
    let here = fresh.store.clone();
    let following = coinsphere_pipelines::task::spawn_bounded(async move {
        // The test may have ended.
        let heard = |news| {
            let _ = says.send(news);
        };
        here.follow_catalog(heard).await
    });
    let mut changed = async || {
        let heard = async { while hears.recv().await != Some(CatalogNews::Changed) {} };
        timeout(SOON, heard).await.expect("a change is heard");
    };
    changed().await;
    let here = &fresh.store;
    assert_eq!(name_of(here, "batcat").await, None);

    let elsewhere = Store::open(&fresh.config).await.unwrap();
    let added = elsewhere.add_token(&batcat()).await.unwrap();
    assert_eq!(added, Listing::Created);
    assert_eq!(name_of(&elsewhere, "batcat").await.unwrap(), "Batcat");
    changed().await;
    assert_eq!(name_of(here, "BatCat").await.unwrap(), "Batcat");
    let of = here.instruments_of(&batcat().id).await.unwrap();
    assert_eq!(of.len(), 1);
    assert!(of[0].listed);

    // What candles are written for is known by then, here and there.
    let pair = key("coinbase", "LINK-BTC");
    assert_eq!(here.instrument(&pair).await.unwrap(), None);
    let minute = [candle(at("2021-04-17T10:00:00Z"), 1)];
    let log = uuid::Uuid::new_v4();
    fresh.write(log, 1, &pair, &minute).await;
    let made = here.instrument(&pair).await.unwrap().unwrap();
    assert_eq!(elsewhere.instrument(&pair).await.unwrap().unwrap(), made);
    changed().await;
    let known = here.instrument(&btc()).await.unwrap().unwrap();
    fresh.write(log, 2, &btc(), &minute).await;
    assert_eq!(here.instrument(&btc()).await.unwrap().unwrap(), known);

    let owner = fresh.session(false).await;
    owner
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND application_name = 'coinsphere listener'",
        )
        .await
        .unwrap();
    let ended = timeout(SOON, following).await.expect("listening ends");
    drop(ended.unwrap());
    // Nobody hears of this.
    owner
        .batch_execute("UPDATE assets SET name = 'Bruce' WHERE id = 'batcat'")
        .await
        .unwrap();
    assert_eq!(name_of(here, "batcat").await.unwrap(), "Bruce");
}
