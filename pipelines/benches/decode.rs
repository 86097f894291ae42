//! Throughput of decoding trades, venue by venue, compared with the cheapest pass that
//! `serde_json` can make over the same bytes. Needs `COINSPHERE_MARKET_DATA`.
//!
//! `decode/…/frames` is frames to venue events, `decode/…/ignored_any` the baseline. Binance's frames
//! are recorded; the other venues' are the same trades as they would have sent them. `decode/feed` goes
//! on from Binance's frames to batched log records.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::hint::black_box;
use std::path::Path;

use coinsphere_pipelines::events::ConnectionId;
use coinsphere_pipelines::market::{TakerSide, Timestamp, Trade};
use coinsphere_pipelines::recording::RecordingReader;
use coinsphere_pipelines::venues::admission::Admission;
use coinsphere_pipelines::venues::binance::Binance;
use coinsphere_pipelines::venues::coinbase::Coinbase;
use coinsphere_pipelines::venues::frame_assembler::FrameAssembler;
use coinsphere_pipelines::venues::kraken::Kraken;
use coinsphere_pipelines::venues::{VenueEvent, VenueProtocol};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::de::IgnoredAny;

const RECORDING: &str = "ws/binance/binance_spot_btcusdt_trade_20240808.jsonl.gz";

fn recorded() -> Option<Vec<(Timestamp, String)>> {
    let folder = std::env::var_os("COINSPHERE_MARKET_DATA")?;
    let mut reader = RecordingReader::open(&Path::new(&folder).join(RECORDING)).ok()?;
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        frames.push((frame.received_at, frame.frame.to_owned()));
    }
    Some(frames)
}

fn trades(frames: &[(Timestamp, String)]) -> Vec<Trade> {
    let mut decoder = Binance.decoder();
    let mut events = Vec::new();
    for (_, frame) in frames {
        decoder.decode(frame, &mut events).unwrap();
    }
    let trade = |event| match event {
        VenueEvent::Trade { trade, .. } => trade,
        other => panic!("not a trade: {other:?}"),
    };
    events.into_iter().map(trade).collect()
}

/// With microseconds, as both venues write times.
fn time(trade: &Trade) -> String {
    let micros = trade.id.0 % 1_000;
    let text = trade.time.to_string();
    let whole = text.split(['.', 'Z']).next().unwrap().to_owned();
    format!("{whole}.{:03}{micros:03}Z", trade.time.millis() % 1_000)
}

const fn side(taker: TakerSide) -> &'static str {
    match taker {
        TakerSide::Buy => "buy",
        TakerSide::Sell => "sell",
    }
}

fn coinbase_exchange(trade: &Trade) -> String {
    format!(
        r#"{{"type":"match","trade_id":{},"maker_order_id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","taker_order_id":"3c82abaa-c01e-4608-be59-6a1e69742891","side":"{}","size":"{}","price":"{}","product_id":"BTC-USD","sequence":{},"time":"{}"}}"#,
        trade.id.0,
        side(trade.taker.opposite()),
        trade.quantity,
        trade.price,
        trade.id.0 * 7,
        time(trade),
    )
}

fn coinbase_advanced(trade: &Trade) -> String {
    format!(
        r#"{{"channel":"market_trades","client_id":"","timestamp":"2024-10-04T07:13:31.158696693Z","sequence_num":{},"events":[{{"type":"update","trades":[{{"product_id":"BTC-USD","trade_id":"{}","price":"{}","size":"{}","time":"{}","side":"{}"}}]}}]}}"#,
        trade.id.0 % 100_000,
        trade.id.0,
        trade.price,
        trade.quantity,
        time(trade),
        side(trade.taker.opposite()).to_uppercase(),
    )
}

fn kraken(trade: &Trade) -> String {
    format!(
        r#"{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"{}","price":{},"qty":{:.8},"ord_type":"limit","trade_id":{},"timestamp":"{}"}}]}}"#,
        side(trade.taker),
        trade.price,
        trade.quantity.get(),
        trade.id.0,
        time(trade),
    )
}

fn decode(criterion: &mut Criterion) {
    let Some(recorded) = recorded() else {
        eprintln!("decode: skipped, COINSPHERE_MARKET_DATA does not name the recordings");
        return;
    };
    let trades = trades(&recorded);
    let made = |frame: fn(&Trade) -> String| trades.iter().map(frame).collect::<Vec<_>>();
    let frames: Vec<String> = recorded.iter().map(|(_, frame)| frame.clone()).collect();
    venue(criterion, "binance", &Binance, &frames);
    venue(
        criterion,
        "coinbase_exchange",
        &Coinbase,
        &made(coinbase_exchange),
    );
    venue(
        criterion,
        "coinbase_advanced",
        &Coinbase,
        &made(coinbase_advanced),
    );
    venue(criterion, "kraken", &Kraken, &made(kraken));
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(recorded.len() as u64));
    group.bench_function("feed", |bencher| {
        bencher.iter(|| {
            let mut assembler = FrameAssembler::file(&Binance, 4, Admission::FILE, ConnectionId(1));
            for (received_at, frame) in &recorded {
                let _ = black_box(assembler.frame(black_box(frame), *received_at));
                if assembler.pending_trades() >= 1_000 {
                    black_box(assembler.take());
                }
            }
            black_box(assembler.take())
        });
    });
    group.finish();
}

fn venue(criterion: &mut Criterion, name: &str, protocol: &dyn VenueProtocol, frames: &[String]) {
    let mut group = criterion.benchmark_group(format!("decode/{name}"));
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("frames", |bencher| {
        let mut decoder = protocol.decoder();
        let mut events = Vec::new();
        bencher.iter(|| {
            for frame in frames {
                let decoded = decoder.decode(black_box(frame), &mut events);
                assert!(decoded.is_ok() && events.len() == 1);
                black_box(&events);
                events.clear();
            }
        });
    });
    group.bench_function("ignored_any", |bencher| {
        bencher.iter(|| {
            for frame in frames {
                let _ = black_box(serde_json::from_str::<IgnoredAny>(black_box(frame)));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
