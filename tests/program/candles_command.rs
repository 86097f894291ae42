//! `coinsphere candles`: recordings to candles on standard output, against candles computed here.
//! Some of it needs recordings: set `COINSPHERE_MARKET_DATA` to the folder that holds them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::bars::{Bar, Deal, bars, compare};
use crate::support::program::{complaint, run};
use crate::support::recordings::{self, Recording, binance_frame, gzipped};
use crate::support::{INTERVALS, Place, seeded};
use rand::RngExt;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use serde_json::Value;

const COLUMNS: &str = "venue,instrument,open_time,open,high,low,close,volume,quote_volume,trades,taker_buy_volume,complete";

/// How long after its end a minute closes.
const GRACE: i64 = 2_000_000_000;

fn candles(file: &Path, venue: &str, more: &[&str]) -> Output {
    let file = file.to_str().expect("a path");
    let arguments = [&["candles", file, "--venue", venue], more].concat();
    run(Path::new("/tmp/none"), arguments)
}

/// A row: instrument, candle, complete.
type Row = (String, Bar, bool);

fn rows(output: &Output, venue: &str, format: &str) -> Vec<Row> {
    assert!(output.status.success(), "{}", complaint(output));
    let text = String::from_utf8(output.stdout.clone()).expect("text");
    let mut lines = text.lines();
    let columns: Vec<&str> = COLUMNS.split(',').collect();
    if format == "csv" && !text.is_empty() {
        assert_eq!(lines.next(), Some(COLUMNS));
    }
    let row = |line: &str| {
        let row: Value = match format {
            "csv" => {
                let values: Vec<&str> = line.split(',').collect();
                assert_eq!(values.len(), columns.len(), "{line}");
                let fields = columns.iter().zip(values).map(|(&name, value)| {
                    let value = match name {
                        "trades" => Value::from(value.parse::<u64>().expect("a number")),
                        "complete" => Value::from(value.parse::<bool>().expect("a flag")),
                        _ => Value::from(value),
                    };
                    (name.to_owned(), value)
                });
                Value::Object(fields.collect())
            }
            _ => serde_json::from_str(line).expect("JSON"),
        };
        assert_eq!(row["venue"], venue);
        assert!(
            row["open_time"].as_str().expect("a time").ends_with('Z'),
            "{line}"
        );
        let instrument = row["instrument"]
            .as_str()
            .expect("an instrument")
            .to_owned();
        let complete = row["complete"].as_bool().expect("a flag");
        (instrument, Bar::of(&row), complete)
    };
    lines.map(row).collect()
}

/// Compares the rows, their order included, with those computed from the trades.
fn check(what: &str, rows: &[Row], deals: &[Deal], seconds: i64) {
    let expected: Vec<(String, Bar)> = bars(deals, seconds)
        .into_iter()
        .flat_map(|(symbol, bars)| bars.into_iter().map(move |bar| (symbol.clone(), bar)))
        .collect();
    let names: Vec<&str> = rows.iter().map(|(symbol, ..)| symbol.as_str()).collect();
    let wanted: Vec<&str> = expected.iter().map(|(symbol, _)| symbol.as_str()).collect();
    assert_eq!(names, wanted, "{what}");
    let found: Vec<Bar> = rows.iter().map(|(_, bar, _)| bar.clone()).collect();
    let bars: Vec<Bar> = expected.into_iter().map(|(_, bar)| bar).collect();
    if let Err(difference) = compare(what, &found, &bars) {
        panic!("{difference}");
    }
}

/// Complete is what began after the first trade heard and is followed by a trade past its grace
/// period: the recordings miss no trade in between.
fn check_flags(what: &str, rows: &[Row], deals: &[Deal], seconds: i64) {
    for (symbol, bar, complete) in rows {
        let times = || deals.iter().filter(|d| d.symbol == *symbol).map(|d| d.time);
        let (first, last) = (
            times().min().expect("a trade"),
            times().max().expect("a trade"),
        );
        let start = bar.open_time * 1_000_000_000;
        let end = start + seconds * 1_000_000_000;
        let expected = start > first && end + GRACE <= last;
        assert_eq!(*complete, expected, "{what} {symbol} {bar:?}");
    }
}

pub(crate) fn binance_all_intervals_both_formats(folder: &Path) {
    all_intervals(&recordings::binance(folder));
}

pub(crate) fn coinbase_all_intervals_both_formats(folder: &Path) {
    all_intervals(&recordings::coinbase(folder));
}

pub(crate) fn kraken_all_intervals_both_formats(folder: &Path) {
    all_intervals(&recordings::kraken(folder));
}

fn all_intervals(recording: &Recording) {
    let place = Place::new();
    let plain = place.file("a.jsonl", &recording.lines);
    // What is in it says how to read it, not its name.
    let packed = place.file("b.recording", gzipped(&recording.lines));
    for (interval, seconds) in INTERVALS {
        for (file, format) in [(&plain, "csv"), (&packed, "jsonl")] {
            let output = candles(
                file,
                recording.venue,
                &["--interval", interval, "--format", format],
            );
            let rows = rows(&output, recording.venue, format);
            let what = format!("{} {interval} {format}", recording.venue);
            check(&what, &rows, &recording.deals, seconds);
            check_flags(&what, &rows, &recording.deals, seconds);
            assert_eq!(complaint(&output), "", "{what}");
        }
    }
}

pub(crate) fn other_streams_in_the_file_change_nothing(folder: &Path) {
    let recording = recordings::binance(folder);
    let all = folder.join("ws/binance/binance_spot_btcusdt_all_20240808.jsonl.gz");
    let rows = rows(&candles(&all, "binance", &[]), "binance", "csv");
    check("all streams", &rows, &recording.deals, 60);
}

pub(crate) fn a_cut_off_file_is_used_up_to_the_cut(folder: &Path) {
    let recording = recordings::binance(folder);
    let whole = gzipped(&recording.lines);
    let cut = &whole[..whole.len() * 3 / 5];
    let mut readable = Vec::new();
    let end = flate2::read::MultiGzDecoder::new(cut).read_to_end(&mut readable);
    assert!(end.is_err(), "it is not cut off");
    let lines = readable.iter().filter(|&&byte| byte == b'\n').count();
    assert!((1_000..9_000).contains(&lines), "{lines} lines");
    let place = Place::new();
    let output = candles(&place.file("cut.jsonl.gz", cut), "binance", &[]);
    let found = rows(&output, "binance", "csv");
    check("cut off", &found, &recording.deals[..lines], 60);
    assert!(
        complaint(&output).contains("ends abruptly"),
        "{}",
        complaint(&output)
    );

    let plain = recording.lines.as_bytes();
    let output = candles(
        &place.file("cut.jsonl", &plain[..plain.len() / 2]),
        "binance",
        &[],
    );
    let lines = plain[..plain.len() / 2]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count();
    let found = rows(&output, "binance", "csv");
    check("cut off", &found, &recording.deals[..lines], 60);
    assert!(
        complaint(&output).contains("ends abruptly"),
        "{}",
        complaint(&output)
    );
}

pub(crate) fn raw_and_futures_frames_are_the_same_trades(folder: &Path) {
    let recording = recordings::binance(folder);
    let place = Place::new();
    let frames = |frame: fn(&Deal) -> String| -> String {
        let lines = recording.lines.lines().zip(&recording.deals);
        lines
            .map(|(line, deal)| {
                let heard = line.split_once(' ').expect("a time").0;
                format!("{heard} {}\n", frame(deal))
            })
            .collect()
    };
    let raw = place.file("raw.jsonl", frames(binance_frame));
    // USD-M futures: other fields, in another order.
    let futures = place.file(
        "futures.jsonl",
        frames(|deal| {
            let (ms, maker) = (deal.time / 1_000_000, !deal.taker_buys);
            format!(
                r#"{{"stream":"btcusdt@trade","data":{{"e":"trade","E":{ms},"T":{ms},"s":"{}","t":{},"p":"{}","q":"{}","X":"MARKET","m":{maker},"st":[1,{{"x":null}}]}}}}"#,
                deal.symbol, deal.id, deal.price, deal.quantity
            )
        }),
    );
    for file in [raw, futures] {
        let output = candles(&file, "binance", &[]);
        check(
            "raw",
            &rows(&output, "binance", "csv"),
            &recording.deals,
            60,
        );
        assert_eq!(complaint(&output), "");
    }
}

/// A market of two instruments, some minutes long.
fn market(rng: &mut StdRng) -> Vec<Deal> {
    let mut deals = Vec::new();
    // 2025-06-01T10:00:00Z
    let mut time = 1_748_772_000_000_000_000_i64;
    let mut ids = [500_u64, 9_000];
    while deals.len() < 4_000 {
        time += rng.random_range(0..200) * 1_000_000;
        let which = rng.random_range(0..2_usize);
        ids[which] += 1;
        deals.push(Deal {
            symbol: ["AAAUSDT", "BBBUSDT"][which].to_owned(),
            id: ids[which],
            time,
            price: Decimal::new(rng.random_range(1..10_000_000), 5),
            quantity: Decimal::new(rng.random_range(1..1_000_000_000), 8),
            taker_buys: rng.random(),
        });
    }
    deals
}

/// As lines, received half a second after they traded.
fn lines<'a>(deals: impl IntoIterator<Item = &'a Deal>) -> String {
    let mut heard = 0;
    deals
        .into_iter()
        .map(|deal| {
            heard = heard.max(deal.time + 500_000_000);
            format!("{heard} {}\n", binance_frame(deal))
        })
        .collect()
}

pub(crate) fn late_trades_and_duplicates_end_in_one_final_row() {
    let mut rng = seeded();
    let deals = market(&mut rng);
    // Each up to a minute and a half late, some twice.
    let mut order: Vec<(usize, &Deal)> = Vec::new();
    for (place, deal) in deals.iter().enumerate() {
        let late = if rng.random_bool(0.1) { 900 } else { 3 };
        order.push((place + rng.random_range(0..late), deal));
        if rng.random_bool(0.05) {
            order.push((place + rng.random_range(0..900), deal));
        }
    }
    order.sort_by_key(|(place, _)| *place);
    let place = Place::new();
    let file = place.file("late.jsonl", lines(order.into_iter().map(|(_, deal)| deal)));
    for (interval, seconds) in INTERVALS {
        let output = candles(&file, "binance", &["--interval", interval]);
        check(interval, &rows(&output, "binance", "csv"), &deals, seconds);
    }
}

pub(crate) fn missing_ids_make_a_candle_incomplete() {
    let deals = market(&mut seeded());
    let (symbol, at) = ("AAAUSDT", deals[2_000].time);
    let lost = deals
        .iter()
        .position(|d| d.symbol == symbol && d.time > at)
        .expect("a trade");
    let mut heard = deals.clone();
    let lost = heard.remove(lost);
    let minute = lost.time / 60_000_000_000 * 60;
    let place = Place::new();
    let file = place.file("lost.jsonl", lines(&heard));
    let found = rows(&candles(&file, "binance", &[]), "binance", "csv");
    check("with a trade lost", &found, &heard, 60);
    let (before, after): (Vec<&Row>, Vec<&Row>) = found
        .iter()
        .filter(|(name, bar, complete)| name == symbol && !complete && bar.open_time != minute)
        .partition(|(_, bar, _)| bar.open_time < minute);
    // But for the first and the last, only the minute of the lost trade (or of its neighbours).
    assert!(
        before.len() <= 2 && after.len() <= 2,
        "{before:?} {after:?}"
    );
    let flag = found
        .iter()
        .find(|(name, bar, _)| name == symbol && bar.open_time == minute);
    assert!(flag.is_some_and(|(.., complete)| !complete), "{flag:?}");
}

pub(crate) fn bad_input_is_named() {
    let place = Place::new();
    let prose = place.file(
        "prose.txt",
        "It was the best of times,\nit was the worst of times\n",
    );
    let output = candles(&prose, "binance", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complaint(&output).contains("prose.txt line 1 is not of the form"),
        "{}",
        complaint(&output)
    );

    let output = candles(&PathBuf::from("/tmp/there/is/none"), "binance", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complaint(&output).contains("/tmp/there/is/none"),
        "{}",
        complaint(&output)
    );

    let output = candles(&prose, "bitmex", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        complaint(&output).contains("binance, coinbase, kraken"),
        "{}",
        complaint(&output)
    );

    // Trades that cannot be, and what is no trade: said on standard error, and nothing else.
    let time = 1_748_772_000_000_i64;
    let trade = |id: u64, price: &str, quantity: &str, time: i64| {
        format!(
            r#"{{"e":"trade","E":{time},"s":"AAAUSDT","t":{id},"p":"{price}","q":"{quantity}","T":{time},"m":true}}"#
        )
    };
    let frames = [
        trade(1, "1.5", "2", time),
        trade(2, "-1.5", "2", time),
        trade(3, "1.5", "0", time),
        trade(4, "1.5", "2", time + 3_600_000),
        "{\"e\":\"trade\"".to_owned(),
        "{\"result\":null,\"id\":1}".to_owned(),
        trade(5, "1.6", "2", time),
    ];
    let text: String = frames
        .iter()
        .map(|frame| format!("{time}000000 {frame}\n"))
        .collect();
    let output = candles(&place.file("odd.jsonl", text), "binance", &[]);
    let found = rows(&output, "binance", "csv");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].1.trades, 2);
    assert_eq!(found[0].1.volume, Decimal::from(4));
    for reason in [
        "impossible_value: 2 frames",
        "malformed: 1 frames",
        "far_future: 1 trades",
    ] {
        assert!(
            complaint(&output).contains(reason),
            "{reason}: {}",
            complaint(&output)
        );
    }
}
