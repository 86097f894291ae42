//! Files read from memory: what is found in them, and what is refused.

mod formats;

use std::fmt::Write as _;
use std::io::Write as _;

use super::*;

const HEADER: &str = "Date,Open,High,Low,Close,Volume,Dividends\n";

fn body(days: i64) -> String {
    (0..days).fold(String::new(), |mut text, day| {
        let time = chrono::DateTime::from_timestamp(day * 86_400, 0).expect("a day");
        let close = 100 + day % 5;
        let _ = writeln!(
            text,
            "{},100.5,{},99.5,{close},{},0.0",
            time.format("%Y-%m-%d %H:%M:%S+00:00"),
            close + 2,
            1_000 + day
        );
        text
    })
}

fn read_text(text: impl AsRef<[u8]>) -> Result<(Series, FileReport), CandleFileError> {
    read_of(text, Interval::D1)
}

fn read_of(
    text: impl AsRef<[u8]>,
    interval: Interval,
) -> Result<(Series, FileReport), CandleFileError> {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_ref()).expect("written");
    read(file.path(), interval)
}

#[test]
fn packed_or_plain_under_any_header_it_is_the_same_series() {
    let plain = format!("{HEADER}{}", body(200));
    let (series, report) = read_text(&plain).expect("a series");
    assert_eq!(series.len(), 200);
    assert_eq!(series.bars()[1].volume, 1_001.0);
    assert_eq!(report.to_string(), "");
    assert_eq!(report.time_unit, TimeUnit::Text);

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(plain.as_bytes()).expect("packed");
    let packed = packed.finish().expect("packed");
    assert_eq!(read_text(&packed).expect("a series").0, series);
    let cut = read_text(&packed[..packed.len() / 2]).expect_err("cut off");
    assert!(matches!(cut, CandleFileError::Io { .. }), "{cut}");

    let numbers = (0..200_i64).fold(
        "\u{feff}OPEN TIME; open;HIGH;Low;close;Volume USD\n".to_owned(),
        |mut text, day| {
            let close = 100 + day % 5;
            let time = day * 86_400_000;
            let _ = writeln!(
                text,
                "{time};100.5;{};99.5;{close};{}",
                close + 2,
                1_000 + day
            );
            text
        },
    );
    let (same, report) = read_text(numbers).expect("a series");
    assert_eq!(same, series);
    assert_eq!(report.time_unit, TimeUnit::Milliseconds);
    assert_eq!(report.volume_column.as_deref(), Some("Volume USD"));
}

#[test]
fn what_is_wrong_with_rows_is_reported_and_handled() {
    let mut lines: Vec<String> = body(200).lines().map(str::to_owned).collect();
    lines.swap(3, 4);
    lines.push(lines[9].clone());
    lines[20] = "1970-01-21 00:00:00+00:00,,,,,,".to_owned();
    lines[40] = "1970-02-10 00:00:00+00:00,a,b,c,d,e,f".to_owned();
    lines.remove(60);
    let (series, report) = read_text(format!("{HEADER}{}\n", lines.join("\n"))).expect("a series");
    assert_eq!(series.len(), 200);
    let reported = report.to_string();
    for part in [
        "1 rows without a time or a price",
        "1 unreadable rows: left out (the first: line 42: open is \"a\"",
        "rows out of order: sorted",
        "1 duplicates",
        "3 missing candles: 3 filled",
    ] {
        assert!(reported.contains(part), "{part}: {reported}");
    }
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    let refuse = |text: String| read_text(text).expect_err("refused").to_string();
    assert!(refuse(String::new()).contains("the file is empty"));
    assert!(refuse(HEADER.to_owned()).contains("there are no candles"));
    let no_close = refuse(format!("time,open,high,low\n{}", body(3)));
    assert!(
        no_close.contains("no column is called close; the header (line 1) has time, open"),
        "{no_close}"
    );
    assert!(refuse(format!("when,open,high,low,close\n{}", body(3))).contains("open_time"));
    assert!(refuse(format!("{HEADER}{}", body(30))).contains("30 candles are too few"));
    let infinite = format!("{HEADER}{}", body(200)).replacen(",1000,", ",inf,", 1);
    assert!(refuse(infinite).contains("Volume in line 2 is inf"));
    let nan = format!("{HEADER}{}", body(200)).replacen(",100.5,", ",NaN,", 1);
    assert!(refuse(nan).contains("open in line 2 is NaN"));
    let prose = "open,high,low,close,time\nIt,was,the,best,of\n".to_owned();
    assert!(refuse(prose).contains("1 of 1 rows cannot be read"));
    assert!(read(Path::new("/there/is/none"), Interval::D1).is_err());
}

/// A candle of a day of 2021: its time in seconds, open, high, low, close and volume.
fn candle(day: i64) -> (i64, [f64; 5]) {
    let open = 30_000.0 + (day * 37 % 91) as f64;
    let close = 30_000.0 + ((day + 1) * 37 % 91) as f64;
    let (high, low) = (open.max(close) + 10.5, open.min(close) - 8.25);
    let values = [open, high, low, close, 100.5 + day as f64];
    (1_609_459_200 + day * 86_400, values)
}

/// Two hundred rows, each written by `row`.
fn written(header: &str, row: impl Fn(i64, [f64; 5]) -> String) -> String {
    (0..200)
        .map(candle)
        .fold(header.to_owned(), |mut text, (time, values)| {
            text.push_str(&row(time, values));
            text.push('\n');
            text
        })
}

fn date(seconds: i64, format: &str) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).expect("a time");
    time.format(format).to_string()
}

fn plain_rows() -> String {
    written(
        "time,open,high,low,close,volume\n",
        |time, [o, h, l, c, v]| format!("{time},{o},{h},{l},{c},{v}"),
    )
}

/// The text must give these two hundred candles.
#[track_caller]
fn gives_the_candles(text: impl AsRef<[u8]>) -> FileReport {
    let (series, report) = read_text(text).expect("a series");
    assert_eq!(series.len(), 200, "{report}");
    for (day, bar) in (0..).zip(series.bars()) {
        let (time, [open, high, low, close, volume]) = candle(day);
        assert_eq!(bar.open_time, time * 1_000, "{report}");
        let found = [bar.open, bar.high, bar.low, bar.close];
        assert_eq!(found, [open, high, low, close], "{report}");
        assert!(bar.volume == volume || report.volume_column.is_none());
    }
    report
}

/// Why a text is refused, in one bounded line.
#[track_caller]
fn refusal(text: impl AsRef<[u8]>) -> String {
    let error = read_text(text).expect_err("refused").to_string();
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.len() < 500, "{error}");
    error
}

#[test]
fn columns_that_contradict_their_names_are_refused_with_the_line() {
    for header in [
        "time,high,low,open,close,volume",
        "time,open,low,high,close,volume",
        "time,low,high,open,close,volume",
    ] {
        let text = plain_rows().replacen("time,open,high,low,close,volume", header, 1);
        let error = refusal(text);
        assert!(
            error.contains("do not contain open and close")
                && error.contains("are the columns what they are called? (line 2)"),
            "{error}"
        );
    }
    // Of these the ranges say nothing, but each candle opens where the one before closed.
    for header in [
        "time,close,high,low,open,volume",
        "time,close,low,high,open,volume",
    ] {
        let text = plain_rows().replacen("time,open,high,low,close,volume", header, 1);
        if header.contains("high,low") {
            let error = refusal(text);
            assert!(
                error.contains("open and close in each other's columns"),
                "{error}"
            );
        } else {
            refusal(text);
        }
    }
    // A few are widened, and ranges that only rounding broke are no contradiction.
    let few = written("time,open,high,low,close\n", |time, [o, _, l, c, _]| {
        let high = if time % 8_640_000 == 0 {
            l
        } else {
            o.max(c) * (1.0 - 1e-9)
        };
        format!("{time},{o},{high},{l},{c}")
    });
    let (_, report) = read_text(few).expect("a series");
    assert!(report.series.widened > 100, "{report}");
    // A decimal comma that is the separator, too.
    let text = written("time,open,high,low,close,volume\n", |time, values| {
        let cells = values.map(|value| format!("{value:.2}").replace('.', ","));
        format!("{time},{}", cells.join(","))
    });
    assert!(refusal(text).contains("it has 11 values for 6 columns"));
}

#[test]
fn a_file_has_the_candles_of_one_instrument() {
    let text = written(
        "symbol,time,open,high,low,close\n",
        |time, [o, h, l, c, _]| {
            format!(
                "BTC,{time},{o},{h},{l},{c}\nETH,{time},{},{},{},{}",
                o / 15.0,
                h / 15.0,
                l / 15.0,
                c / 15.0
            )
        },
    );
    let error = refusal(&text);
    assert!(
        error.contains("column symbol has \"BTC\" and, from line 3, \"ETH\""),
        "{error}"
    );
    // Without a name, the contradiction shows.
    let error = refusal(text.replacen("symbol", "kind", 1));
    assert!(
        error.contains("contradict another one of the same time") && error.contains("(line 3)"),
        "{error}"
    );
    assert!(error.contains("several symbols"), "{error}");
    let wide = "Date,Close,Close,High,High,Low,Low,Open,Open\n,BTC,ETH,BTC,ETH,BTC,ETH,BTC,ETH\n";
    assert!(
        refusal(wide).contains("two columns for open"),
        "{}",
        refusal(wide)
    );
}

#[test]
fn an_unfinished_last_row_is_left_out_and_reported() {
    let mut text = written(
        "Date,Open,High,Low,Close,Volume\n",
        |time, [o, h, l, c, v]| format!("{},{o},{h},{l},{c},{v}", date(time, "%Y-%m-%d")),
    );
    text.push_str("2021-07-20 14:35:00,30000,30010,29990,30005,1\n");
    let report = gives_the_candles(text).to_string();
    assert!(
        report.contains("left out as unfinished (the first: 2021-07-20T14:35:00"),
        "{report}"
    );
    // Many such rows are something else.
    let text = written(
        "time,open,high,low,close,volume\n",
        |time, [o, h, l, c, v]| {
            let late = if time % 5 == 0 && time % 864_000 == 0 {
                40_000
            } else {
                0
            };
            format!("{},{o},{h},{l},{c},{v}", time + late)
        },
    );
    let error = refusal(text);
    assert!(error.contains("begin between the others' times"), "{error}");
}

#[test]
fn an_unclosed_quote_costs_its_line_alone() {
    let text = plain_rows()
        .lines()
        .enumerate()
        .fold(String::new(), |mut text, (place, line)| {
            text.push_str(&if place == 99 {
                line.replacen(',', ",\"", 1)
            } else {
                line.to_owned()
            });
            text.push('\n');
            text
        });
    let (series, report) = read_text(text).expect("a series");
    assert_eq!(
        (series.len(), report.unreadable, report.series.missing),
        (200, 1, 1)
    );
    let report = report.to_string();
    assert!(
        report.contains("a quote opened in line 100 is never closed: 1 row is lost"),
        "{report}"
    );
    let every = plain_rows().replace(",", ",\"");
    assert!(refusal(every.replacen(",\"", ",", 5)).contains("a quote opened in line 2"));
}

#[test]
fn what_is_behind_packed_data_is_treated_as_gzip_does() {
    let pack = |text: &str| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text.as_bytes()).expect("packed");
        packed.finish().expect("packed")
    };
    let rows = plain_rows();
    let (one, other) = rows.split_at(rows.len() / 2);
    let members = [pack(one), pack(other)].concat();
    for (tail, junk) in [
        (vec![], false),
        (vec![0; 1], false),
        (vec![0; 40_000], false),
        (b"junk".to_vec(), true),
        ([vec![0; 512], b"x".to_vec()].concat(), true),
        (vec![0x1f, 0x00, 0x8b], true),
    ] {
        let report = gives_the_candles([members.clone(), tail.clone()].concat());
        assert_eq!(report.junk, junk, "{tail:?}");
        assert_eq!(
            report
                .to_string()
                .contains("behind the end of the packed data"),
            junk
        );
    }
    gives_the_candles([pack(one), vec![0; 512], pack(other)].concat());
    for cut in [1, 5, 30] {
        let error = read_text(&members[..members.len() - cut]).expect_err("cut off");
        assert!(matches!(error, CandleFileError::Io { .. }), "{error}");
    }
}

#[test]
fn what_is_no_table_is_named_for_what_it_is() {
    for (text, what) in [
        (&b"PK\x03\x04rest"[..], "a zip archive"),
        (b"\xff\xfet\0i\0", "UTF-16"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"[[1609459200000,\"1\"]]", "JSON"),
        (b"PAR1....", "Parquet"),
    ] {
        let error = refusal(text);
        assert!(error.contains(what), "{error}");
    }
    let wide = format!("time,{}\n1,2\n", "x,".repeat(5_000));
    assert!(refusal(wide).contains("and 4982 more"));
    let long = "y".repeat(1_000_000);
    let error = read_text(long).expect_err("refused");
    assert!(matches!(error, CandleFileError::Io { .. }), "{error}");
}

#[test]
fn a_time_that_no_candle_has_is_unreadable() {
    for wrong in [
        "1e300",
        "-1e300",
        "21-01-01",
        "99999999999999999999",
        "0021-01-01",
    ] {
        let text = plain_rows().replacen("1609545600", wrong, 1);
        let (series, report) = read_text(text).expect("a series");
        assert_eq!((series.len(), report.unreadable), (200, 1), "{report}");
        let why = report.first_unreadable.unwrap_or_default();
        assert!(why.contains("line 3") && why.contains(wrong), "{why}");
    }
}

#[test]
fn a_minute_without_a_trade_may_be_four_times_nan() {
    let text = written(
        "Timestamp,Open,High,Low,Close,Volume_(BTC)\n",
        |time, [o, h, l, c, v]| {
            if time % 1_728_000 == 0 {
                format!("{time},NaN,NaN,NaN,NaN,NaN")
            } else {
                format!("{time},{o},{h},{l},{c},{v}")
            }
        },
    );
    let (series, report) = read_text(text).expect("a series");
    assert!(report.incomplete == 10 && series.len() >= 199, "{report}");
    assert!(read_of(plain_rows(), Interval::H1).is_err());
}

#[test]
fn rows_that_are_not_complete_are_taken_as_missing_and_reported() {
    let marked = |column: &str, yes: &str, no: &str| {
        written(
            &format!("open_time,open,high,low,close,volume,{column}\n"),
            |time, [o, h, l, c, v]| {
                // The first, one in the middle and the last.
                let unfinished = [candle(0), candle(50), candle(199)].map(|(time, _)| time);
                let said = if unfinished.contains(&time) { no } else { yes };
                format!("{time},{o},{h},{l},{c},{v},{said}")
            },
        )
    };
    for (column, yes, no) in [
        ("complete", "true", "false"),
        ("Is_Closed", "True", "False"),
        ("confirm", "1", "0"),
        ("completed", "yes", "no"),
    ] {
        let (series, report) = read_text(marked(column, yes, no)).expect("a series");
        assert_eq!((series.len(), report.unfinished), (198, 3), "{report}");
        assert!(series.filled(49) && !series.filled(48), "{report}");
        assert_eq!(series.bars()[0].open_time, candle(1).0 * 1_000);
        let report = report.to_string();
        assert!(
            report.contains("3 candles that are not complete by their own column: taken as missing (the first: line 2)"),
            "{report}"
        );
    }
    // Nothing said is nothing doubted, and what is neither is named.
    assert_eq!(
        gives_the_candles(marked("complete", "true", "")).unfinished,
        0
    );
    assert_eq!(
        gives_the_candles(marked("note", "true", "false")).unfinished,
        0
    );
    let (_, report) = read_text(marked("complete", "true", "maybe")).expect("a series");
    let first = report.first_unreadable.unwrap_or_default();
    assert_eq!(report.unreadable, 3);
    assert!(
        first.contains("line 2") && first.contains("\"maybe\", not true or false"),
        "{first}"
    );
    let error = refusal(marked("complete", "false", "false"));
    assert!(
        error.contains("there are no candles") && error.contains("200 more are not complete"),
        "{error}"
    );
}

#[test]
fn names_that_are_not_understood_are_no_title_above_a_dump() {
    for header in [
        "Datum,Schluss,Hoch,Tief,Eroeffnung,Volumen",
        "zeit,a,b,c,d,e",
        "t1,p1,p2,p3,p4,v,extra",
    ] {
        let error = refusal(plain_rows().replacen("time,open,high,low,close,volume", header, 1));
        let first = header.split(',').next().unwrap_or_default();
        assert!(
            error.contains("no column is called open; the header (line 1) has")
                && error.contains(first),
            "{error}"
        );
    }
    // A title is one.
    let title = "Daily candles of BTC, in dollars";
    gives_the_candles(plain_rows().replacen("time,open,high,low,close,volume", title, 1));
}

#[test]
fn what_a_program_left_at_the_end_of_its_file_costs_no_row() {
    for left in [
        "\0".repeat(4_096),
        "\n\u{1a}".to_owned(),
        "\u{1a}".to_owned(),
    ] {
        let report = gives_the_candles(format!("{}{left}", plain_rows().trim_end()));
        assert_eq!(report.unreadable, 0, "{report}");
    }
}
