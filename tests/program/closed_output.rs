//! Whoever reads what a command prints may have seen enough (`coinsphere … | head -1`): the command ends
//! quietly, with the status that it would have had. What cannot be written for another reason is an error.

use std::fs::{self, File};
use std::io::pipe;
use std::process::{Command, Output, Stdio};

use crate::support::Place;
use crate::support::postgres::Postgres;
use crate::support::program::{command, complaint};

const TRADE: &str = r#"1700000000000000000 {"e":"trade","E":1700000000000,"s":"BTCUSDT","t":1,"p":"1.0","q":"1.0","T":1700000000000,"m":false,"M":true}"#;
const RULES: &str = r#"[{"condition":{"kind":"price","venue":"binance","symbol":"BTCUSDT","operator":"above","threshold":"1"},"fire_if_met":true}]"#;
const TRANSACTIONS: &str =
    "id,time,kind,account,sent_asset,sent_quantity,received_asset,received_quantity
a,2024-01-02T12:00:00Z,buy,x,EUR,100,BTC,1
";

/// Commands that print results in every way there is, and may be given again.
const LINES: &[&str] = &[
    "--help",
    "migrate",
    "doctor",
    "doctor --database",
    "models list",
    "models list --format json",
    "models show nothing",
    "jobs list",
    "jobs list --format json",
    "user invite",
    "outbox",
    "keys rotate",
    "audit verify",
    "audit export",
    "alerts evaluate @rules.json @trades.jsonl",
    "candles @trades.jsonl",
    "candles @trades.jsonl --format jsonl",
    "portfolio report @transactions.csv",
    "portfolio report @transactions.csv --format json",
    "portfolio import @trades.jsonl",
];

/// Its standard output when nobody reads what is written there.
fn unread() -> Stdio {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer.into()
}

pub(crate) fn a_reader_that_has_seen_enough_changes_no_status() {
    let (place, postgres) = (Place::new(), Postgres::start());
    let data_dir = place.path().join("data");
    place.file("trades.jsonl", format!("{TRADE}\n"));
    place.file("rules.json", RULES);
    place.file("transactions.csv", TRANSACTIONS);
    let prepared = |line: &str| -> Command {
        let mut command = command(&data_dir);
        for word in line.split_whitespace() {
            match word.strip_prefix('@') {
                Some(name) => command.arg(place.path().join(name)),
                None => command.arg(word),
            };
        }
        command.env("COINSPHERE_DATA_DIR", &data_dir);
        command.env("DATABASE_URL", postgres.url());
        command.stdin(Stdio::null());
        command
    };
    for line in LINES {
        let read: Output = prepared(line).output().unwrap();
        assert!(!complaint(&read).contains("panicked"), "{line}: {read:?}");
        let printed = !read.stdout.is_empty() || !read.stderr.is_empty();
        assert!(printed, "{line} prints nothing");

        let result = prepared(line).stdout(unread()).output().unwrap();
        assert_eq!(result.status, read.status, "{line}: {result:?}");
        let said = complaint(&result);
        assert!(!said.contains("panicked"), "{line}: {said}");
        assert!(!said.contains("Broken pipe"), "{line}: {said}");

        let neither = prepared(line).stdout(unread()).stderr(unread()).status();
        assert_eq!(neither.unwrap(), read.status, "{line}, with remarks unread");
    }

    fs::create_dir_all(&data_dir).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = prepared("models list").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = complaint(&output);
    assert!(
        said.starts_with("coinsphere: cannot write to standard output: "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}
