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

/// Time after its end at which a minute closes.
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

pub(crate) fn raw_frames_are_the_same_trades(folder: &Path) {
    let recording = recordings::binance(folder);
    let place = Place::new();
    let lines = recording.lines.lines().zip(&recording.deals);
    let frames: String = lines
        .map(|(line, deal)| {
            let heard = line.split_once(' ').expect("a time").0;
            format!("{heard} {}\n", binance_frame(deal))
        })
        .collect();
    let output = candles(&place.file("raw.jsonl", frames), "binance", &[]);
    check(
        "raw",
        &rows(&output, "binance", "csv"),
        &recording.deals,
        60,
    );
    assert_eq!(complaint(&output), "");
}

/// Inputs that once gave an empty table and status 0, or an error where nothing was wrong.
pub(crate) fn inputs_that_once_failed(folder: &Path) {
    let cases = folder.join("cases");
    for (file, venue) in [
        ("aggtrade_only.jsonl", "binance"),
        ("coinbase.jsonl", "binance"),
        ("coinbase_advanced.jsonl", "binance"),
        ("kraken.jsonl", "binance"),
        ("kraken.jsonl", "coinbase"),
        ("coinbase.jsonl", "kraken"),
    ] {
        let output = candles(&cases.join("21-silent-empty").join(file), venue, &[]);
        assert_eq!(output.status.code(), Some(1), "{file} {venue}");
        let said = complaint(&output);
        let expected = format!("holds no trades that {venue} sends: is it the right --venue?");
        assert!(said.contains(&expected), "{file} {venue}: {said}");
        let streams = "200 frames of other streams (aggTrade): trades are read from @trade";
        assert_eq!(
            said.contains(streams),
            file == "aggtrade_only.jsonl",
            "{said}"
        );
    }
    for (name, unit) in [
        ("s", "seconds"),
        ("ms", "milliseconds"),
        ("us", "microseconds"),
    ] {
        let file = format!("22-receive-time-unit/recv_{name}.jsonl");
        let output = candles(&cases.join(&file), "binance", &[]);
        assert_eq!(output.status.code(), Some(1), "{file}");
        let said = complaint(&output);
        let expected = format!("they must be nanoseconds since the epoch; these look like {unit}");
        assert!(said.contains(&expected), "{file}: {said}");
    }
    let output = candles(&cases.join("11-gz-tail/zeros.jsonl.gz"), "binance", &[]);
    let read: u64 = rows(&output, "binance", "csv")
        .iter()
        .map(|row| row.1.trades)
        .sum();
    assert_eq!((read, complaint(&output).as_str()), (200, ""));
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

/// Trades of a minute, a second apart, in each shape in which a venue sends them.
fn shapes() -> [(&'static str, String); 5] {
    let start = 1_748_772_000_i64;
    type Line = fn(i64) -> String;
    let shapes: [(&str, Line); 5] = [
        ("binance", |i| {
            format!(
                r#"{{"e":"trade","s":"AAAUSDT","t":{i},"p":"1.5","q":"2","T":{}000,"m":true}}"#,
                1_748_772_000 + i
            )
        }),
        ("coinbase", |i| {
            format!(
                r#"{{"type":"match","trade_id":{i},"side":"sell","size":"2","price":"1.5","product_id":"AAA-USD","time":"2025-06-01T10:00:{i:02}.000000Z"}}"#
            )
        }),
        ("coinbase", |i| {
            format!(
                r#"{{"channel":"market_trades","events":[{{"type":"update","trades":[{{"product_id":"AAA-USD","trade_id":"{i}","price":"1.5","size":"2","time":"2025-06-01T10:00:{i:02}Z","side":"BUY"}}]}}]}}"#
            )
        }),
        ("kraken", |i| {
            format!(
                r#"{{"channel":"trade","type":"update","data":[{{"symbol":"AAA/USD","side":"buy","price":1.5,"qty":2,"ord_type":"limit","trade_id":{i},"timestamp":"2025-06-01T10:00:{i:02}.000000Z"}}]}}"#
            )
        }),
        // As Python's `json.dumps` spaces it.
        ("kraken", |i| {
            format!(
                r#"{{"channel": "trade", "type": "update", "data": [{{"symbol": "AAA/USD", "side": "buy", "price": 1.5, "qty": 2, "trade_id": {i}, "timestamp": "2025-06-01T10:00:{i:02}Z"}}]}}"#
            )
        }),
    ];
    shapes.map(|(venue, frame)| {
        let line = |i| format!("{} {}\n", (start + i) * 1_000_000_000 + 5_000_000, frame(i));
        (venue, (1..50).map(line).collect())
    })
}

pub(crate) fn a_file_without_trades_of_the_venue_is_an_error() {
    let place = Place::new();
    for (number, (venue, text)) in shapes().into_iter().enumerate() {
        let file = place.file(&format!("{number}.jsonl"), text);
        for named in ["binance", "coinbase", "kraken"] {
            let output = candles(&file, named, &[]);
            let said = complaint(&output);
            if named == venue {
                let found = rows(&output, venue, "csv");
                assert_eq!((found.len(), found[0].1.trades), (1, 49), "{number}");
                assert_eq!(said, "");
                continue;
            }
            assert_eq!(output.status.code(), Some(1), "{number} {named}");
            let expected = format!(
                "{number}.jsonl holds no trades that {named} sends: is it the right --venue? It holds trades of {venue}"
            );
            assert!(said.contains(&expected), "{number} {named}: {said}");
        }
    }
    let time = 1_748_772_000_000_000_000_i64;
    for (name, venue, frame, expected) in [
        (
            "acknowledged",
            "binance",
            r#"{"result":null,"id":1}"#,
            "holds no trades that binance sends: is it the right --venue?",
        ),
        (
            "depth",
            "binance",
            r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"}}"#,
            "2 frames of other streams (depth@100ms): trades are read from @trade",
        ),
        (
            "snapshot",
            "kraken",
            r#"{"channel":"trade","type":"snapshot","data":[]}"#,
            "2 frames of other streams (trade snapshot): trades are read from trade",
        ),
        (
            "ticker",
            "coinbase",
            r#"{"type":"ticker","product_id":"BTC-USD"}"#,
            "2 frames of other streams (ticker): trades are read from matches and market_trades",
        ),
        (
            "lower",
            "binance",
            r#"{"e":"trade","s":"btcusdt","t":1,"p":"1","q":"2","T":1748772000000,"m":true}"#,
            "binance can have no symbol \"btcusdt\": its symbols are in capitals without a separator; did you mean BTCUSDT?",
        ),
        (
            "future",
            "binance",
            r#"{"e":"trade","T":1748772000000,"s":"BTCUSDT","t":1,"p":"0","q":"2","X":"NA","m":true}"#,
            "holds no trades that binance sends on its spot market: not a spot trade, and only those are supported: a trade of Binance futures (BTCUSDT, X NA)",
        ),
        (
            "late-clock",
            "binance",
            r#"{"e":"trade","s":"BTCUSDT","t":1,"p":"1","q":"2","T":1848772000000,"m":true}"#,
            "2 of them are later than the times at which they were received",
        ),
    ] {
        let file = place.file(name, format!("{time} {frame}\n{time} {frame}\n"));
        let output = candles(&file, venue, &[]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(
            complaint(&output).contains(expected),
            "{}",
            complaint(&output)
        );
    }
    let output = candles(&place.file("empty", ""), "binance", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("it holds no frames at all"));
}

pub(crate) fn futures_in_a_file_change_no_candle_of_spot() {
    let spot = shapes()[0].1.clone();
    let futures: String = spot
        .replace("\"p\":\"1.5\"", "\"X\":\"INSURANCE_FUND\",\"p\":\"55000\"")
        .replace("\"t\":", "\"t\":9");
    let place = Place::new();
    let mixed = candles(
        &place.file("mixed", format!("{spot}{futures}")),
        "binance",
        &[],
    );
    let alone = candles(&place.file("alone", &spot), "binance", &[]);
    assert_eq!(rows(&mixed, "binance", "csv").len(), 1);
    assert_eq!(mixed.stdout, alone.stdout);
    assert!(complaint(&mixed).contains("left out as not_spot: 49 frames, the first in line 50"));
}

pub(crate) fn what_follows_the_last_gzip_member_changes_nothing() {
    let (venue, text) = &shapes()[0];
    let place = Place::new();
    let alone = candles(&place.file("plain", text), venue, &[]);
    let packed = gzipped(text);
    for (name, tail, said) in [
        ("zeros", vec![0; 1_000], ""),
        (
            "junk",
            b"junk".to_vec(),
            "what follows the last gzip member is no gzip data and was ignored",
        ),
        ("cut", packed[..packed.len() / 2].to_vec(), "ends abruptly"),
    ] {
        let output = candles(
            &place.file(name, [packed.clone(), tail].concat()),
            venue,
            &[],
        );
        assert_eq!(
            rows(&output, venue, "csv"),
            rows(&alone, venue, "csv"),
            "{name}"
        );
        assert!(
            complaint(&output).contains(said),
            "{name}: {}",
            complaint(&output)
        );
        assert_eq!(complaint(&output).is_empty(), said.is_empty(), "{name}");
    }
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

pub(crate) fn a_venue_that_is_not_named_is_found_or_what_was_seen_is_reported() {
    let place = Place::new();
    let time = 1_748_772_000_000_000_000_i64;
    let without = |command: &str, file: &Path| {
        let data_dir = place.path().join("d");
        run(&data_dir, [command, file.to_str().expect("a path")])
    };
    for (number, (venue, text)) in shapes().into_iter().enumerate() {
        let file = place.file(&format!("{number}.jsonl"), text);
        let output = without("candles", &file);
        assert_eq!(rows(&output, venue, "csv").len(), 1, "{number}");
    }
    for (name, frame, expected) in [
        (
            "agg",
            r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","s":"BTCUSDT","a":1,"p":"1","q":"2","T":1748772000000,"m":true}}"#,
            "They look like frames of binance (aggTrade), whose trades are read from @trade",
        ),
        (
            "raw",
            r#"{"e":"kline","s":"BTCUSDT","k":{}}"#,
            "frames of binance (kline)",
        ),
        (
            "exchange",
            r#"{"type":"ticker","product_id":"BTC-USD","price":"1"}"#,
            "frames of coinbase (ticker)",
        ),
        (
            "advanced",
            r#"{"channel":"ticker","client_id":"","timestamp":"2024-01-01T00:00:00Z","sequence_num":0,"events":[]}"#,
            "frames of coinbase (ticker)",
        ),
        (
            "v2",
            r#"{"channel":"book","type":"snapshot","data":[]}"#,
            "frames of kraken (book)",
        ),
        (
            "answer",
            r#"{"method":"subscribe","success":false,"error":"Currency pair not supported"}"#,
            "frames of kraken (subscribe)",
        ),
        (
            "other",
            r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[]}"#,
            "are like none of binance, coinbase, kraken (line 1 begins with \"{\\\"arg\\\"",
        ),
    ] {
        let file = place.file(name, format!("{time} {frame}\n{time} {frame}\n"));
        for command in ["candles", "replay"] {
            let output = without(command, &file);
            let said = complaint(&output);
            assert_eq!(output.status.code(), Some(1), "{name}: {said}");
            assert!(said.contains("cannot tell which venue"), "{said}");
            assert!(said.contains(expected), "{name}: {said}");
            let given = format!("`coinsphere {command} {} --venue ", file.display());
            assert!(said.contains(&given), "{name}: {said}");
            assert_eq!(said.trim().lines().count(), 1, "{said}");
        }
    }
    let output = without("candles", &place.file("empty", ""));
    assert!(complaint(&output).contains("it holds no frames at all"));
    // The wrong venue shows in the contents, too.
    let frame = r#"{"channel":"book","type":"snapshot","data":[]}"#;
    let output = candles(
        &place.file("book", format!("{time} {frame}\n")),
        "coinbase",
        &[],
    );
    let said = complaint(&output);
    assert!(
        said.contains("Its frames look like those of kraken (book)"),
        "{said}"
    );
}
