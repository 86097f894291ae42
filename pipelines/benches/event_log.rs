//! The embedded log against bare `fjall`: the same bytes appended and synced, and read back.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::events::{Body, ConnectionId, InstrumentTrades, Record, encode};
use coinsphere_pipelines::log::{EmbeddedConfig, EmbeddedLog, EventLog, Offset};
use coinsphere_pipelines::market::{Price, Quantity, Symbol, TakerSide, Timestamp, Trade, TradeId};
use coinsphere_pipelines::venues;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fjall::{Database, KeyspaceCreateOptions, PersistMode};
use rust_decimal::Decimal;
use tokio::runtime::Runtime;

const RECORDS: u64 = 1_000;
const TRADES: u64 = 100;

/// 1,000 records of 100 trades each, as a busy second brings.
fn records() -> Vec<Arc<Record>> {
    let symbol = Symbol::new("BTCUSDT").expect("a symbol");
    (0..RECORDS)
        .map(|n| {
            let received_at =
                Timestamp::from_nanos(1_723_161_254_000_000_000 + n as i64 * 1_000_000);
            let trades = (n * TRADES..(n + 1) * TRADES)
                .map(|id| Trade {
                    id: TradeId(id),
                    time: received_at,
                    price: Price::new(Decimal::new(6_123_456 + (id * 31 % 977) as i64, 2))
                        .expect("a price"),
                    quantity: Quantity::new(Decimal::new((id * 7_919 % 100_003) as i64 + 1, 5))
                        .expect("a quantity"),
                    taker: if id % 3 == 0 {
                        TakerSide::Buy
                    } else {
                        TakerSide::Sell
                    },
                })
                .collect();
            Arc::new(Record {
                venue: venues::named("binance").expect("a venue"),
                connection: ConnectionId(7),
                received_at,
                body: Body::Trades(vec![InstrumentTrades {
                    symbol: symbol.clone(),
                    trades,
                }]),
            })
        })
        .collect()
}

fn config(dir: &tempfile::TempDir) -> EmbeddedConfig {
    EmbeddedConfig {
        commit_interval_ms: 20,
        ..EmbeddedConfig::at(dir.path().join("log"))
    }
}

fn append(c: &mut Criterion) {
    let records = records();
    let bytes: u64 = records.iter().map(|r| encode(r).len() as u64).sum();
    eprintln!("{RECORDS} records of {TRADES} trades take {bytes} bytes");
    let mut group = c.benchmark_group("append_and_sync_1000x100_trades");
    group.throughput(Throughput::Elements(RECORDS * TRADES));

    let runtime = Runtime::new().expect("a runtime");
    let dir = tempfile::tempdir().expect("a directory");
    let log = EmbeddedLog::open(config(&dir), SystemClock::shared()).expect("a log");
    group.bench_function("event_log", |b| {
        b.to_async(&runtime).iter(|| async {
            // Ten appends, as feeds make them, then one wait for the disk.
            for (partition, batch) in (0..).zip(records.chunks(100)) {
                log.append(partition % 4, batch.to_vec())
                    .await
                    .expect("room");
            }
            log.sync().await.expect("a disk");
        });
    });
    runtime.block_on(log.close()).expect("a disk");

    let dir = tempfile::tempdir().expect("a directory");
    let db = Database::builder(dir.path().join("bare"))
        .manual_journal_persist(true)
        .open()
        .expect("a database");
    let keyspace = db
        .keyspace("records", KeyspaceCreateOptions::default)
        .expect("a keyspace");
    let encoded: Vec<Vec<u8>> = records.iter().map(|record| encode(record)).collect();
    let mut next = 0_u64;
    group.bench_function("bare_fjall_same_bytes_encoded_before", |b| {
        b.iter(|| {
            let mut batch = db.batch().durability(Some(PersistMode::SyncData));
            for value in &encoded {
                batch.insert(&keyspace, next.to_be_bytes(), value.as_slice());
                next += 1;
            }
            batch.commit().expect("a disk");
        });
    });
    group.finish();
}

fn read(c: &mut Criterion) {
    let records = records();
    let runtime = Runtime::new().expect("a runtime");
    let mut group = c.benchmark_group("read_1000x100_trades");
    group.throughput(Throughput::Elements(RECORDS * TRADES));
    for (name, tail_records) in [("from_memory", 65_536), ("from_disk", 0)] {
        let dir = tempfile::tempdir().expect("a directory");
        let config = EmbeddedConfig {
            tail_records,
            ..config(&dir)
        };
        let log = EmbeddedLog::open(config, SystemClock::shared()).expect("a log");
        runtime.block_on(async {
            log.append(0, records.clone()).await.expect("room");
            log.sync().await.expect("a disk");
        });
        group.bench_function(name, |b| {
            b.iter_batched(
                || Offset(0),
                |mut from| {
                    runtime.block_on(async {
                        while from.0 < RECORDS {
                            let read = log.read(0, from, 256).await.expect("records");
                            from.0 += read.len() as u64;
                            black_box(read);
                        }
                    });
                },
                BatchSize::SmallInput,
            );
        });
        runtime.block_on(log.close()).expect("a disk");
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .measurement_time(Duration::from_secs(8))
        .warm_up_time(Duration::from_secs(2))
        .sample_size(30);
    targets = append, read
}
criterion_main!(benches);
