//! Logs to test, and records to put into them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use coinsphere_pipelines::clock::{ManualClock, SharedClock};
use coinsphere_pipelines::events::{Body, ConnectionId, InstrumentTrades, Record};
use coinsphere_pipelines::log::{EmbeddedConfig, EmbeddedLog, EventLog, MemoryLog};
use coinsphere_pipelines::market::{Price, Quantity, Symbol, TakerSide, Timestamp, Trade, TradeId};
use coinsphere_pipelines::venues;
use rust_decimal::Decimal;

/// A place where a log can be opened, closed and opened again.
#[async_trait::async_trait]
pub(crate) trait Place: Send + Sync + 'static {
    async fn open(&self) -> Arc<dyn EventLog>;
    /// True when a closed log still has its records once it is opened again.
    const KEEPS: bool;
    /// True when it removes released records, so that tests of that need not wait for days.
    const REMOVES: bool;
}

pub(crate) struct Memory;

#[async_trait::async_trait]
impl Place for Memory {
    async fn open(&self) -> Arc<dyn EventLog> {
        Arc::new(MemoryLog::bounded(3, 5_000))
    }
    const KEEPS: bool = false;
    const REMOVES: bool = true;
}

pub(crate) struct Embedded {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
}

impl Embedded {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            clock: ManualClock::at(start()),
        }
    }

    /// Small limits, so that tests reach them; nothing old stays.
    pub(crate) fn config(&self) -> EmbeddedConfig {
        EmbeddedConfig {
            partitions: 3,
            commit_interval_ms: 2,
            tail_records: 100,
            tail_bytes: 64 << 10,
            retention_s: 0,
            correction_horizon_s: 0,
            chunk_bytes: 4_096,
            memtable_bytes: 64 << 10,
            ..EmbeddedConfig::at(self.path())
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    pub(crate) fn clock(&self) -> SharedClock {
        Arc::clone(&self.clock) as SharedClock
    }
}

#[async_trait::async_trait]
impl Place for Embedded {
    async fn open(&self) -> Arc<dyn EventLog> {
        // Time only matters to retention: late enough that everything is old.
        self.clock.set(start() + Duration::from_secs(1_000_000));
        Arc::new(EmbeddedLog::open(self.config(), self.clock()).unwrap())
    }
    const KEEPS: bool = true;
    const REMOVES: bool = true;
}

pub(crate) fn start() -> Timestamp {
    Timestamp::from_seconds(1_723_161_254).unwrap()
}

/// Trade number `n`, received `n` seconds after the start.
pub(crate) fn trade(n: u64) -> Arc<Record> {
    trades(n, 1)
}

/// A record of `count` trades, the first of them number `n`.
pub(crate) fn trades(n: u64, count: u64) -> Arc<Record> {
    let received_at = start() + Duration::from_secs(n);
    Arc::new(Record {
        venue: venues::named("binance").unwrap(),
        connection: ConnectionId(7),
        received_at,
        body: Body::Trades(vec![InstrumentTrades {
            symbol: Symbol::new("BTCUSDT").unwrap(),
            trades: (n..n + count)
                .map(|id| Trade {
                    id: TradeId(id),
                    time: received_at,
                    price: Price::new("61234.56".parse().unwrap()).unwrap(),
                    // Differs from trade to trade, or records would compress to nothing.
                    quantity: Quantity::new(Decimal::new(id as i64 * 7_919 % 100_003 + 1, 5))
                        .unwrap(),
                    taker: TakerSide::Buy,
                })
                .collect(),
        }]),
    })
}

/// The numbers of the trades in these records, which must be one each.
pub(crate) fn number(record: &Record) -> u64 {
    match &record.body {
        Body::Trades(batches) => batches[0].trades[0].id.0,
        body => panic!("not a trade: {body:?}"),
    }
}

/// A runtime of the test's own.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
