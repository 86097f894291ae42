//! Exports of venues and trackers, each with what it must become. Needs the examples: set
//! `COINSPHERE_MARKET_DATA` to the folder that holds them; without it every test here is reported as ignored.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use coinsphere_portfolios::imports::{ImportOptions, ImportOutcome, Imported, import};
use coinsphere_portfolios::transaction::{Transaction, parse_time};
use coinsphere_portfolios::{Decimal, Leg};
use libtest_mimic::{Arguments, Trial};
use serde_json::Value;

/// Check of an example.
type Check = fn(&Path, &Value);

fn main() {
    let folder = std::env::var_os("COINSPHERE_MARKET_DATA")
        .map(|data| PathBuf::from(data).join("portfolio"));
    let checks: [(&str, Check); 4] = [
        ("comes_out_as_expected", as_expected),
        ("imported_twice_adds_nothing", twice),
        ("does_not_mind_how_it_was_saved", saved_otherwise),
        ("cut_anywhere_is_refused_or_reads_less", cut),
    ];
    let mut trials = Vec::new();
    let examples = folder.as_deref().map(examples).unwrap_or_default();
    for (name, check) in checks {
        for file in &examples {
            let short = file
                .strip_prefix(folder.as_deref().unwrap())
                .unwrap()
                .display()
                .to_string();
            let file = file.clone();
            trials.push(Trial::test(format!("{name} {short}"), move || {
                let expected = std::fs::read_to_string(file.with_extension("expected.json"))?;
                check(&file, &serde_json::from_str(&expected)?);
                Ok(())
            }));
        }
        if folder.is_none() {
            let ignored = Trial::test(name, || Ok(()));
            trials.push(
                ignored
                    .with_kind("needs COINSPHERE_MARKET_DATA")
                    .with_ignored_flag(true),
            );
        }
    }
    if let Some(folder) = folder {
        assert!(
            examples.len() >= 20,
            "the examples are not in {}",
            folder.display()
        );
        trials.push(Trial::test(
            "two_reports_of_one_venue_never_double",
            move || {
                two_reports(&folder);
                Ok(())
            },
        ));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn examples(folder: &Path) -> Vec<PathBuf> {
    let inside = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect()
    };
    let mut files: Vec<PathBuf> = inside(folder)
        .iter()
        .flat_map(|folder| inside(folder))
        .filter(|file| file.extension().is_some_and(|end| end == "csv"))
        .collect();
    files.sort();
    files
}

/// By a name that says nothing.
fn read(file: &Path) -> ImportOutcome {
    let bytes = std::fs::read(file).unwrap();
    import(
        &[("export.csv".to_owned(), bytes)],
        &ImportOptions::default(),
    )
}

fn rows(value: &Value) -> BTreeSet<u64> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(numbers)
        .collect()
}

fn numbers(group: &Value) -> Vec<u64> {
    group["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| row.as_u64().unwrap())
        .collect()
}

fn as_expected(file: &Path, expected: &Value) {
    let outcome = read(file);
    let of_file = &outcome.files[0];
    assert_eq!(of_file.format, expected["format"]);
    let refused: Vec<_> = of_file
        .refused
        .iter()
        .map(|refusal| (refusal.row.unwrap(), &refusal.reason))
        .collect();
    let expected_refused: Vec<_> = expected["refused"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refusal| refusal["row"].as_u64().unwrap())
        .collect();
    assert_eq!(
        refused.iter().map(|(row, _)| *row).collect::<Vec<_>>(),
        expected_refused,
        "{refused:?}"
    );
    assert_eq!(
        outcome.is_accepted(),
        expected["commit"] == "accepted",
        "{refused:?}"
    );
    let flat = |groups: &[coinsphere_portfolios::imports::Rows]| -> BTreeSet<u64> {
        groups.iter().flat_map(|group| group.rows.clone()).collect()
    };
    assert_eq!(
        flat(&of_file.internal),
        rows(&expected["internal"]),
        "internal"
    );
    assert_eq!(
        flat(&of_file.ignored),
        rows(&expected["ignored"]),
        "ignored"
    );
    let read: Vec<Value> = outcome.transactions.iter().map(shown).collect();
    let wanted = expected["transactions"].as_array().unwrap();
    for (read, wanted) in read.iter().zip(wanted) {
        same(read, wanted);
    }
    assert_eq!(read.len(), wanted.len(), "{read:#?}");
    let net: BTreeMap<String, Decimal> = expected["net"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(asset, net)| (asset.clone(), net.as_str().unwrap().parse().unwrap()))
        .collect();
    assert_eq!(outcome.net, net);
    if let Some(currency) = expected["currency"].as_str() {
        assert_eq!(outcome.currency.as_deref(), Some(currency));
    }
    let printed = serde_json::to_value(&outcome).unwrap();
    assert_eq!(printed["commit"], expected["commit"]);
    assert_eq!(printed["format"], expected["format"]);
}

fn leg(leg: &Leg) -> Value {
    serde_json::json!({"asset": leg.asset, "quantity": leg.quantity.normalized().to_string()})
}

fn shown(imported: &Imported) -> Value {
    let Transaction {
        id,
        time,
        kind,
        account,
        to_account,
        sent,
        received,
        fees,
        value,
        tags,
        ..
    } = &imported.transaction;
    serde_json::json!({
        "id": id,
        "time": time.to_rfc3339(),
        "kind": kind,
        "account": account,
        "to_account": to_account,
        "sent": sent.as_ref().map(leg),
        "received": received.as_ref().map(leg),
        "fees": fees.iter().map(leg).collect::<Vec<_>>(),
        "value": value.map(|value| value.normalized().to_string()),
        "rows": imported.rows,
        "tags": tags,
        "flags": imported.flags,
    })
}

/// Everything that is expected is there, and nothing else but ids of rows without one, flags and tags.
fn same(read: &Value, wanted: &Value) {
    for name in [
        "kind",
        "account",
        "to_account",
        "sent",
        "received",
        "value",
        "rows",
    ] {
        assert_eq!(
            canonical(&read[name]),
            canonical(&wanted[name]),
            "{name} of {read}"
        );
    }
    assert_eq!(
        parse_time(read["time"].as_str().unwrap()),
        parse_time(wanted["time"].as_str().unwrap())
    );
    let fees = wanted
        .get("fees")
        .cloned()
        .unwrap_or_else(|| Value::Array(Vec::new()));
    assert_eq!(canonical(&read["fees"]), canonical(&fees), "fees of {read}");
    if let Some(id) = wanted.get("id") {
        assert_eq!(&read["id"], id);
    }
    for name in ["tags", "flags"] {
        for word in wanted
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            assert!(
                read[name].as_array().unwrap().contains(word),
                "{name} of {read}: {word}"
            );
        }
    }
}

/// Quantities compare as numbers.
fn canonical(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.parse::<Decimal>() {
            Ok(number) => Value::String(number.normalized().to_string()),
            Err(_) => value.clone(),
        },
        Value::Array(values) => Value::Array(values.iter().map(canonical).collect()),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), canonical(value)))
            .collect(),
        other => other.clone(),
    }
}

fn twice(file: &Path, _: &Value) {
    let bytes = std::fs::read(file).unwrap();
    let once = read(file);
    let both = [
        ("one.csv".to_owned(), bytes.clone()),
        ("two.csv".to_owned(), bytes.clone()),
    ];
    let together = import(&both, &ImportOptions::default());
    assert_eq!(together.net, once.net, "the same file twice in one import");
    let stored = once
        .transactions
        .iter()
        .map(|imported| imported.transaction.clone())
        .collect();
    let options = ImportOptions {
        known: stored,
        ..ImportOptions::default()
    };
    let again = import(&both[..1], &options);
    assert!(
        again.transactions.is_empty(),
        "after it is stored: {:#?}",
        again.transactions
    );
}

/// With other ends of line, empty lines, a byte-order mark, semicolons, and as UTF-16.
fn saved_otherwise(file: &Path, _: &Value) {
    let bytes = std::fs::read(file).unwrap();
    let text = String::from_utf8(bytes)
        .unwrap()
        .trim_start_matches('\u{feff}')
        .replace("\r\n", "\n");
    let expected = read(file);
    let transactions = |outcome: &ImportOutcome| -> Vec<Transaction> {
        outcome
            .transactions
            .iter()
            .map(|imported| imported.transaction.clone())
            .collect()
    };
    let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}"
            .encode_utf16()
            .chain(text.encode_utf16())
            .flat_map(unit)
            .collect()
    };
    for (how, bytes) in [
        ("CR LF", text.replace('\n', "\r\n").into_bytes()),
        ("byte-order mark", format!("\u{feff}{text}").into_bytes()),
        ("empty lines", text.replace('\n', "\n\n").into_bytes()),
        (
            "empty lines at the end",
            format!("{text}\n\r\n\n").into_bytes(),
        ),
        ("UTF-16, little end first", utf16(u16::to_le_bytes)),
        ("UTF-16, big end first", utf16(u16::to_be_bytes)),
        ("semicolons", semicolons(&text).into_bytes()),
    ] {
        let outcome = import(&[("x".to_owned(), bytes)], &ImportOptions::default());
        assert_eq!(outcome.files[0].format, expected.files[0].format, "{how}");
        assert_eq!(transactions(&outcome), transactions(&expected), "{how}");
        assert_eq!(outcome.is_accepted(), expected.is_accepted(), "{how}");
    }
}

/// As a spreadsheet in another language saves it; titles above the header stay as they are.
fn semicolons(text: &str) -> String {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .flexible(true)
        .from_writer(Vec::new());
    for record in reader.records() {
        writer.write_record(&record.unwrap()).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// A download that broke off: never a panic, never more than the whole file says.
fn cut(file: &Path, _: &Value) {
    let bytes = std::fs::read(file).unwrap();
    let whole = read(file);
    for end in (0..bytes.len()).step_by(13) {
        let outcome = import(
            &[("x".to_owned(), bytes[..end].to_vec())],
            &ImportOptions::default(),
        );
        assert!(
            outcome.transactions.len() <= whole.transactions.len() + 1,
            "cut at {end}"
        );
    }
}

fn two_reports(folder: &Path) {
    let file = |name: &str| (name.to_owned(), std::fs::read(folder.join(name)).unwrap());
    let net = |names: &[&str]| {
        let files: Vec<_> = names.iter().map(|name| file(name)).collect();
        let outcome = import(&files, &ImportOptions::default());
        (outcome.net.clone(), outcome.transactions.len())
    };
    for (account, fills) in [
        ("coinbase/pro_account.csv", "coinbase/pro_fills.csv"),
        ("kraken/ledgers_2021.csv", "kraken/trades.csv"),
    ] {
        let (_, alone) = net(&[account]);
        let (one_way, count) = net(&[account, fills]);
        let (other_way, other_count) = net(&[fills, account]);
        assert_eq!(
            count,
            alone + 1,
            "{fills} has one trade that {account} does not have"
        );
        assert_eq!((one_way, count), (other_way, other_count));
    }
}
