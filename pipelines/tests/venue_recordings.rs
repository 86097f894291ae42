//! The decoders against what the venues really sent. Needs recordings: set `COINSPHERE_MARKET_DATA`
//! to the folder that holds them; without it every test here is reported as ignored.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use coinsphere_pipelines::candles::{CandleEngine, Gap, GapReason, Rules};
use coinsphere_pipelines::events::{Body, ConnectionId};
use coinsphere_pipelines::market::{Candle, Interval, Symbol, TakerSide, Trade};
use coinsphere_pipelines::recording::{RecordingPlayback, RecordingReader};
use coinsphere_pipelines::venues::admission::Admission;
use coinsphere_pipelines::venues::binance::Binance;
use coinsphere_pipelines::venues::coinbase::Coinbase;
use coinsphere_pipelines::venues::kraken::Kraken;
use coinsphere_pipelines::venues::{VenueEvent, VenueProtocol};
use flate2::read::GzDecoder;
use libtest_mimic::{Arguments, Trial};
use rust_decimal::Decimal;
use serde_json::Value;

/// Checks decoders against the recordings in a folder.
type Check = fn(&Path);

fn main() {
    let folder = std::env::var_os("COINSPHERE_MARKET_DATA").map(PathBuf::from);
    let tests: [(&str, Check); 10] = [
        ("binance_trades_are_all_there_and_exact", binance_trades),
        ("binance_other_streams_change_nothing", binance_all_streams),
        ("binance_single_messages_are_understood", binance_messages),
        ("coinbase_matches_have_the_takers_side", coinbase_matches),
        ("coinbase_advanced_frames_are_understood", coinbase_advanced),
        ("kraken_v2_frames_are_understood", kraken_frames),
        ("numbers_that_begin_again_lose_no_trade", restarted_numbers),
        ("a_clock_that_leaps_completes_nothing", leaping_clock),
        ("sums_are_exact_or_not_complete", inexact_sums),
        ("a_symbol_may_be_other_than_ascii", unicode_symbol),
    ];
    let trials = tests.map(|(name, test)| {
        let data = folder.clone();
        Trial::test(name, move || {
            test(&data.ok_or("COINSPHERE_MARKET_DATA is not set")?);
            Ok(())
        })
        .with_kind("needs COINSPHERE_MARKET_DATA")
        .with_ignored_flag(folder.is_none())
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit();
}

const TRADES: &str = "ws/binance/binance_spot_btcusdt_trade_20240808.jsonl.gz";
const ALL: &str = "ws/binance/binance_spot_btcusdt_all_20240808.jsonl.gz";

fn gunzipped(path: &Path) -> impl Iterator<Item = String> {
    let file = GzDecoder::new(File::open(path).unwrap());
    BufReader::new(file).lines().map(Result::unwrap)
}

/// Every trade of a recording, by symbol, in order; the feed must have had no complaint.
fn trades(
    reader: RecordingReader,
    protocol: &'static dyn VenueProtocol,
) -> BTreeMap<Symbol, Vec<Trade>> {
    let mut feed = RecordingPlayback::new(reader, protocol, 4, Admission::FILE, ConnectionId(1));
    let mut all = BTreeMap::<Symbol, Vec<Trade>>::new();
    while let Some(batch) = feed.next_batch().unwrap() {
        for record in batch.into_iter().flat_map(|(_, records)| records) {
            if let Body::Trades(batches) = &record.body {
                for batch in batches {
                    all.entry(batch.symbol.clone())
                        .or_default()
                        .extend(&batch.trades);
                }
            }
        }
    }
    assert!(feed.undecodable().is_empty(), "{:?}", feed.undecodable());
    assert!(
        feed.counts()
            .refused_trades()
            .all(|(_, trades)| trades == 0)
    );
    all
}

fn binance_trades(data: &Path) {
    let path = data.join(TRADES);
    let all = trades(RecordingReader::open(&path).unwrap(), &Binance);
    let [(symbol, decoded)] = all.into_iter().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(symbol.as_str(), "BTCUSDT");
    assert_eq!(decoded.len(), 9_757);
    for pair in decoded.windows(2) {
        assert_eq!(pair[0].id.0 + 1, pair[1].id.0);
    }
    // Against plain JSON values.
    for (line, trade) in gunzipped(&path).zip(&decoded) {
        let frame: Value = serde_json::from_str(line.split_once(' ').unwrap().1).unwrap();
        let data = &frame["data"];
        let decimal = |key: &str| data[key].as_str().unwrap().parse::<Decimal>().unwrap();
        assert_eq!(data["t"], trade.id.0);
        assert_eq!(data["T"], trade.time.millis());
        assert_eq!(decimal("p"), trade.price.get());
        assert_eq!(decimal("q"), trade.quantity.get());
        assert_eq!(data["m"], trade.taker == TakerSide::Sell);
    }
}

fn binance_all_streams(data: &Path) {
    let read = |name| trades(RecordingReader::open(&data.join(name)).unwrap(), &Binance);
    assert_eq!(read(ALL), read(TRADES));
}

fn binance_messages(data: &Path) {
    let mut decoder = Binance.decoder();
    let mut events = Vec::new();
    for line in gunzipped(&data.join("ws/binance/single_messages.jsonl.gz")) {
        let message: Value = serde_json::from_str(&line).unwrap();
        let raw = message["raw"].as_str().unwrap();
        if message["valid_json"] == true {
            decoder.decode(raw, &mut events).unwrap();
        }
    }
    assert!(events.is_empty(), "none of them is a trade: {events:?}");
}

/// Turns the capture's `seconds: frame` lines into this program's.
fn coinbase_matches(data: &Path) {
    let mut recording = Vec::new();
    let (mut ticker_sides, mut match_sides) = (HashMap::new(), HashMap::new());
    for line in gunzipped(&data.join("ws/coinbase/COINBASE.ws.28.0.gz")) {
        let Some((seconds, frame)) = line.split_once(": ") else {
            continue;
        };
        let Ok(seconds) = seconds.parse::<Decimal>() else {
            continue;
        };
        let nanos = (seconds * Decimal::from(1_000_000_000)).trunc();
        writeln!(recording, "{nanos} {frame}").unwrap();
        let value: Value = serde_json::from_str(frame).unwrap();
        let key = (value["product_id"].to_string(), value["trade_id"].as_u64());
        let side = value["side"].as_str().map(str::to_owned);
        match value["type"].as_str() {
            Some("ticker") => drop(ticker_sides.insert(key, side)),
            Some("match") => drop(match_sides.insert(key, side)),
            _ => {}
        }
    }
    let reader = RecordingReader::new(Path::new("coinbase"), Cursor::new(recording)).unwrap();
    let all = trades(reader, &Coinbase);
    assert_eq!(all.values().map(Vec::len).sum::<usize>(), 97);
    assert_eq!(match_sides.len(), 97);
    for (symbol, trades) in &all {
        for pair in trades.windows(2) {
            assert_eq!(pair[0].id.0 + 1, pair[1].id.0, "{symbol}");
        }
        for trade in trades {
            let key = (format!("\"{symbol}\""), Some(trade.id.0));
            let taker = match trade.taker {
                TakerSide::Buy => "buy",
                TakerSide::Sell => "sell",
            };
            assert_eq!(ticker_sides[&key].as_deref(), Some(taker), "{key:?}");
            assert_ne!(match_sides[&key].as_deref(), Some(taker), "{key:?}");
        }
    }
}

fn events_of(path: &Path, protocol: &dyn VenueProtocol) -> Vec<VenueEvent> {
    let mut decoder = protocol.decoder();
    let mut events = Vec::new();
    for line in BufReader::new(File::open(path).unwrap()).lines() {
        decoder.decode(&line.unwrap(), &mut events).unwrap();
    }
    events
}

/// Names the kinds of events, trades by their id.
fn kinds(events: &[VenueEvent]) -> Vec<String> {
    let kind = |event: &VenueEvent| match event {
        VenueEvent::Trade { symbol, trade } => format!("{symbol}#{}", trade.id.0),
        VenueEvent::Heartbeat(_) => "heartbeat".to_owned(),
        VenueEvent::Subscribed(_) => "subscribed".to_owned(),
        VenueEvent::Refused { .. } => "refused".to_owned(),
        other => format!("{other:?}"),
    };
    events.iter().map(kind).collect()
}

fn coinbase_advanced(data: &Path) {
    let events = events_of(&data.join("ws/coinbase/advanced_frames.jsonl"), &Coinbase);
    assert_eq!(
        kinds(&events),
        [
            "ETH-USD#846155167",
            "heartbeat",
            "ETH-USDT#22381690",
            "ETH-USDT#22381691",
            "subscribed"
        ]
    );
}

fn kraken_frames(data: &Path) {
    let events = events_of(&data.join("ws/kraken/v2_frames.jsonl"), &Kraken);
    assert_eq!(
        kinds(&events),
        ["subscribed", "refused", "BTC/USD#109116693", "heartbeat"]
    );
}

/// The 1-minute candles of a recording of Binance's, by minute since midnight, and the gaps.
fn candles(path: &Path) -> (String, BTreeMap<i64, Candle>, Vec<Gap>) {
    let reader = RecordingReader::open(path).unwrap();
    let mut feed = RecordingPlayback::new(reader, &Binance, 1, Admission::FILE, ConnectionId(1));
    let rules = Rules::for_file(Duration::from_secs(2));
    let mut engine = CandleEngine::new(0, rules);
    // The same records without retained minutes say which gaps there are.
    let mut live = CandleEngine::new(0, Rules::default());
    while let Some(batch) = feed.next_batch().unwrap() {
        for record in batch.into_iter().flat_map(|(_, records)| records) {
            engine.apply(engine.next_offset(), &record);
            live.apply(live.next_offset(), &record);
        }
    }
    let key = engine.instruments().next().unwrap().clone();
    let found = engine.final_candles(&key).unwrap();
    let minutes = found.minutes().into_iter().map(|candle| {
        let end = Interval::Minute1.end_of(candle.open_time);
        let complete = candle.complete && found.is_complete(candle.open_time, end);
        let minute = candle.open_time.millis().rem_euclid(86_400_000) / 60_000;
        (minute, Candle { complete, ..candle })
    });
    let gaps = live.take_commit().unwrap().gaps;
    (key.symbol.to_string(), minutes.collect(), gaps)
}

fn restarted_numbers(data: &Path) {
    for (file, from) in [
        ("a_same_numbers_after_pause.jsonl", 20),
        ("c_lower_numbers.jsonl", 20),
    ] {
        let (_, candles, gaps) = candles(&data.join("cases/16-trade-id-restart").join(file));
        let expected: Vec<i64> = (0..10).chain(from..from + 10).collect();
        assert_eq!(
            candles.keys().copied().collect::<Vec<_>>(),
            expected,
            "{file}"
        );
        for (minute, candle) in &candles {
            assert_eq!(candle.trades, 60, "{file}: {minute}");
            // The first was not heard from its beginning, the last has not ended, and what came
            // after the last trade of the old numbering nobody knows.
            let complete = ![0, 9, from + 9].contains(minute);
            assert_eq!(candle.complete, complete, "{file}: {minute}");
        }
        let restarts: Vec<_> = gaps
            .iter()
            .filter(|gap| gap.reason != GapReason::LateStart)
            .map(|gap| {
                (
                    gap.reason,
                    gap.from.to_string(),
                    gap.to.unwrap().to_string(),
                )
            })
            .collect();
        let (from, to) = ("2025-01-01T00:09:59Z", "2025-01-01T00:20:00Z");
        let restart = (GapReason::NumberingRestart, from.to_owned(), to.to_owned());
        assert_eq!(restarts, [restart], "{file}");
    }
}

fn leaping_clock(data: &Path) {
    let folder = data.join("cases/23-clock-jump");
    let (_, reference, _) = candles(&folder.join("reference.jsonl"));
    let (_, leapt, _) = candles(&folder.join("one_line_30h_ahead.jsonl"));
    assert_eq!(leapt, reference);
    assert!(!leapt[&4].complete && !leapt[&6].complete && leapt[&5].complete);
}

fn inexact_sums(data: &Path) {
    let folder = data.join("cases/17-decimal-rounding");
    let minute = |file: &str| {
        let (_, candles, gaps) = candles(&folder.join(file));
        let overflow = gaps.iter().any(|gap| gap.reason == GapReason::Overflow);
        (candles[&0].clone(), overflow)
    };
    for file in ["product.jsonl", "sum.jsonl", "large_supply.jsonl"] {
        let (candle, overflow) = minute(file);
        assert!(!candle.complete && overflow, "{file}: {candle:?}");
    }
    let reader = RecordingReader::open(&folder.join("exponent.jsonl")).unwrap();
    let mut feed = RecordingPlayback::new(reader, &Binance, 1, Admission::FILE, ConnectionId(1));
    while feed.next_batch().unwrap().is_some() {}
    assert_eq!((feed.counts().trades, feed.counts().impossible), (3, 1));
}

fn unicode_symbol(data: &Path) {
    let (symbol, candles, _) = candles(&data.join("cases/18-non-ascii-symbol/unicode.jsonl"));
    let trades: u64 = candles.values().map(|candle| candle.trades).sum();
    assert_eq!(
        (symbol.as_str(), candles.len(), trades),
        ("测试456", 4, 200)
    );
}
