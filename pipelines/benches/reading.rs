//! Cost of a page of candles next to a bare `SELECT` of the same rows over the same pool, with a million
//! stored and a year imported, on a private PostgreSQL made for the run.
//!
//! `cargo bench -p coinsphere-pipelines --bench reading [-- ROUNDS]`

#![allow(missing_docs, reason = "a bench has no users")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::time::{Duration, Instant};

use coinsphere_pipelines::candles::{CandleWrite, Commit};
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Symbol, Timestamp, Venue};
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{
    CandleQuery, ImportTarget, ImportedCandle, InstrumentId, Store, StoreConfig, query,
};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Minutes stored of each of the two instruments.
const STORED: i64 = 500_000;

/// 2026-01-01T00:00:00Z: the first minute that is not stored.
const END: i64 = 1_767_225_600 / 60;

fn main() {
    let rounds = std::env::args().find_map(|argument| argument.parse().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(rounds.unwrap_or(500)));
}

async fn run(rounds: usize) {
    let directory = tempfile::tempdir().unwrap();
    let server = PrivateServer::start(directory.path(), Duration::from_secs(120))
        .await
        .unwrap();
    let store = Store::open(&StoreConfig::new(server.url())).await.unwrap();
    let [first, _] = ["BENCH1", "BENCH2"]
        .map(|symbol| InstrumentKey::new(Venue::new("binance"), Symbol::new(symbol).unwrap()));
    let id = fill(&store, &first).await;
    for (interval, table) in [
        (Interval::Minute1, "price_data"),
        (Interval::Hour1, "price_1h"),
    ] {
        for limit in [10, 500, 1_440] {
            compare(&store, id, interval, table, limit, rounds).await;
        }
    }
    store.close();
    server.stop().await.unwrap();
}

/// A million minutes of two instruments, longer candles made of them, and a year imported of the first.
async fn fill(store: &Store, first: &InstrumentKey) -> InstrumentId {
    let log = Uuid::new_v4();
    let mut offset = 0;
    for symbol in ["BENCH1", "BENCH2"] {
        let key = InstrumentKey::new(Venue::new("binance"), Symbol::new(symbol).unwrap());
        let minutes: Vec<i64> = (END - STORED..END).collect();
        for chunk in minutes.chunks(20_000) {
            offset += 1;
            let closed = chunk.iter().map(|minute| CandleWrite {
                instrument: key.clone(),
                candle: candle(*minute),
            });
            let commit = Commit {
                next_offset: Offset(offset),
                closed: closed.collect(),
                ..Commit::default()
            };
            store.commit(log, &commit).await.unwrap();
        }
    }
    let now = Timestamp::from_seconds(END * 60).unwrap();
    while store.keep_up(now).await.unwrap().more {}
    let id = store.instrument(first).await.unwrap().unwrap().id;
    for (interval, minutes) in [(Interval::Minute1, 1), (Interval::Hour1, 60)] {
        let count = 365 * 1_440 / minutes;
        let year: Vec<ImportedCandle> = (1..=count)
            .map(|back| ImportedCandle {
                candle: candle(END - back * minutes),
                interval,
                source: "bench".to_owned(),
            })
            .collect();
        store
            .import(&ImportTarget::Instrument(id), &year)
            .await
            .unwrap();
    }
    let session = store.session().await.unwrap();
    let numbers = query(&session, "count", "SELECT count(*) FROM price_data", &[]).await;
    let stored: i64 = numbers.unwrap()[0].get(0);
    println!("{stored} minutes stored, a year imported (1m and 1h)");
    id
}

async fn compare(
    store: &Store,
    id: InstrumentId,
    interval: Interval,
    table: &str,
    limit: usize,
    rounds: usize,
) {
    let asked = CandleQuery {
        instrument: id,
        asset: None,
        interval,
        from: None,
        to: None,
        limit,
    };
    let bare = format!(
        "SELECT open_time, open, high, low, close, volume, quote_volume, taker_buy_volume, trades, \
         complete, revision FROM {table} WHERE instrument_id = \
         (SELECT id FROM instruments WHERE symbol = 'BENCH1') ORDER BY open_time DESC LIMIT {limit}"
    );
    let (mut pages, mut selects) = (Vec::new(), Vec::new());
    // In turn, so that what else the machine does meets both alike; the first rounds warm up.
    for round in 0..rounds + 20 {
        let begun = Instant::now();
        let page = store.candles(&asked).await.unwrap();
        let page_took = begun.elapsed();
        assert_eq!(page.candles.len(), limit);
        let begun = Instant::now();
        let session = store.session().await.unwrap();
        let rows = query(&session, "read", &bare, &[]).await.unwrap();
        drop(session);
        let select_took = begun.elapsed();
        assert_eq!(rows.len(), limit);
        if round >= 20 {
            pages.push(page_took);
            selects.push(select_took);
        }
    }
    let (page, select) = (median(pages), median(selects));
    println!(
        "newest {limit:>5} of {interval}: page {:.3} ms, bare SELECT {:.3} ms, ratio {:.2}",
        page.as_secs_f64() * 1e3,
        select.as_secs_f64() * 1e3,
        page.as_secs_f64() / select.as_secs_f64(),
    );
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}

fn candle(minute: i64) -> Candle {
    let price = Decimal::new(6_000_000 + minute % 10_007, 2);
    Candle {
        open_time: Timestamp::from_seconds(minute * 60).unwrap(),
        open: price,
        high: price + Decimal::ONE,
        low: price - Decimal::ONE,
        close: price,
        volume: Decimal::new(minute % 997 + 1, 5),
        quote_volume: Decimal::new(minute % 99_991 + 1, 4),
        trades: 10,
        taker_buy_volume: Decimal::new(minute % 499 + 1, 5),
        complete: true,
    }
}
