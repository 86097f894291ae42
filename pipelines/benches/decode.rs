//! How fast recorded Binance trades are decoded, and how that compares with the cheapest pass that
//! `serde_json` can make over the same bytes. Needs `COINSPHERE_MARKET_DATA`.
//!
//! `decode/binance` is frames to venue events; `decode/feed` goes on to batched log records.

use std::hint::black_box;
use std::path::Path;

use coinsphere_pipelines::events::ConnectionId;
use coinsphere_pipelines::market::Timestamp;
use coinsphere_pipelines::recording::RecordingReader;
use coinsphere_pipelines::venues::VenueProtocol;
use coinsphere_pipelines::venues::admission::Admission;
use coinsphere_pipelines::venues::binance::Binance;
use coinsphere_pipelines::venues::feed::Feed;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde::de::IgnoredAny;

const RECORDING: &str = "ws/binance/binance_spot_btcusdt_trade_20240808.jsonl.gz";

fn frames() -> Option<Vec<(Timestamp, String)>> {
    let folder = std::env::var_os("COINSPHERE_MARKET_DATA")?;
    let mut reader = RecordingReader::open(&Path::new(&folder).join(RECORDING)).ok()?;
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        frames.push((frame.received_at, frame.frame.into_owned()));
    }
    Some(frames)
}

fn decode(criterion: &mut Criterion) {
    let Some(frames) = frames() else {
        eprintln!("decode: skipped, COINSPHERE_MARKET_DATA does not name the recordings");
        return;
    };
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(frames.len() as u64));
    group.bench_function("binance", |bencher| {
        let mut decoder = Binance.decoder();
        let mut events = Vec::new();
        bencher.iter(|| {
            for (_, frame) in &frames {
                let _ = black_box(decoder.decode(black_box(frame), &mut events));
                events.clear();
            }
        });
    });
    group.bench_function("ignored_any", |bencher| {
        bencher.iter(|| {
            for (_, frame) in &frames {
                let _ = black_box(serde_json::from_str::<IgnoredAny>(black_box(frame)));
            }
        });
    });
    group.bench_function("feed", |bencher| {
        bencher.iter(|| {
            let mut feed = Feed::file(&Binance, 4, Admission::FILE, ConnectionId(1));
            for (received_at, frame) in &frames {
                let _ = black_box(feed.frame(black_box(frame), *received_at));
                if feed.pending_trades() >= 1_000 {
                    black_box(feed.take());
                }
            }
            black_box(feed.take())
        });
    });
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
