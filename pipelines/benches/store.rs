//! Throughput of the store's writes and reads, on a private PostgreSQL made for the run: commits of
//! candles next to a bare COPY of the same rows, and a day of 1-minute candles out of a million.
#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark's own tasks end with it"
)]
#![allow(clippy::unwrap_used, reason = "a benchmark ends at the first surprise")]

use std::time::Duration;

use coinsphere_pipelines::candles::{CandleWrite, Checkpoint, Commit};
use coinsphere_pipelines::log::Offset;
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Symbol, Timestamp, Venue};
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{CandleQuery, Store, StoreConfig};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::SinkExt as _;
use rust_decimal::Decimal;
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;
use uuid::Uuid;

const ROWS: i64 = 10_000;
const STORED: i64 = 1_000_000;
const INSTRUMENTS: i64 = 20;

/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600;

fn instrument(number: i64) -> InstrumentKey {
    let symbol = Symbol::new(&format!("BENCH{number}")).unwrap();
    InstrumentKey::new(Venue::new("binance"), symbol)
}

fn candle(minute: i64) -> Candle {
    let price = Decimal::new(6_183_763_000_000 + minute * 1_234_567, 8);
    let volume = Decimal::new(123_456_789 + minute, 8);
    Candle {
        open_time: Timestamp::from_seconds(START + minute * 60).unwrap(),
        open: price,
        high: price + Decimal::ONE,
        low: price - Decimal::ONE,
        close: price + Decimal::new(5, 1),
        volume,
        quote_volume: volume * price,
        trades: 421,
        taker_buy_volume: volume / Decimal::TWO,
        complete: true,
    }
}

fn commit(offset: u64, from: i64, count: i64) -> Commit {
    let closed = (from..from + count)
        .map(|n| CandleWrite {
            instrument: instrument(n % INSTRUMENTS),
            candle: candle(n / INSTRUMENTS),
        })
        .collect();
    Commit {
        next_offset: Offset(offset),
        closed,
        checkpoints: vec![Checkpoint {
            instrument: instrument(0),
            last_trade_id: None,
            closed_until: None,
            state: b"{}".to_vec(),
        }],
        ..Commit::default()
    }
}

fn store(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let server = runtime
        .block_on(PrivateServer::start(
            directory.path(),
            Duration::from_secs(120),
        ))
        .unwrap();
    let config = StoreConfig::new(server.url());
    let store = runtime.block_on(Store::open(&config)).unwrap();
    let log = Uuid::new_v4();

    let mut written = 0;
    let mut offset = 0;
    while written < STORED {
        let commit = commit(offset, written, ROWS);
        runtime.block_on(store.commit(log, &commit)).unwrap();
        written += ROWS;
        offset += 1;
    }

    let mut writes = criterion.benchmark_group("store/write 10,000 candles");
    writes.throughput(Throughput::Elements(ROWS as u64));
    writes.sample_size(20);
    writes.bench_function("commit of new candles", |bencher| {
        bencher.iter_batched(
            || {
                let made = commit(offset, written, ROWS);
                written += ROWS;
                offset += 1;
                made
            },
            |commit| runtime.block_on(store.commit(log, &commit)).unwrap(),
            BatchSize::PerIteration,
        );
    });
    let again = commit(u64::MAX / 4, 0, ROWS);
    writes.bench_function("commit of the same candles again", |bencher| {
        bencher.iter(|| runtime.block_on(store.commit(log, &again)).unwrap());
    });
    let (client, connection) = runtime
        .block_on(config.url.config().connect(NoTls))
        .unwrap();
    runtime.spawn(connection);
    runtime
        .block_on(client.batch_execute(
            "CREATE TABLE bare (LIKE price_5m INCLUDING ALL); ALTER TABLE bare DROP COLUMN revision",
        ))
        .unwrap();
    let mut copied = 0;
    writes.bench_function("bare COPY of the same rows", |bencher| {
        bencher.iter_batched(
            || {
                let text = rows_as_text(copied);
                copied += ROWS;
                text
            },
            |text| {
                runtime.block_on(async {
                    let sink = client.copy_in("COPY bare FROM STDIN").await.unwrap();
                    tokio::pin!(sink);
                    sink.send(bytes::Bytes::from(text)).await.unwrap();
                    assert_eq!(sink.finish().await.unwrap(), ROWS as u64);
                });
            },
            BatchSize::PerIteration,
        );
    });
    writes.finish();

    let id = runtime
        .block_on(store.instrument(&instrument(7)))
        .unwrap()
        .unwrap()
        .id;
    let mut reads = criterion.benchmark_group("store/read 1,440 candles of a million");
    for (name, interval, limit) in [
        ("1m", Interval::Minute1, 1_440),
        ("5m before upkeep", Interval::Minute5, 1_440),
    ] {
        let query = CandleQuery {
            instrument: id,
            asset: None,
            interval,
            from: None,
            to: None,
            limit,
        };
        reads.bench_function(name, |bencher| {
            bencher.iter(|| runtime.block_on(store.candles(&query)).unwrap());
        });
    }
    let now = Timestamp::from_seconds(START).unwrap();
    while runtime.block_on(store.keep_up(now)).unwrap().more {}
    let query = CandleQuery {
        instrument: id,
        asset: None,
        interval: Interval::Minute5,
        from: None,
        to: None,
        limit: 1_440,
    };
    reads.bench_function("5m", |bencher| {
        bencher.iter(|| runtime.block_on(store.candles(&query)).unwrap());
    });
    reads.finish();
    store.close();
    runtime.block_on(server.stop()).unwrap();
}

fn rows_as_text(from: i64) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for n in from..from + ROWS {
        let row = candle(n / INSTRUMENTS);
        writeln!(
            text,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
            n % INSTRUMENTS,
            row.open_time,
            row.open,
            row.high,
            row.low,
            row.close,
            row.volume,
            row.quote_volume,
            row.taker_buy_volume,
            row.trades,
            row.complete
        )
        .unwrap();
    }
    text
}

criterion_group!(benches, store);
criterion_main!(benches);
