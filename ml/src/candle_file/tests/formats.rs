//! Files as exchanges and tools write them.

use super::*;

#[test]
fn headers_of_exchanges_and_tools_are_read() {
    let body = |row: &dyn Fn(i64, [f64; 5]) -> String| written("", row);
    let day = |time| date(time, "%Y-%m-%d");
    let usual = |time: i64, [o, h, l, c, v]: [f64; 5]| format!("{time},{o},{h},{l},{c},{v}");
    for name in [
        "unix",
        "Datetime",
        "openTime",
        "<DATE>",
        "Open time",
        "time_period_start",
        "ts",
        "",
    ] {
        gives_the_candles(format!(
            "{name},Open,High,Low,Close,Volume\n{}",
            body(&usual)
        ));
    }
    // CryptoDataDownload: an address first, the newest row first, symbols spelled in two ways.
    let mut rows: Vec<String> = body(&|time, [o, h, l, c, v]| {
        let symbol = if time % 172_800 == 0 {
            "BTC/USDT"
        } else {
            "BTCUSDT"
        };
        format!(
            "{time}000,{} 12-AM,{symbol},{o},{h},{l},{c},{v},{}",
            day(time),
            v * o
        )
    })
    .lines()
    .map(str::to_owned)
    .collect();
    rows.reverse();
    gives_the_candles(format!(
        "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USDT\n{}",
        rows.join("\n")
    ));
    // Nasdaq: dollar signs and groups of digits, the month first.
    gives_the_candles(format!(
        "Date,Close/Last,Volume,Open,High,Low\n{}",
        body(&|time, [o, h, l, c, v]| {
            let dollars =
                |price: f64| format!("\"${},{:06.2}\"", price as i64 / 1_000, price % 1_000.0);
            let (o, h, l, c) = (dollars(o), dollars(h), dollars(l), dollars(c));
            format!("{},{c},{v},{o},{h},{l}", date(time, "%m/%d/%Y"))
        })
    ));
    // Investing.com: the price is the closing one, volumes in thousands.
    gives_the_candles(format!(
        "\"Date\",\"Price\",\"Open\",\"High\",\"Low\",\"Vol.\",\"Change %\"\n{}",
        body(&|time, [o, h, l, c, v]| format!(
            "\"{}\",\"{c}\",\"{o}\",\"{h}\",\"{l}\",\"{}K\",\"1.2%\"",
            date(time, "%m/%d/%Y"),
            v / 1e3
        ))
    ));
    // Stooq and MetaTrader: names in angle brackets, date and time of day apart.
    gives_the_candles(format!(
        "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n{}",
        body(&|time, [o, h, l, c, v]| format!(
            "BTCUSD,D,{},000000,{o},{h},{l},{c},{v},0",
            date(time, "%Y%m%d")
        ))
    ));
    gives_the_candles(format!(
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\n{}",
        body(&|time, [o, h, l, c, v]| format!(
            "{}\t00:00:00\t{o}\t{h}\t{l}\t{c}\t{v}",
            date(time, "%Y.%m.%d")
        ))
    ));
    // Dukascopy: the day first.
    gives_the_candles(format!(
        "Gmt time,Open,High,Low,Close,Volume\n{}",
        body(&|time, [o, h, l, c, v]| format!(
            "{},{o},{h},{l},{c},{v}",
            date(time, "%d.%m.%Y 00:00:00.000")
        ))
    ));
    // Alpha Vantage, and continental spreadsheets.
    gives_the_candles(format!(
        "timestamp,open (USD),high (USD),low (USD),close (USD),volume\n{}",
        body(&|time, [o, h, l, c, v]| format!("{},{o},{h},{l},{c},{v}", day(time)))
    ));
    gives_the_candles(format!(
        "time;open;high;low;close;volume\n{}",
        body(&|time, values| {
            let cells = values.map(|value| value.to_string().replace('.', ","));
            format!("{};{}", date(time, "%d.%m.%Y"), cells.join(";"))
        })
    ));
    // yfinance and pandas-datareader: three lines.
    for header in [
        "Price,Close,High,Low,Open,Volume\nTicker,BTC-USD,BTC-USD,BTC-USD,BTC-USD,BTC-USD\nDate,,,,,\n",
        "Ticker,BTC-USD,BTC-USD,BTC-USD,BTC-USD,BTC-USD\nPrice,Close,High,Low,Open,Volume\nDatetime,,,,,\n",
        "Attributes,Close,High,Low,Open,Volume\nSymbols,BTC-USD,BTC-USD,BTC-USD,BTC-USD,BTC-USD\nDate,,,,,\n",
    ] {
        gives_the_candles(written(header, |time, [o, h, l, c, v]| {
            format!("{},{c},{h},{l},{o},{v}", day(time))
        }));
    }
}

#[test]
fn what_stands_above_the_header_is_skipped() {
    for above in [
        "\n\n",
        "\r\n",
        "sep=,\n",
        "\"sep=,\"\n",
        ",,,,,\n",
        "# exported by a tool\n",
        "https://example.com/candles\n",
        "BTC/USD Historical Data\n\n",
        "\u{feff}\n",
    ] {
        gives_the_candles(format!("{above}{}", plain_rows()));
        let rest = plain_rows().replace(',', ";");
        let above = above.replace("sep=,", "sep=;");
        gives_the_candles(format!("{above}{rest}"));
    }
    gives_the_candles(plain_rows().replace('\n', "\r"));
    gives_the_candles(plain_rows().replace('\n', "\r\n"));
    // A file put together of several repeats the header.
    let (header, rows) = plain_rows()
        .split_once('\n')
        .map(|(h, r)| (h.to_owned(), r.to_owned()))
        .expect("lines");
    let mut lines: Vec<&str> = rows.lines().collect();
    lines.insert(150, &header);
    lines.insert(50, &header);
    let report = gives_the_candles(format!("{header}\n{}", lines.join("\n")));
    assert_eq!(report.unreadable, 0);
    lines[50] = "time,low,high,open,close,volume";
    let other = refusal(format!("{header}\n{}", lines.join("\n")));
    assert!(
        other.contains("line 52 is a header of other columns"),
        "{other}"
    );
}

#[test]
fn dumps_without_a_header_are_known_by_their_shape() {
    let end = 86_400;
    for unit in [1_000, 1_000_000] {
        gives_the_candles(written("", |time, [o, h, l, c, v]| {
            let close_time = (time + end) * unit - 1;
            format!(
                "{},{o},{h},{l},{c},{v},{close_time},{},12,{},{},0",
                time * unit,
                v * o,
                v / 2.0,
                v * o / 2.0
            )
        }));
    }
    gives_the_candles(written("", |time, [o, h, l, c, v]| {
        format!("{time},{o},{h},{l},{c},{v},12")
    }));
    gives_the_candles(written("", |time, [o, h, l, c, v]| {
        format!("{time},{o},{h},{l},{c},{},{v},12", f64::midpoint(h, l))
    }));
    gives_the_candles(written("", |time, [o, h, l, c, v]| {
        format!("{time},{o},{h},{l},{c},{v}")
    }));
    // HistData: with semicolons, and as MetaTrader writes it.
    gives_the_candles(written("", |time, [o, h, l, c, v]| {
        format!("{};{o};{h};{l};{c};{v}", date(time, "%Y%m%d %H%M%S"))
    }));
    gives_the_candles(written("", |time, [o, h, l, c, v]| {
        format!("{},00:00,{o},{h},{l},{c},{v}", date(time, "%Y.%m.%d"))
    }));
    // A month with names after one without.
    let rows = plain_rows();
    let (header, rows) = rows.split_once('\n').expect("lines");
    let mut lines: Vec<&str> = rows.lines().collect();
    lines.insert(100, header);
    gives_the_candles(lines.join("\n"));

    for (text, why) in [
        // KuCoin and Coinbase write other orders.
        (
            written("", |time, [o, h, l, c, v]| {
                format!("{time},{o},{c},{h},{l},{v},{}", v * o)
            }),
            "columns 2 to 5 are not open, high, low and close",
        ),
        (
            written("", |time, [o, h, l, c, v]| {
                format!("{time},{l},{h},{o},{c},{v}")
            }),
            "columns 2 to 5 are not open, high, low and close",
        ),
        (
            written("", |time, [o, h, l, c, v]| {
                format!("{time},{o},{h},{l},{c},{v},0.5,0.5,0.5")
            }),
            "9 such columns are of no dump that is known",
        ),
    ] {
        let error = refusal(text);
        assert!(
            error.contains("line 1 has values") && error.contains(why),
            "{error}"
        );
        assert!(error.contains("put a line of names first"), "{error}");
    }
}

#[test]
fn closing_times_are_not_taken_for_opening_times() {
    let with = |header: &str, row: &dyn Fn(i64) -> String| {
        written(
            &format!("open,high,low,close,volume,{header}\n"),
            |time, [o, h, l, c, v]| format!("{o},{h},{l},{c},{v},{}", row(time)),
        )
    };
    // The name of an opening time wins.
    for name in [
        "timeOpen",
        "openTime",
        "startTime",
        "start",
        "datetime",
        "unix",
    ] {
        let text = with(&format!("timestamp,{name}"), &|time| {
            format!("{},{time}", time + 86_400)
        });
        assert!(!gives_the_candles(text).closing_times);
    }
    // Without one, the last moment of an interval is a closing time, and so is what its name says.
    for (name, last) in [("timestamp", "999"), ("date", "999"), ("close_time", "999")] {
        let text = with(name, &|time| format!("{}{last}", time + 86_399));
        let report = gives_the_candles(text);
        assert!(report.closing_times && report.to_string().contains("an interval earlier"));
    }
    gives_the_candles(with("timestamp", &|time| {
        date(time + 86_399, "%Y-%m-%dT%H:%M:%SZ")
    }));
    gives_the_candles(with("timestamp", &|time| {
        format!("{}999999", time + 86_399)
    }));
    gives_the_candles(with("time_close", &|time| (time + 86_400).to_string()));
    gives_the_candles(with("timestamp,timeClose", &|time| {
        format!("{0},{0}", date(time + 86_400, "%Y-%m-%dT%H:%M:%SZ"))
    }));
    let text = with("timestamp,close_time", &|time| {
        format!("{time},{}", time + 86_400)
    });
    assert!(!gives_the_candles(text).closing_times);
}
