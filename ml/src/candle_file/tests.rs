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
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_ref()).expect("written");
    read(file.path(), Interval::D1)
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
fn what_is_wrong_with_rows_is_told_and_handled() {
    let mut lines: Vec<String> = body(200).lines().map(str::to_owned).collect();
    lines.swap(3, 4);
    lines.push(lines[9].clone());
    lines[20] = "1970-01-21 00:00:00+00:00,,,,,,".to_owned();
    lines[40] = "1970-02-10 00:00:00+00:00,a,b,c,d,e,f".to_owned();
    lines.remove(60);
    let (series, report) = read_text(format!("{HEADER}{}\n", lines.join("\n"))).expect("a series");
    assert_eq!(series.len(), 200);
    let told = report.to_string();
    for part in [
        "1 rows without a time or a price",
        "1 unreadable rows: left out (the first: line 42: open is \"a\"",
        "rows out of order: sorted",
        "1 duplicates",
        "3 missing candles: 3 filled",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    let refuse = |text: String| read_text(text).expect_err("refused").to_string();
    assert!(refuse(String::new()).contains("the file is empty"));
    assert!(refuse(HEADER.to_owned()).contains("there are no candles"));
    let no_close = refuse(format!("time,open,high,low\n{}", body(3)));
    assert!(
        no_close.contains("no column is called close; the header has time, open"),
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
