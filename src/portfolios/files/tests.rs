//! Round trips, and what is said of files that are wrong.

use super::*;
use crate::transaction::{Kind, TransactionFile};

const FULL: &str = r#"{"format": "coinsphere.transactions", "version": 1, "currency": "USD", "timezone": "Europe/London",
 "transactions": [
  {"id":"a","time":"2024-01-08T07:05:12Z","kind":"buy","account":"binance","sent":{"asset":"EUR","quantity":"683.60"},"received":{"asset":"ETH","quantity":"0.300"},"fees":[{"asset":"BNB","quantity":"0.00169","value":"0.48"},{"asset":"EUR","quantity":"1.0"}],"note":"with \"quotes\", commas\nand lines","tags":["x;y","z\\"]},
  {"id":"b","time":"2024-01-08T09:05:12.250+02:00","kind":"sell","account":"binance","sent":{"asset":"ETH","quantity":"0.1"},"received":{"asset":"USD","quantity":"300"},"value":"300.0","lots":[{"lot":"a","quantity":"0.10"}]},
  {"id":"c","time":"2024-02-08T07:05:12Z","kind":"opening","account":"w","received":{"asset":"BTC","quantity":"1.000000000000000001"},"basis":"10","acquired":"2017-03-04"},
  {"id":"d","time":"2024-02-09T07:05:12Z","kind":"transfer","account":"w","to_account":"v","sent":{"asset":"BTC","quantity":"1"},"fees":[{"asset":"BTC","quantity":"0.000000000000000001"}]}],
 "prices": {
  "ETH": {"2024-01-08":"2330.150","2024-01-09":"0"}}}
"#;

fn read(json: &str) -> Result<TransactionFile, FileError> {
    read_json(json.as_bytes())
}

#[test]
fn json_comes_back_byte_for_byte() {
    let file = read(FULL).expect("a file");
    assert_eq!(write_json(&file), FULL);
}

#[test]
fn a_table_says_the_same_as_json() {
    let file = read(FULL).expect("a file");
    let table = write_csv(&file.transactions);
    let again = read_csv(table.as_bytes()).expect("a table");
    assert_eq!(again, file.transactions);
    assert_eq!(write_csv(&again), table);
    let lines = table.replace("\"with \"\"quotes\"\", commas\nand lines\"", "NOTE");
    let first: Vec<_> = lines.lines().take(3).collect();
    assert_eq!(
        first,
        [
            "id,time,kind,account,to_account,sent_asset,sent_quantity,sent_value,received_asset,received_quantity,received_value,fee_asset,fee_quantity,fee_value,value,basis,acquired,note,tags,lots",
            "a,2024-01-08T07:05:12Z,buy,binance,,EUR,683.60,,ETH,0.300,,BNB,0.00169,0.48,,,,NOTE,x\\;y;z\\\\,",
            "a,,+fee,,,,,,,,,EUR,1.0,,,,,,,",
        ]
    );
    assert!(!write_csv(&file.transactions[2..]).contains("lots"));
}

#[test]
fn crlf_a_byte_order_mark_and_empty_lines_are_read() {
    let table = "\u{feff}id,time,kind,account,received_asset,received_quantity\r\na,2024-01-01T00:00:00Z,deposit,x,USD,5\r\n\r\n";
    let read = read_csv(table.as_bytes()).expect("a table");
    assert_eq!(read.len(), 1);
    assert_eq!(read[0].kind, Kind::Deposit);
    let marked = format!("\u{feff}{FULL}");
    assert!(self::read(&marked).is_ok());
}

#[test]
fn what_is_wrong_in_json_is_named_with_its_place() {
    for (from, to, place, said) in [
        (
            "\"0.300\"",
            "\"abc\"",
            "transactions[0].received.quantity",
            "not a decimal number",
        ),
        (
            "\"0.300\"",
            "0.3",
            "transactions[0].received.quantity",
            "as text in quotes",
        ),
        (
            "\"0.300\"",
            "\"NaN\"",
            "transactions[0].received.quantity",
            "not a decimal number",
        ),
        (
            "\"0.300\"",
            "\"-0.3\"",
            "transaction \"a\"",
            "received.quantity: -0.3 is not above zero",
        ),
        (
            "\"0.300\"",
            "\"0\"",
            "transaction \"a\"",
            "received.quantity: 0 is not above zero",
        ),
        (
            "\"0.300\"",
            "\"0.1234567890123456789\"",
            "transactions[0].received.quantity",
            "18 fractional digits",
        ),
        (
            "\"0.300\"",
            "\"1234567890123456789012345678901234567890\"",
            "transactions[0].received.quantity",
            "20 digits before the point",
        ),
        (
            "\"buy\"",
            "\"bye\"",
            "transactions[0].kind",
            "\"bye\" is no kind of transaction: use one of buy, sell",
        ),
        (
            "2024-01-08T07:05:12Z",
            "2024-13-08T07:05:12Z",
            "transactions[0].time",
            "no RFC 3339 time",
        ),
        (
            "2024-01-08T07:05:12Z",
            "2024-01-08",
            "transactions[0].time",
            "no RFC 3339 time",
        ),
        (
            "2024-01-08T07:05:12Z",
            "3024-01-08T07:05:12Z",
            "transaction \"a\"",
            "the year 3024",
        ),
        (
            "\"id\":\"b\"",
            "\"id\":\"a\"",
            "transaction \"a\"",
            "occurs twice",
        ),
        (
            "\"to_account\":\"v\",",
            "",
            "transaction \"d\"",
            "needs to_account",
        ),
        (
            "\"account\":\"binance\",\"sent\"",
            "\"acount\":\"binance\",\"sent\"",
            "transactions[0].acount",
            "unknown field",
        ),
        (
            "\"basis\":\"10\"",
            "\"basis\":\"-10\"",
            "transaction \"c\"",
            "basis: -10 is below zero",
        ),
        (
            "2017-03-04",
            "2027-03-04",
            "transaction \"c\"",
            "acquired is after",
        ),
        (
            "\"quantity\":\"0.10\"",
            "\"quantity\":\"0.2\"",
            "transaction \"b\"",
            "more than the 0.1 that were sent",
        ),
        (
            "Europe/London",
            "Europe/Londom",
            "timezone",
            "Europe/Londom",
        ),
        (
            "\"version\": 1",
            "\"version\": 2",
            "version",
            "version 2 is not known",
        ),
        ("coinsphere.transactions", "other", "format", "\"other\""),
        ("\"2330.150\"", "\"-1\"", "prices.ETH", "below zero"),
        (
            "\"2024-01-09\"",
            "\"2024-02-30\"",
            "prices.ETH",
            "is no day",
        ),
    ] {
        let wrong = FULL.replacen(from, to, 1);
        assert_ne!(wrong, FULL, "{from}");
        let message = read(&wrong).expect_err(to).to_string();
        assert!(message.starts_with(place), "{message}");
        assert!(message.contains(said), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
    let cut = &FULL[..FULL.len() / 2];
    let message = read(cut).expect_err("cut").to_string();
    assert!(
        message.contains("EOF") && message.contains("line"),
        "{message}"
    );
    assert!(read("").is_err());
    assert!(read("[]").is_err());
    assert!(
        read_json(&[0xff, 0xfe])
            .expect_err("bytes")
            .to_string()
            .contains("UTF-8")
    );
}

#[test]
fn what_is_wrong_in_a_table_is_named_with_row_and_column() {
    let header = "id,time,kind,account,sent_asset,sent_quantity,received_asset,received_quantity,fee_asset,fee_quantity";
    let good = "a,2024-01-01T00:00:00Z,buy,x,USD,5,BTC,1,,";
    for (rows, said) in [
        (
            "b,2024-01-01T00:00:00Z,buy,x,USD,5x,BTC,1,,",
            "row 3, column sent_quantity: \"5x\"",
        ),
        (
            "b,2024-01-01T00:00:00Z,buy,x,USD,,BTC,1,,",
            "row 3, column sent_quantity: it is empty",
        ),
        (
            "b,2024-01-01T00:00:00Z,buy,x,,5,BTC,1,,",
            "row 3, column sent_asset: it is empty",
        ),
        ("b,2024-01-01,buy,x,USD,5,BTC,1,,", "row 3, column time"),
        (
            "b,2024-01-01T00:00:00Z,bought,x,USD,5,BTC,1,,",
            "row 3, column kind: \"bought\"",
        ),
        (
            "b,2024-01-01T00:00:00Z,buy,x,USD,5,,,,",
            "row 3: a buy needs",
        ),
        (
            "a,2024-01-01T00:00:00Z,buy,x,USD,5,BTC,1,,",
            "row 3: its id occurs twice",
        ),
        (
            "b,2024-01-01T00:00:00Z,buy,x,USD,5,BTC,1",
            "row 3: 8 columns instead of 10",
        ),
        (
            "c,,+fee,,,,,,BNB,1",
            "row 3, column id: a further fee does not follow",
        ),
        ("a,,+fee,,USD,1,,,BNB,1", "row 3, column sent_"),
        ("a,,+fee,,,,,,,", "row 3, column fee_asset"),
    ] {
        let table = format!("{header}\n{good}\n{rows}\n");
        let message = read_csv(table.as_bytes()).expect_err(rows).to_string();
        assert!(message.starts_with(said), "{message}");
    }
    let unknown = read_csv(b"id,time,kind,account,colour\n").expect_err("a column");
    assert!(
        unknown.to_string().contains("\"colour\" is no column"),
        "{unknown}"
    );
    let missing = read_csv(b"id,time,kind\n").expect_err("a column");
    assert!(
        missing.to_string().contains("account is missing"),
        "{missing}"
    );
}

#[test]
fn prices_are_read_long_and_wide() {
    let long = read_prices(b"date,asset,price\n2024-01-02,BTC,40000.10\n2024-01-01,BTC,39000\n");
    let wide = read_prices(b"date,BTC,ETH\n2024-01-01,39000,\n2024-01-02,40000.1,\n");
    let (long, wide) = (long.expect("long"), wide.expect("wide"));
    assert_eq!(long, wide);
    let message = read_prices(b"date,asset,price\n2024-01-02,BTC,NaN\n").expect_err("NaN");
    assert!(
        message
            .to_string()
            .starts_with("row 2, column price: \"NaN\""),
        "{message}"
    );
    let message = read_prices(b"day,BTC\n2024-1-2,1\n").expect_err("a day");
    assert!(
        message.to_string().starts_with("row 2, column day"),
        "{message}"
    );
    assert!(read_prices(b"asset,price\nBTC,1\n").is_err());
}
