//! `coinsphere portfolio report`: a file of transactions to one JSON object, and what is said of files
//! that are wrong.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::support::Place;
use crate::support::program::{complaint, run};
use serde_json::Value;

const FILE: &str = r#"{"format": "coinsphere.transactions", "version": 1, "currency": "USD",
 "transactions": [
  {"id": "d", "time": "2023-01-01T12:00:00Z", "kind": "deposit", "account": "x", "received": {"asset": "USD", "quantity": "500"}},
  {"id": "a", "time": "2023-01-02T12:00:00Z", "kind": "buy", "account": "x",
   "sent": {"asset": "USD", "quantity": "100"}, "received": {"asset": "BTC", "quantity": "1"}},
  {"id": "b", "time": "2023-02-01T12:00:00Z", "kind": "buy", "account": "y",
   "sent": {"asset": "USD", "quantity": "300"}, "received": {"asset": "BTC", "quantity": "1"}},
  {"id": "s", "time": "2024-03-01T12:00:00Z", "kind": "sell", "account": "y",
   "sent": {"asset": "BTC", "quantity": "0.50"}, "received": {"asset": "USD", "quantity": "400"}}]}"#;
const TABLE: &str = "id,time,kind,account,sent_asset,sent_quantity,received_asset,received_quantity
a,2024-01-02T12:00:00Z,buy,x,EUR,100,BTC,1
s,2024-03-01T12:00:00Z,sell,x,BTC,0.25,EUR,50
";

fn report(place: &Path, file: &str, text: &str, more: &[&str]) -> Output {
    let path = place.join(file);
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    run(place, [&["portfolio", "report", path], more].concat())
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", complaint(output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

pub(crate) fn a_file_of_transactions_becomes_a_report() {
    let place = Place::new();
    let prices = place.path().join("prices.csv");
    fs::write(&prices, "date,asset,price\n2024-03-01,BTC,800\n").unwrap();
    let prices = prices.to_str().unwrap();
    let of = |more: &[&str]| {
        let more = [&["--prices", prices, "--format", "json"], more].concat();
        json(&report(place.path(), "transactions.json", FILE, &more))
    };
    let fifo = of(&["--method", "fifo", "--currency", "usd"]);
    assert_eq!(fifo["realized"], "350");
    assert_eq!(fifo["value"], "1700");
    assert_eq!(fifo["unrealized"], "850");
    assert_eq!(fifo["net_invested"], "500");
    assert_eq!(fifo["disposals"][0]["lots"][0]["lot"], "a");
    assert_eq!(fifo["disposals"][0]["lots"][0]["term"], "long");
    assert_eq!(fifo["disposals"][0]["quantity"], "0.5");
    assert!(fifo["performance"]["twr"].is_string());
    let by_account = of(&["--method", "fifo", "--by-account"]);
    assert_eq!(by_account["realized"], "250");
    assert_eq!(by_account["remaining"][0]["account"], "x");
    let year = of(&["--method", "lifo", "--year", "2023", "--history"]);
    assert_eq!(year["realized"], "0");
    assert_eq!(year["valued_on"], "2023-12-31");
    assert_eq!(year["history"].as_array().unwrap().len(), 365);
    let changes = place.path().join("changes.json");
    fs::write(&changes, r#"{"remove": ["d"], "method": "lifo"}"#).unwrap();
    let changes = changes.to_str().unwrap();
    let tried = of(&["--method", "fifo", "--what-if", changes]);
    assert_eq!(tried["before"]["realized"], "350");
    assert_eq!(tried["difference"]["realized"], "-100");
    assert_eq!(tried["new_disposals"][0]["lots"][0]["lot"], "b");
    assert_eq!(tried["gone_disposals"][0]["lots"][0]["lot"], "a");
    let german = of(&["--method", "fifo", "--jurisdiction", "de", "--year", "2024"]);
    assert_eq!(german["jurisdiction"], "de");
    let table = report(
        place.path(),
        "t.csv",
        TABLE,
        &["--method", "uk", "--currency", "eur"],
    );
    let table = json(&table);
    assert_eq!(table["currency"], "EUR");
    assert_eq!(table["realized"], "25");
    let more = [
        "--method",
        "average",
        "--currency",
        "EUR",
        "--format",
        "csv",
    ];
    let lines = report(place.path(), "t.csv", TABLE, &more);
    let lines = String::from_utf8(lines.stdout).unwrap();
    let expected =
        "2024-03-01,BTC,x,sale,s,0.25,50,25,25,0,average,,0.25,25,,50,25,average,average,disposal,";
    assert_eq!(lines.lines().nth(1), Some(expected));
    let holding = lines.lines().last().unwrap();
    assert!(
        holding.contains(",closing_price,average,holding,"),
        "{lines}"
    );
}

pub(crate) fn figures_are_compared_converted_and_explained() {
    let place = Place::new();
    let prices = place.path().join("prices.csv");
    fs::write(
        &prices,
        "date,BTC,EUR\n2023-01-01,100,1\n2023-02-01,300,1\n2024-03-01,800,2\n",
    )
    .unwrap();
    let prices = prices.to_str().unwrap();
    let of = |more: &[&str]| {
        let more = [&["--prices", prices, "--method", "fifo"], more].concat();
        report(place.path(), "transactions.json", FILE, &more)
    };
    let compared = json(&of(&[
        "--benchmark",
        "BTC",
        "--target",
        "BTC=0.75,USD=0.25",
    ]));
    let analysis = &compared["analysis"];
    // 500 dollars bought 5 BTC on the first day.
    assert_eq!(analysis["benchmark"]["value"], "4000");
    assert_eq!(analysis["allocation"]["by_account"]["y"]["value"], "500");
    // 1275 of 1700 are wanted in BTC, of which 1200 are there.
    assert_eq!(analysis["target"]["lines"][0]["amount"], "75");
    assert!(analysis["contribution"]["by_asset"]["BTC"].is_string());
    let converted = json(&of(&["--currency", "eur"]));
    assert_eq!(converted["currency"], "EUR");
    assert_eq!(converted["value"], "850");
    assert_eq!(converted["realized"], "175");
    assert_eq!(converted["net_invested"], "500");
    for wrong in [
        &["--benchmark", "BTC=0.5"][..],
        &["--target", "BTC=x"],
        &["--target", ""],
    ] {
        let output = of(wrong);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{wrong:?}: {}",
            complaint(&output)
        );
    }
    let path = place.path().join("transactions.json");
    let path = path.to_str().unwrap();
    let explain = |figure: &str| {
        let words = [
            "portfolio",
            "explain",
            path,
            figure,
            "--prices",
            prices,
            "--method",
            "fifo",
        ];
        run(place.path(), words)
    };
    let explained = json(&explain("realized"));
    assert_eq!(explained["amount"], "350");
    assert_eq!(explained["parts"][0]["parts"][1]["name"], "a");
    let none = explain("basis:ETH");
    assert_eq!(none.status.code(), Some(1));
    assert!(complaint(&none).contains("there is no basis:ETH in this portfolio"));
    assert_eq!(explain("luck").status.code(), Some(2));
}

pub(crate) fn what_cannot_be_reported_is_named() {
    let place = Place::new();
    let fifo = ["--method", "fifo"];
    for (from, to, said) in [
        (
            "\"0.50\"",
            "\"NaN\"",
            "transactions[3].sent.quantity: \"NaN\": not a decimal number",
        ),
        (
            "\"0.50\"",
            "0.5",
            "transactions[3].sent.quantity: invalid type",
        ),
        (
            "\"0.50\"",
            "\"-0.5\"",
            "transaction \"s\": sent.quantity: -0.5 is not above zero",
        ),
        (
            "\"0.50\"",
            "\"0.1234567890123456789\"",
            "more than 18 fractional digits",
        ),
        (
            "\"0.50\"",
            "\"1234567890123456789012345678901234567890\"",
            "more than 20 digits before the point",
        ),
        (
            "\"sell\"",
            "\"sold\"",
            "transactions[3].kind: \"sold\" is no kind of transaction",
        ),
        (
            "\"id\": \"s\"",
            "\"id\": \"a\"",
            "transaction \"a\": its id occurs twice",
        ),
        ("2024-03-01T", "2024-02-30T", "transactions[3].time: "),
        ("\"version\": 1", "\"version\": 7", "version 7 is not known"),
        ("]}", "", "EOF"),
    ] {
        let wrong = FILE.replacen(from, to, 1);
        assert_ne!(wrong, FILE);
        let output = report(place.path(), "wrong.json", &wrong, &fifo);
        assert_eq!(output.status.code(), Some(1), "{to}");
        assert!(output.stdout.is_empty());
        let said_so = complaint(&output);
        assert!(said_so.contains(said), "{said_so}");
        assert!(said_so.contains("wrong.json"), "{said_so}");
        assert_eq!(said_so.trim_end().lines().count(), 1, "{said_so}");
    }
    let table = TABLE.replace("0.25", "x");
    let output = report(place.path(), "wrong.csv", &table, &fifo);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complaint(&output).contains("row 3, column sent_quantity: \"x\""),
        "{}",
        complaint(&output)
    );
    let missing = run(
        place.path(),
        ["portfolio", "report", "/nowhere/x.json", "--method", "fifo"],
    );
    assert_eq!(missing.status.code(), Some(1));
    for wrong in [
        &["--method", "uk", "--by-account"][..],
        &["--method", "best"],
        &["--method", "fifo", "--year", "99999"],
        &["--method", "fifo", "--format", "xml"],
        &[],
    ] {
        let output = report(place.path(), "right.json", FILE, wrong);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{wrong:?}: {}",
            complaint(&output)
        );
    }
    let other = report(
        place.path(),
        "right.json",
        FILE,
        &["--method", "fifo", "--currency", "eur"],
    );
    assert_eq!(other.status.code(), Some(1));
    assert!(
        complaint(&other).contains("values are in USD, and there are no prices of EUR"),
        "{}",
        complaint(&other)
    );
    let prices = place.path().join("prices.csv");
    fs::write(&prices, "date,asset,price\n2024-03-01,BTC,-1\n").unwrap();
    let more = ["--method", "fifo", "--prices", prices.to_str().unwrap()];
    let output = report(place.path(), "right.json", FILE, &more);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complaint(&output).contains("prices.csv: row 2, column price"),
        "{}",
        complaint(&output)
    );
}
