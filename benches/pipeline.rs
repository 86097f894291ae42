//! Throughput of trades from frames through the event log and candles into the database, and the
//! memory taken, for a minute: the recorded Binance session over and over, with ids and
//! times moved on. The floor in the same run is decoding alone.
//!
//! `COINSPHERE_MARKET_DATA=… cargo bench --bench pipeline [-- SECONDS]`

#![allow(missing_docs, reason = "a bench has no users")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use coinsphere_pipelines::candles::{CandlePipeline, Rules};
use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::events::ConnectionId;
use coinsphere_pipelines::log::{EmbeddedConfig, EmbeddedLog, EventLog};
use coinsphere_pipelines::market::Timestamp;
use coinsphere_pipelines::store::private_server::PrivateServer;
use coinsphere_pipelines::store::{Store, StoreConfig};
use coinsphere_pipelines::venues;
use coinsphere_pipelines::venues::admission::Admission;
use coinsphere_pipelines::venues::frame_assembler::FrameAssembler;
use serde_json::value::RawValue;

const SYMBOLS: [&str; 8] = [
    "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "LTCUSDT", "LINKUSDT",
];

fn main() {
    let seconds = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .next()
        .unwrap_or(60);
    let Some(data) = std::env::var_os("COINSPHERE_MARKET_DATA").map(PathBuf::from) else {
        println!("pipeline: skipped, COINSPHERE_MARKET_DATA is not set");
        return;
    };
    let session = Session::read(&data);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run(session, Duration::from_secs(seconds)));
}

/// The recorded trades as parts of frames, so that each lap is other trades.
#[derive(serde::Deserialize)]
struct Recorded<'a> {
    #[serde(borrow)]
    data: Parts<'a>,
}

#[derive(serde::Deserialize)]
struct Parts<'a> {
    #[serde(rename = "T")]
    time: i64,
    #[serde(borrow)]
    p: &'a RawValue,
    #[serde(borrow)]
    q: &'a RawValue,
    m: bool,
}

struct Session {
    trades: Vec<(i64, String, String, bool)>,
}

impl Session {
    fn read(data: &std::path::Path) -> Self {
        use std::io::Read as _;
        let file = data.join("ws/binance/binance_spot_btcusdt_trade_20240808.jsonl.gz");
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(std::fs::File::open(file).unwrap())
            .read_to_string(&mut text)
            .unwrap();
        let trades = text.lines().map(|line| {
            let frame = line.split_once(' ').unwrap().1;
            let Recorded { data } = serde_json::from_str(frame).unwrap();
            (
                data.time,
                data.p.get().to_owned(),
                data.q.get().to_owned(),
                data.m,
            )
        });
        let mut trades: Vec<_> = trades.collect();
        trades.truncate(trades.len() / SYMBOLS.len() * SYMBOLS.len());
        Self { trades }
    }

    /// The frames of one lap, all symbols interleaved.
    fn lap(&self, lap: u64) -> Vec<String> {
        let count = self.trades.len() as u64;
        let span = self.trades.last().unwrap().0 - self.trades[0].0 + 1;
        let moved = span * i64::try_from(lap).unwrap();
        let per_symbol = count / SYMBOLS.len() as u64;
        let frame = |(i, (time, price, quantity, maker)): (usize, &(i64, String, String, bool))| {
            let symbol = SYMBOLS[i % SYMBOLS.len()];
            // Contiguous per symbol, as the venue's are.
            let id = (i / SYMBOLS.len()) as u64 + 1 + lap * per_symbol;
            let time = time + moved;
            format!(
                r#"{{"stream":"{}@trade","data":{{"e":"trade","E":{time},"s":"{symbol}","t":{id},"p":{price},"q":{quantity},"T":{time},"m":{maker},"M":true}}}}"#,
                symbol.to_lowercase()
            )
        };
        self.trades.iter().enumerate().map(frame).collect()
    }
}

async fn run(session: Session, duration: Duration) {
    let dir = tempfile::Builder::new()
        .prefix("cb")
        .tempdir_in("/tmp")
        .unwrap();
    let server = PrivateServer::start(dir.path(), Duration::from_secs(60))
        .await
        .unwrap();
    let store = Store::open(&StoreConfig::new(server.url())).await.unwrap();
    let log: Arc<dyn EventLog> = Arc::new(
        EmbeddedLog::open(
            EmbeddedConfig::at(dir.path().join("log")),
            SystemClock::shared(),
        )
        .unwrap(),
    );

    // The floor: decoding alone, one core.
    let frames = session.lap(0);
    let begun = Instant::now();
    let mut decoded = 0;
    while begun.elapsed() < Duration::from_secs(2) {
        decoded += decode_all(&frames);
    }
    let floor = decoded as f64 / begun.elapsed().as_secs_f64();

    let begun = Instant::now();
    let producer = {
        let log = Arc::clone(&log);
        std::thread::spawn(move || produce(&session, log.as_ref(), duration))
    };
    let mut consumers = Vec::new();
    for partition in 0..log.partitions() {
        let pipeline =
            CandlePipeline::resume(log.clone(), partition, Rules::default(), None, Vec::new())
                .unwrap();
        consumers.push(tokio::spawn(consume(pipeline, log.clone(), store.clone())));
    }
    let produced = tokio::task::spawn_blocking(|| producer.join().unwrap())
        .await
        .unwrap();
    let producing = begun.elapsed();
    log.sync().await.unwrap();
    let (mut candles, mut all) = (0, producing);
    for consumer in consumers {
        let (count, last) = consumer.await.unwrap();
        candles += count;
        all = all.max(last - begun);
    }
    println!(
        "decode (floor, 1 core):                 {floor:>12.0} trades/s\n\
         decode > log > candles > database:      {:>12.0} trades/s for {:.0} s, {produced} trades, {candles} candles\n\
         appended in {:.1} s; the last candle was stored {:.1} s after the last append\n\
         peak memory of this process:            {:>12} kB (the source's frames included)",
        produced as f64 / all.as_secs_f64(),
        all.as_secs_f64(),
        producing.as_secs_f64(),
        (all - producing).as_secs_f64(),
        peak_memory(),
    );
    store.close();
    server.stop().await.unwrap();
}

fn decode_all(frames: &[String]) -> u64 {
    let protocol = venues::protocol("binance").unwrap();
    let (mut decoder, mut events, mut count) = (protocol.decoder(), Vec::new(), 0);
    for frame in frames {
        decoder.decode(frame, &mut events).unwrap();
        count += events.drain(..).count() as u64;
    }
    count
}

fn produce(session: &Session, log: &dyn EventLog, duration: Duration) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let protocol = venues::protocol("binance").unwrap();
    let mut feed =
        FrameAssembler::file(protocol, log.partitions(), Admission::FILE, ConnectionId(1));
    let mut trades = 0;
    let begun = Instant::now();
    let append = |records| {
        runtime.block_on(async {
            for (partition, records) in records {
                log.append(partition, records).await.unwrap();
            }
        });
    };
    for lap in 0.. {
        let frames = session.lap(lap);
        for (i, frame) in frames.iter().enumerate() {
            let time = session.trades[i].0;
            let span = session.trades.last().unwrap().0 - session.trades[0].0 + 1;
            let at = Timestamp::from_millis(time + span * i64::try_from(lap).unwrap() + 5).unwrap();
            feed.frame(frame, at).unwrap();
            trades += 1;
            if feed.pending_trades() >= 1_000 {
                append(feed.take());
            }
        }
        if begun.elapsed() >= duration {
            break;
        }
    }
    feed.end(
        coinsphere_pipelines::events::DisconnectReason::EndOfFile,
        feed.heard_at(),
    );
    append(feed.take());
    trades
}

/// Until no more comes: how many candles were stored, and when the last was.
async fn consume(
    mut pipeline: CandlePipeline,
    log: Arc<dyn EventLog>,
    store: Store,
) -> (u64, Instant) {
    let mut last = Instant::now();
    let (partition, mut candles) = (pipeline.partition(), 0);
    let mut progress = log.progress(partition);
    let mut idle = 0;
    loop {
        let records = pipeline.step(256).await.unwrap().records;
        if (records == 0 || pipeline.pending() > 1_000)
            && let Some(commit) = pipeline.take_commit()
        {
            progress
                .wait_for(|now| now.synced >= commit.next_offset)
                .await
                .unwrap();
            candles += commit.closed.len() as u64;
            store.commit(log.identity(), &commit).await.unwrap();
            log.release("bench", partition, commit.next_offset);
            last = Instant::now();
        }
        if records > 0 {
            idle = 0;
            continue;
        }
        let next = pipeline.next_offset();
        let more = progress.wait_for(|now| now.head > next);
        if tokio::time::timeout(Duration::from_millis(500), more)
            .await
            .is_err()
        {
            idle += 1;
            if idle == 4 {
                return (candles, last);
            }
        }
    }
}

fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}
