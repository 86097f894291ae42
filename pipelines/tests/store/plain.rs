//! Tests of plain PostgreSQL alone, and those that need no flavour: partitions and their retention,
//! and refusals.

use std::time::Duration;

use coinsphere_pipelines::market::Interval;
use coinsphere_pipelines::store::{Flavour, Store, StoreConfig, StoreError};
use uuid::Uuid;

use crate::store_scenarios::{Fresh, at, btc, candle, days, minutes, now};

async fn partitions(fresh: &Fresh) -> Vec<String> {
    let description = fresh.store.describe().await.unwrap();
    assert_eq!(description.flavour, Flavour::Plain);
    let names = description.partitions.into_iter().map(|found| found.name);
    names.filter(|name| name.len() == 18).collect()
}

pub(crate) async fn each_month_has_a_partition(fresh: &Fresh) {
    let last_minute = at("2026-01-31T23:59:00Z");
    let candles = [candle(last_minute, 1), candle(last_minute + minutes(1), 2)];
    // Two writers need the same new partitions at once.
    let commits: Vec<_> = (0..4)
        .map(|_| {
            let commit = crate::store_scenarios::commit_of(1, &btc(), &candles);
            let store = fresh.store.clone();
            async move { store.commit(Uuid::new_v4(), &commit).await }
        })
        .collect();
    for outcome in futures_util::future::join_all(commits).await {
        outcome.unwrap();
    }
    assert_eq!(
        partitions(fresh).await,
        ["price_data_2026_02", "price_data_2026_01"]
    );
    assert_eq!(fresh.everything(&btc(), Interval::Minute1).await.len(), 2);
}

/// As if every partition there is had been made more than a year ago.
async fn have_had_for_a_year(fresh: &Fresh) {
    let owner = fresh.session(false).await;
    let sql = "UPDATE price_partitions SET made_at = made_at - interval '2 years'";
    owner.batch_execute(sql).await.unwrap();
}

pub(crate) async fn old_minutes_go_and_longer_candles_stay(fresh: &Fresh) {
    let log = Uuid::new_v4();
    let old = Interval::Day1.open_of(now()) - days(800);
    let recent = Interval::Day1.open_of(now()) - days(3);
    let candles = [
        candle(old, 1),
        candle(old + minutes(1), 2),
        candle(recent, 3),
    ];
    fresh.write(log, 1, &btc(), &candles).await;
    assert_eq!(partitions(fresh).await.len(), 2);
    let before = fresh.everything(&btc(), Interval::Hour1).await;
    fresh.keep_up().await;
    // Old, but new to us, as a replayed recording is.
    for _ in 0..2 {
        assert_eq!(
            fresh.store.keep_up(now()).await.unwrap().dropped_partitions,
            0
        );
    }
    assert_eq!(partitions(fresh).await.len(), 2);
    have_had_for_a_year(fresh).await;
    // Only once nothing is stale any more is anything dropped.
    let mut dropped = 0;
    for _ in 0..2 {
        dropped += fresh.store.keep_up(now()).await.unwrap().dropped_partitions;
    }
    assert_eq!(dropped, 1);
    assert_eq!(partitions(fresh).await.len(), 1);
    assert_eq!(fresh.everything(&btc(), Interval::Minute1).await.len(), 1);
    assert_eq!(fresh.everything(&btc(), Interval::Hour1).await, before);

    // A minute of that time comes again (the partition is made again, although this process believes
    // in the old one): the longer candles do not forget what they were made of.
    fresh.write(log, 2, &btc(), &[candle(old, 1)]).await;
    assert_eq!(fresh.everything(&btc(), Interval::Minute1).await.len(), 2);
    fresh.keep_up().await;
    assert_eq!(fresh.everything(&btc(), Interval::Hour1).await, before);

    // Nobody can have the last year dropped.
    have_had_for_a_year(fresh).await;
    let owner = fresh.session(true).await;
    let row = owner
        .query_one("SELECT drop_price_partitions('infinity')", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i32>(0), 1);
    assert_eq!(fresh.everything(&btc(), Interval::Minute1).await.len(), 1);
}

pub(crate) async fn processes_may_migrate_at_once(fresh: &Fresh) {
    let name = "coinsphere_race";
    let owner = fresh.session(false).await;
    let create = format!("CREATE DATABASE {name}");
    owner.batch_execute(&create).await.unwrap();
    let config = StoreConfig::new(fresh.config.url.with_database(name));
    let racers = (0..4).map(|_| Store::migrate(&config));
    let outcomes = futures_util::future::join_all(racers).await;
    let applied: usize = outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap().applied.len())
        .sum();
    let count = "SELECT count(*) FROM schema_migrations";
    let all: i64 = owner.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(applied, usize::try_from(all).unwrap());
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    owner.batch_execute(&drop).await.unwrap();
}

pub(crate) async fn only_a_current_database_is_opened(fresh: &Fresh) {
    let empty = StoreConfig::new(fresh.config.url.with_database("postgres"));
    let error = Store::connect(&empty).await.unwrap_err();
    assert!(
        error.to_string().contains("run `coinsphere migrate`"),
        "{error}"
    );
    let owner = fresh.session(false).await;
    owner
        .batch_execute(
            "INSERT INTO schema_migrations VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')",
        )
        .await
        .unwrap();
    let error = Store::connect(&fresh.config).await.unwrap_err();
    assert!(
        error.to_string().contains("newer than this program"),
        "{error}"
    );
    assert!(!error.is_retriable());
}

pub(crate) async fn wrong_urls_are_explained(fresh: &Fresh) {
    let missing = StoreConfig::new(fresh.config.url.with_database("nowhere"));
    let error = Store::connect(&missing).await.unwrap_err();
    assert!(
        error.to_string().contains("create it, e.g. with createdb"),
        "{error}"
    );
    assert!(!error.is_retriable());
    // Bound and dropped: nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let url = format!("postgres://me:secret@127.0.0.1:{port}/coins");
    let nobody = StoreConfig::new(url.parse().unwrap());
    let error = Store::connect(&nobody).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&format!("127.0.0.1:{port}/coins")), "{text}");
    assert!(text.contains("is the server running"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert!(error.is_retriable());
}

pub(crate) async fn a_full_pool_is_said_to_be_full(fresh: &Fresh) {
    let mut config = fresh.config.clone();
    config.connection_limit = 1;
    config.pool_timeout = Duration::from_millis(50);
    let store = Store::connect(&config).await.unwrap();
    store.ping().await.unwrap();
    let usage = store.pool_usage();
    assert_eq!((usage.open, usage.idle, usage.limit), (1, 1, 1));
    // A lock makes the only connection wait.
    let owner = fresh.session(false).await;
    owner
        .batch_execute("BEGIN; LOCK TABLE log_offsets")
        .await
        .unwrap();
    let waiting = store.load(Uuid::new_v4(), 0);
    let asking = async {
        while store.pool_usage().idle > 0 {
            tokio::task::yield_now().await;
        }
        store.ping().await
    };
    let (waited, asked) = tokio::join!(
        async {
            let outcome = tokio::time::timeout(Duration::from_secs(10), waiting).await;
            outcome.map(|loaded| loaded.map(|_| ()))
        },
        async {
            let outcome = asking.await;
            owner.batch_execute("ROLLBACK").await.unwrap();
            outcome
        }
    );
    waited.unwrap().unwrap();
    let error = asked.unwrap_err();
    assert!(
        matches!(error, StoreError::Busy { limit: 1, .. }),
        "{error}"
    );
    assert!(error.is_retriable());
}
