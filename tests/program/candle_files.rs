//! Files of candles that were once misread, from the folder of recordings: each gives exactly its candles,
//! or is refused with a message of one line that says where and why. Needs `COINSPHERE_MARKET_DATA`.

use std::path::Path;

use coinsphere_ml::Interval;
use coinsphere_ml::candle_file::read;

/// A file, its interval, how many candles it gives, when the last one opens, and what is reported.
const READ: [(&str, Interval, usize, &str, &str); 17] = [
    (
        "01-binance-ms-us-mixed/mixed_150_50.csv",
        Interval::D1,
        200,
        "2025-02-19",
        "from line 152",
    ),
    (
        "01-binance-ms-us-mixed/text_then_epoch.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "from line 122",
    ),
    (
        "03-cmc-timestamp-is-close/cmc.csv",
        Interval::D1,
        420,
        "2022-02-24",
        "sorted",
    ),
    (
        "03-cmc-timestamp-is-close/start_and_timestamp.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "08-partial-last-row/yahoo.csv",
        Interval::D1,
        399,
        "2022-02-03",
        "unfinished (the first: 2022-02-04T14:35",
    ),
    (
        "10-unclosed-quote/quote.csv",
        Interval::D1,
        400,
        "2022-02-04",
        "a quote opened in line 252 is never closed: 1 row is lost",
    ),
    (
        "11-gz-tail/zeros.csv.gz",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "12-lines-before-the-header/blank_comma.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "12-lines-before-the-header/blank_semicolon.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "12-lines-before-the-header/sep.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "14-header-variants/close_last.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "14-header-variants/eu.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "14-header-variants/no_seconds_z.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "14-header-variants/openTime.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "14-header-variants/slashes.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "14-header-variants/unix.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
    (
        "14-header-variants/yf_three_lines.csv",
        Interval::D1,
        200,
        "2021-07-19",
        "",
    ),
];

/// A file, its interval, and what is said of it.
const REFUSED: [(&str, Interval, &str); 6] = [
    (
        "04-two-digit-year/yy.csv",
        Interval::D1,
        "\"21-01-01\" is no time that is understood",
    ),
    ("04-two-digit-year/ddmmyy.csv", Interval::D1, "line 2"),
    (
        "06-coinbase-column-order/high_low_swapped.csv",
        Interval::D1,
        "are the columns what they are called? (line 2)",
    ),
    (
        "06-coinbase-column-order/low_high_open_close.csv",
        Interval::D1,
        "200 of 200 candles",
    ),
    (
        "07-two-symbols-one-file/two.csv",
        Interval::D1,
        "from line 3, \"ETH\"",
    ),
    (
        "07-two-symbols-one-file/own.csv",
        Interval::M1,
        "column instrument",
    ),
];

pub(crate) fn every_file_that_once_failed_gives_its_candles_or_says_why_not(folder: &Path) {
    for (name, interval, count, last, reported) in READ {
        let (series, report) = read(&folder.join("cases").join(name), interval)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(series.len(), count, "{name}: {report}");
        let opens = series.bars().last().map(|bar| bar.open_time);
        let opens = opens.and_then(chrono::DateTime::from_timestamp_millis);
        let expected = format!("{last} 00:00:00 UTC");
        assert_eq!(opens.map(|time| time.to_string()), Some(expected), "{name}");
        let report = report.to_string();
        assert!(report.contains(reported), "{name}: {report}");
        assert!(
            !reported.is_empty() || report.is_empty(),
            "{name}: {report}"
        );
        assert_eq!(series.runs().len(), 1, "{name}");
    }
    let hours = folder.join("cases/14-header-variants/yf_intraday.csv");
    assert_eq!(
        read(&hours, Interval::H1)
            .map(|(hours, _)| hours.len())
            .ok(),
        Some(200)
    );
    for (name, interval, said) in REFUSED {
        let error = read(&folder.join("cases").join(name), interval)
            .map(|(series, _)| series.len())
            .expect_err(name)
            .to_string();
        assert!(
            error.contains(said) && error.lines().count() == 1,
            "{name}: {error}"
        );
        assert!(error.len() < 600, "{name}: {error}");
    }
}
