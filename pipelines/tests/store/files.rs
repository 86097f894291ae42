//! History from files: downloaded from venues, and others whose columns are stated.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::Path;

use coinsphere_pipelines::backfill::{FileBackfill, HistoryReport, HistoryRequest};
use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::market::{Candle, Interval, Timestamp, parse_exact};
use coinsphere_pipelines::venues;
use sha2::{Digest as _, Sha256};

use crate::backfill::content;
use crate::store_scenarios::{Fresh, at, btc, days, key, minutes};

const MINUTE: Interval = Interval::Minute1;

/// Rows of minutes from a time on, in milliseconds or microseconds.
fn rows(from: Timestamp, count: i64, micros: bool) -> String {
    let mut text = String::new();
    let unit = if micros { 1_000 } else { 1 };
    for minute in 0..count {
        let open = (from + minutes(minute)).millis();
        let close = open + 59_999;
        let (open, close) = (open * unit, close * unit);
        writeln!(text, "{open},2,3,1,2.5,10,{close},20.5,4,6,12,0").unwrap();
    }
    text
}

fn zipped(directory: &Path, name: &str, text: &str) {
    let path = directory.join(format!("{name}.zip"));
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file(format!("{name}.csv"), options).unwrap();
    archive.write_all(text.as_bytes()).unwrap();
    archive.finish().unwrap();
    let mut hash = String::new();
    for byte in Sha256::digest(std::fs::read(&path).unwrap()) {
        write!(hash, "{byte:02x}").unwrap();
    }
    let checksum = directory.join(format!("{name}.zip.CHECKSUM"));
    std::fs::write(checksum, format!("{hash}  {name}.zip\n")).unwrap();
}

fn from_files(directory: &Path) -> FileBackfill {
    let files = venues::files::files("binance").unwrap();
    FileBackfill::new(directory.to_owned(), files, SystemClock::shared())
}

async fn load_files(fresh: &Fresh, directory: &Path, request: &HistoryRequest) -> HistoryReport {
    let backfill = from_files(directory);
    let report = backfill.run(&fresh.store, request, |_, _, _| ());
    let report = report.await.unwrap();
    fresh.keep_up().await;
    report
}

pub(crate) async fn downloaded_files_are_read_and_damaged_ones_refused(fresh: &Fresh) {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let (december, january) = (at("2024-12-31T00:00:00Z"), at("2025-01-01T00:00:00Z"));
    zipped(
        place,
        "BTCUSDT-1m-2024-12-31",
        &rows(december, 1_440, false),
    );
    zipped(place, "BTCUSDT-1m-2025-01", &rows(january, 8_000, true));
    let request = HistoryRequest {
        instrument: btc(),
        interval: MINUTE,
        from: december,
        to: at("2025-02-01T00:00:00Z"),
    };
    let report = load_files(fresh, place, &request).await;
    assert_eq!((report.written.changed, report.holes.len()), (9_440, 0));
    let spans = fresh
        .store
        .proven_spans(fresh.id(&btc()).await, MINUTE)
        .await
        .unwrap();
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert_eq!(
        (spans[0].from, spans[0].to),
        (december, january + minutes(8_000))
    );
    assert_eq!(spans[0].source, "binance-files");
    let days = fresh.everything(&btc(), Interval::Day1).await;
    assert_eq!(days[0].candle.trades, 4 * 1_440);
    assert!(days[..6].iter().all(|day| day.candle.complete), "{days:?}");
    let before = content(fresh).await;
    assert_eq!(load_files(fresh, place, &request).await.written.changed, 0);
    assert_eq!(content(fresh).await, before);

    // One byte is another.
    let path = place.join("BTCUSDT-1m-2025-01.zip");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let refused = async || {
        let backfill = from_files(place);
        let run = backfill.run(&fresh.store, &request, |_, _, _| ());
        run.await.unwrap_err().to_string()
    };
    let said = refused().await;
    assert!(said.contains("BTCUSDT-1m-2025-01.zip is damaged"), "{said}");
    // Without its checksum file a row that is none is named.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(
        place.join("BTCUSDT-1m-2025-01.csv"),
        format!("open_time,open\n{}x,1\n", rows(january, 2, true)),
    )
    .unwrap();
    let said = refused().await;
    assert!(said.contains("BTCUSDT-1m-2025-01.csv, line 4"), "{said}");
    let other = HistoryRequest {
        instrument: key("binance", "ETHUSDT"),
        ..request.clone()
    };
    let backfill = from_files(place);
    let none = backfill.run(&fresh.store, &other, |_, _, _| ()).await;
    let said = none.unwrap_err().to_string();
    assert!(
        said.contains("has no files of 1m candles of binance:ETHUSDT"),
        "{said}"
    );
}

/// The minutes of a recorded day: milliseconds since midnight, open, high, low, close, volume.
fn recorded(path: &Path) -> String {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut text = String::new();
    archive
        .by_index(0)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

pub(crate) async fn recorded_minutes_with_holes_have_exactly_those_holes(fresh: &Fresh) {
    let market_data = std::env::var_os("COINSPHERE_MARKET_DATA").expect("asked for in `main`");
    let directory = tempfile::tempdir().unwrap();
    let day = Interval::Day1;
    let first = at("2016-10-07T00:00:00Z");
    let (mut present, mut date) = (std::collections::BTreeSet::new(), first);
    for name in ["20161007", "20161008", "20161009"] {
        let path =
            Path::new(&market_data).join(format!("ohlcv/coinbase_minute_btcusd_{name}_trade.zip"));
        let mut text = String::new();
        for line in recorded(&path).lines() {
            let columns: Vec<&str> = line.split(',').collect();
            let open = date.millis() + columns[0].parse::<i64>().unwrap();
            present.insert(Timestamp::from_millis(open).unwrap());
            let prices = columns[1..].join(",");
            writeln!(text, "{open},{prices},{},0,1,0,0,0", open + 59_999).unwrap();
        }
        let dashed = date.to_string();
        let file = format!("BTCUSD-1m-{}.csv", &dashed[..10]);
        std::fs::write(directory.path().join(file), text).unwrap();
        date = day.end_of(date);
    }
    let key = key("binance", "BTCUSD");
    let request = HistoryRequest {
        instrument: key.clone(),
        interval: MINUTE,
        from: first,
        to: date,
    };
    let report = load_files(fresh, directory.path(), &request).await;
    assert_eq!(report.written.changed, present.len() as u64);
    let all: Vec<Timestamp> = (0..3 * 1_440)
        .map(|minute| first + minutes(minute))
        .collect();
    let holes: Vec<Timestamp> = all
        .iter()
        .copied()
        .filter(|time| !present.contains(time))
        .collect();
    assert_eq!(holes.len(), 104);
    let coverage = fresh
        .store
        .coverage(fresh.id(&key).await, MINUTE, (first, date))
        .await
        .unwrap();
    let missing = coverage.missing();
    assert_eq!(missing, report.holes);
    let reported: Vec<Timestamp> = all
        .iter()
        .copied()
        .filter(|time| missing.iter().any(|hole| (hole.0..hole.1).contains(time)))
        .collect();
    assert_eq!(reported, holes);
    assert!(coverage.unknown().is_empty(), "{:?}", coverage.unknown());
}

/// A trade of a file: number, milliseconds, price, quantity, whether the buyer took.
type FileTrade = (u64, i64, String, String, bool);

/// Trades of a time, one in seven seconds, about.
fn trades(from: Timestamp, to: Timestamp, first: u64) -> Vec<FileTrade> {
    let times = (from.millis() + 11..to.millis()).step_by(7_310);
    times
        .zip(first..)
        .map(|(time, id)| {
            let price = format!("{}.{:02}", 60_000 + id * 7 % 900, id * 13 % 100);
            let quantity = format!("0.{:05}", 1 + id * 31 % 9_999);
            (id, time, price, quantity, id % 3 == 0)
        })
        .collect()
}

/// The candles of trades: open, high, low, close, volume, quote volume, trades and taker's volume, as text.
fn candles_of(trades: &[FileTrade]) -> BTreeMap<Timestamp, [String; 8]> {
    let mut minutes: BTreeMap<i64, Vec<&FileTrade>> = BTreeMap::new();
    for trade in trades {
        minutes.entry(trade.1 / 60_000).or_default().push(trade);
    }
    let candle = |trades: Vec<&FileTrade>| {
        let prices: Vec<_> = trades.iter().map(|t| parse_exact(&t.2).unwrap()).collect();
        let quantities = trades.iter().map(|t| parse_exact(&t.3).unwrap());
        let bought = trades
            .iter()
            .filter(|t| t.4)
            .map(|t| parse_exact(&t.3).unwrap());
        let values = prices.iter().zip(quantities.clone()).map(|(p, q)| *p * q);
        let text = |value: rust_decimal::Decimal| value.normalize().to_string();
        [
            text(prices[0]),
            text(*prices.iter().max().unwrap()),
            text(*prices.iter().min().unwrap()),
            text(prices[prices.len() - 1]),
            text(quantities.sum()),
            text(values.sum()),
            trades.len().to_string(),
            text(bought.sum()),
        ]
    };
    let time = |minute: i64| Timestamp::from_millis(minute * 60_000).unwrap();
    let of = |(minute, trades)| (time(minute), candle(trades));
    minutes.into_iter().map(of).collect()
}

fn texts(candle: &Candle) -> [String; 8] {
    let text = |value: rust_decimal::Decimal| value.normalize().to_string();
    [
        text(candle.open),
        text(candle.high),
        text(candle.low),
        text(candle.close),
        text(candle.volume),
        text(candle.quote_volume),
        candle.trades.to_string(),
        text(candle.taker_buy_volume),
    ]
}

async fn stored(fresh: &Fresh, of: &HistoryRequest) -> BTreeMap<Timestamp, [String; 8]> {
    let all = fresh.everything(&of.instrument, of.interval).await;
    assert!(all.iter().all(|stored| stored.candle.complete), "{all:?}");
    let of = |stored: &coinsphere_pipelines::store::StoredCandle| {
        (stored.candle.open_time, texts(&stored.candle))
    };
    all.iter().map(of).collect()
}

fn binance_row((id, time, price, quantity, buyer_took): &FileTrade, unit: i64) -> String {
    let (time, maker) = (time * unit, if *buyer_took { "False" } else { "True" });
    format!("{id},{price},{quantity},1,{time},{maker},True\n")
}

pub(crate) async fn trades_of_downloaded_files_become_candles(fresh: &Fresh) {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path();
    let (old, new, end) = (
        at("2024-12-31T00:00:00Z"),
        at("2025-01-01T00:00:00Z"),
        at("2025-01-02T00:00:00Z"),
    );
    // The end of the year is quiet for ten minutes, which the numbers on both sides prove.
    let before = trades(old, new - minutes(10), 1_000);
    let mut after = trades(new + minutes(3), end, 1_000 + before.len() as u64);
    let text = |trades: &[FileTrade], unit| -> String {
        trades
            .iter()
            .map(|trade| binance_row(trade, unit))
            .collect()
    };
    zipped(place, "BTCUSDT-trades-2024-12-31", &text(&before, 1));
    // One trade is missing.
    let lost = after.remove(4_000);
    zipped(place, "BTCUSDT-trades-2025-01-01", &text(&after, 1_000));
    let request = HistoryRequest {
        instrument: btc(),
        interval: MINUTE,
        from: old,
        to: end,
    };
    let load = async |request: &HistoryRequest| {
        let backfill = from_files(place);
        backfill
            .run(&fresh.store, request, |_, _, _| ())
            .await
            .unwrap()
    };
    let report = load(&request).await;
    let all: Vec<FileTrade> = before.iter().chain(&after).cloned().collect();
    let mut expected = candles_of(&all);
    let minute = |trade: &FileTrade| MINUTE.open_of(Timestamp::from_millis(trade.1).unwrap());
    // The lost one may have been in the minute of either neighbour.
    let hole = (minute(&after[3_999]), MINUTE.end_of(minute(&after[4_000])));
    assert!((hole.0..hole.1).contains(&minute(&lost)));
    expected.retain(|time, _| !(hole.0..hole.1).contains(time));
    assert_eq!(report.holes, [hole]);
    assert_eq!(report.written.changed, expected.len() as u64);
    assert!(
        stored(fresh, &request).await == expected,
        "not the same candles"
    );
    let id = fresh.id(&btc()).await;
    let proven = fresh.store.proven_spans(id, MINUTE).await.unwrap();
    let spans: Vec<_> = proven.iter().map(|span| (span.from, span.to)).collect();
    assert_eq!(spans, [(old, hole.0), (hole.1, end)]);
    assert!(proven.iter().all(|span| span.source == "binance-files"));
    let written = content(fresh).await;
    assert_eq!(load(&request).await.written.changed, 0);
    assert_eq!(content(fresh).await, written);
    // Hours are made of them directly where they are asked for.
    let hours = HistoryRequest {
        interval: Interval::Hour1,
        to: new,
        ..request
    };
    assert_eq!(load(&hours).await.written.changed, 24);

    // Kraken's has no numbers, and ends anywhere: its last minute is left out.
    let symbol = key("kraken", "BTC/USD");
    let rows = before
        .iter()
        .map(|(_, time, price, quantity, _)| format!("{},{price},{quantity}\n", time / 1_000));
    std::fs::write(place.join("XBTUSD.csv"), rows.collect::<String>()).unwrap();
    let request = HistoryRequest {
        instrument: symbol.clone(),
        interval: MINUTE,
        from: old - days(1),
        to: end,
    };
    let files = venues::files::files("kraken").unwrap();
    let backfill = FileBackfill::new(place.to_owned(), files, SystemClock::shared());
    backfill
        .run(&fresh.store, &request, |_, _, _| ())
        .await
        .unwrap();
    let mut expected = candles_of(&before);
    for candle in expected.values_mut() {
        "0".clone_into(&mut candle[7]);
    }
    let last = expected.pop_last().unwrap().0;
    assert!(
        stored(fresh, &request).await == expected,
        "not the same candles"
    );
    let id = fresh.id(&symbol).await;
    let proven = fresh.store.proven_spans(id, MINUTE).await.unwrap();
    assert_eq!((proven[0].from, proven[0].to), (old, last));
    assert_eq!(
        (proven.len(), proven[0].source.as_str()),
        (1, "kraken-files")
    );
}

pub(crate) async fn files_are_read_by_stated_columns(fresh: &Fresh) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prices.csv");
    let first = at("2025-01-01T00:00:00Z");
    let mut text = "pair;when;o;h;l;c;v;n;whole\n".to_owned();
    for minute in [0, 1, 2, 5, 6] {
        let time = (first + minutes(minute)).to_string();
        let whole = minute != 6;
        writeln!(text, "BTCUSDT;{time};2;3;1;2.5;10;4;{whole}").unwrap();
        writeln!(text, "ETHUSDT;{time};9;9;9;9;9;9;true").unwrap();
    }
    std::fs::write(&path, text).unwrap();
    let request = HistoryRequest {
        instrument: btc(),
        interval: MINUTE,
        from: first,
        to: first + days(1),
    };
    let load = async |columns: &str| {
        let columns = columns.parse().unwrap();
        let backfill = FileBackfill::with_columns(path.clone(), columns, SystemClock::shared());
        backfill.run(&fresh.store, &request, |_, _, _| ()).await
    };
    let stated = "symbol=pair,time=when:rfc3339,open=o,high=h,low=l,close=c,volume=v,trades=n,complete=whole,separator=;";
    let report = load(stated).await.unwrap();
    assert_eq!((report.written.changed, report.holes.len()), (4, 0));
    let id = fresh.id(&btc()).await;
    let spans = async || {
        let spans = fresh.store.proven_spans(id, MINUTE).await.unwrap();
        let minute = |time: Timestamp| (time.millis() - first.millis()) / 60_000;
        let of = |span: &coinsphere_pipelines::store::ProvenSpan| {
            assert_eq!(span.source, "csv");
            (minute(span.from), minute(span.to))
        };
        spans.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(spans().await, [(0, 3), (5, 6)], "what is absent is unknown");
    assert_eq!(load(stated).await.unwrap().written.changed, 0);
    let quiet = load(&format!("{stated},absent=quiet")).await.unwrap();
    assert_eq!((quiet.written.changed, spans().await), (0, vec![(0, 6)]));
    let said = load("time=at:s,price=p,quantity=q")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        said.contains("prices.csv, line 1: there is no column at for time"),
        "{said}"
    );
}
