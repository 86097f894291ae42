//! Backfill of a year of minutes from a simulated venue into plain PostgreSQL, next to a bare COPY and upsert of the
//! same rows into the same table; and of a file of trades. `cargo bench -p coinsphere-pipelines --bench history`
#![allow(
    clippy::disallowed_methods,
    reason = "a benchmark's own tasks end with it"
)]
#![allow(clippy::unwrap_used, reason = "a benchmark ends at the first surprise")]

use std::io::Write as _;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use coinsphere_pipelines::backfill::{FileBackfill, HistoryBackfill, HistoryRequest};
use coinsphere_pipelines::clock::{Clock as _, SystemClock};
use coinsphere_pipelines::market::{Candle, InstrumentKey, Interval, Symbol, Timestamp, Venue};
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{CandleQuery, MAX_PAGE, Store, StoreConfig};
use coinsphere_pipelines::venues::{self, RestClient};
use coinsphere_simulator as simulator;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls};

/// Instruments: one a round, each of a venue of its own, whose budget is full.
const ROUNDS: [&str; 3] = ["BTCUSDT", "ETHUSDT", "SOLUSDT"];

/// Rows of one transaction, as backfill has them: four days.
const PART: usize = 5_760;

const COLUMNS: &str = "open_time, open, high, low, close, volume, quote_volume, taker_buy_volume, \
     trades, complete";

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(bench());
}

async fn bench() {
    let directory = tempfile::tempdir().unwrap();
    let starting = PrivateServer::start(directory.path(), Duration::from_secs(120));
    let server = starting.await.unwrap();
    let config = StoreConfig::new(server.url());
    let store = Store::open(&config).await.unwrap();
    let (client, connection) = config.url.config().connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    for symbol in ROUNDS {
        let key = InstrumentKey::new(Venue::new("binance"), Symbol::new(symbol).unwrap());
        let (candles, loaded) = backfill(&store, &key).await;
        let copy = InstrumentKey::new(
            Venue::new("binance"),
            Symbol::new(&format!("COPY{symbol}")).unwrap(),
        );
        let number = number(&store, &client, &copy).await;
        let began = Instant::now();
        for part in candles.chunks(PART) {
            copy_and_upsert(&client, number, part).await;
        }
        let copied = began.elapsed();
        let rate = |time: Duration| candles.len() as f64 / time.as_secs_f64();
        println!(
            "{symbol}: {} candles; backfill {:.2} s, {:.0} candles/s; bare COPY and upsert {:.2} s, {:.0}; ratio {:.2}",
            candles.len(),
            loaded.as_secs_f64(),
            rate(loaded),
            copied.as_secs_f64(),
            rate(copied),
            loaded.as_secs_f64() / copied.as_secs_f64(),
        );
    }
    trades(&store, directory.path()).await;
    server.stop().await.unwrap();
}

/// Trades of a file: as many as one of a busy day has.
const TRADES: i64 = 5_000_000;

/// A day's file of trades of Binance, zipped, into minutes.
async fn trades(store: &Store, directory: &Path) {
    use std::fmt::Write as _;
    let from = Timestamp::parse_rfc3339("2025-03-01T00:00:00Z").unwrap();
    let name = "BTCUSDT-trades-2025-03-01";
    let file = std::fs::File::create(directory.join(format!("{name}.zip"))).unwrap();
    let mut zip = zip::ZipWriter::new(std::io::BufWriter::new(file));
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file(format!("{name}.csv"), options).unwrap();
    let step = 86_400_000_000 / TRADES;
    let mut rows = String::new();
    for trade in 0..TRADES {
        let (id, time) = (4_000_000_000 + trade, from.nanos() / 1_000 + trade * step);
        let (price, cents) = (84_000 + trade % 977, trade % 89);
        let quantity = 1 + trade * 7_919 % 30_011;
        let maker = if trade % 3 == 0 { "True" } else { "False" };
        writeln!(
            rows,
            "{id},{price}.{cents:02}000000,0.{quantity:05}000,12.34560000,{time},{maker},True"
        )
        .unwrap();
        if rows.len() > 1 << 20 {
            zip.write_all(rows.as_bytes()).unwrap();
            rows.clear();
        }
    }
    zip.write_all(rows.as_bytes()).unwrap();
    zip.finish().unwrap();
    let request = HistoryRequest {
        instrument: InstrumentKey::new(Venue::new("binance"), Symbol::new("BTCUSDT").unwrap()),
        interval: Interval::Minute1,
        from,
        to: Interval::Day1.end_of(from),
    };
    let files = venues::files::files("binance").unwrap();
    let backfill = FileBackfill::new(directory.to_owned(), files, SystemClock::shared());
    let began = Instant::now();
    let report = backfill.run(store, &request, |_, _, _| ()).await.unwrap();
    let time = began.elapsed();
    assert_eq!((report.written.changed, report.holes.len()), (1_440, 0));
    println!(
        "{TRADES} trades of a zipped file into {} minutes: {:.2} s, {:.0} trades/s",
        report.written.changed,
        time.as_secs_f64(),
        TRADES as f64 / time.as_secs_f64(),
    );
}

/// A year of minutes; what was stored, and how long it took.
async fn backfill(store: &Store, key: &InstrumentKey) -> (Vec<Candle>, Duration) {
    let config = simulator::Config {
        instruments: Some(vec![key.to_string()]),
        history_days: 800,
        ..simulator::Config::default()
    };
    let running = simulator::serve(config, std::future::pending())
        .await
        .unwrap();
    let endpoint = format!("ws://{}/binance", running.local_addr());
    let history = venues::history("binance").unwrap();
    let rest = RestClient::new(history, Some(&endpoint), SystemClock::shared()).unwrap();
    let to = Interval::Day1.open_of(SystemClock.now());
    let request = HistoryRequest {
        instrument: key.clone(),
        interval: Interval::Minute1,
        from: to - Interval::Day1.duration() * 365,
        to,
    };
    let began = Instant::now();
    let report = HistoryBackfill::new(rest)
        .run(store, &request, |_| ())
        .await;
    let loaded = began.elapsed();
    let changed = report.unwrap().written.changed;
    let id = store.instrument(key).await.unwrap().unwrap().id;
    let (mut candles, mut from) = (Vec::new(), Some(request.from));
    while let Some(next) = from {
        let query = CandleQuery {
            instrument: id,
            asset: None,
            interval: Interval::Minute1,
            from: Some(next),
            to: Some(to),
            limit: MAX_PAGE,
        };
        let page = store.candles(&query).await.unwrap();
        candles.extend(page.candles.into_iter().map(|stored| stored.candle));
        from = page.next;
    }
    assert_eq!(candles.len() as u64, changed);
    (candles, loaded)
}

/// The number of an instrument in the database.
async fn number(store: &Store, client: &Client, key: &InstrumentKey) -> i32 {
    store.ensure_instrument(key).await.unwrap();
    let sql = "SELECT id FROM instruments WHERE venue = $1 AND symbol = $2";
    let (venue, symbol) = (key.venue.name(), key.symbol.as_str());
    let row = client.query_one(sql, &[&venue, &symbol]).await.unwrap();
    row.get(0)
}

async fn copy_and_upsert(client: &Client, instrument: i32, candles: &[Candle]) {
    client
        .batch_execute(
            "BEGIN; CREATE TEMP TABLE bare ON COMMIT DROP AS SELECT * FROM price_data LIMIT 0; \
             ALTER TABLE bare DROP COLUMN instrument_id",
        )
        .await
        .unwrap();
    let copy = format!("COPY bare ({COLUMNS}) FROM STDIN (FORMAT binary)");
    let sink = client.copy_in(&copy).await.unwrap();
    let mut types = vec![Type::TIMESTAMPTZ];
    types.extend(std::iter::repeat_n(Type::NUMERIC, 7));
    types.extend([Type::INT8, Type::BOOL]);
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for candle in candles {
        let trades = i64::try_from(candle.trades).unwrap();
        let row: [&(dyn ToSql + Sync); 10] = [
            &candle.open_time.to_utc(),
            &candle.open,
            &candle.high,
            &candle.low,
            &candle.close,
            &candle.volume,
            &candle.quote_volume,
            &candle.taker_buy_volume,
            &trades,
            &candle.complete,
        ];
        writer.as_mut().write(&row).await.unwrap();
    }
    writer.finish().await.unwrap();
    let upsert = format!(
        "INSERT INTO price_data (instrument_id, {COLUMNS}) SELECT {instrument}, {COLUMNS} FROM bare \
         ON CONFLICT (instrument_id, open_time) DO UPDATE SET close = excluded.close; COMMIT"
    );
    client.batch_execute(&upsert).await.unwrap();
}
