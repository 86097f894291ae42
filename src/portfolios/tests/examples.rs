//! Worked examples of tax authorities and other tools, and a random history with the results of an
//! independent calculator. They are in a folder of their own: set `COINSPHERE_MARKET_DATA` to the folder
//! that holds them; without it these tests are reported as ignored.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use coinsphere_portfolios::files::{read_csv, read_json, write_csv, write_json};
use coinsphere_portfolios::performance::{link_daily, max_drawdown, modified_dietz, risk, xirr};
use coinsphere_portfolios::report::{Report, ReportOptions, report};
use coinsphere_portfolios::{Decimal, Method, Money, Scope, TransactionFile};
use flate2::read::GzDecoder;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

fn main() {
    let folder = std::env::var_os("COINSPHERE_MARKET_DATA").map(PathBuf::from);
    let mut trials = Vec::new();
    match folder.map(|folder| folder.join("portfolio")) {
        Some(folder) => {
            for path in json_files(&folder.join("worked-examples"), ".json") {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                trials.push(Trial::test(name, move || {
                    worked_example(&path);
                    Ok(())
                }));
            }
            for path in json_files(&folder, ".reference.json") {
                let reference = parse(&fs::read(&path).unwrap());
                for name in reference["by_method"].as_object().unwrap().keys() {
                    let (folder, reference, name) =
                        (folder.clone(), reference.clone(), name.clone());
                    let file = reference["file"].as_str().unwrap();
                    trials.push(Trial::test(format!("{file} {name}"), move || {
                        history(&folder, &reference, &name);
                        Ok(())
                    }));
                }
            }
        }
        None => {
            trials.push(
                Trial::test("worked_examples", || Err(Failed::from("no folder")))
                    .with_kind("needs COINSPHERE_MARKET_DATA")
                    .with_ignored_flag(true),
            );
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn json_files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(end))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no files in {}", folder.display());
    paths
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

fn decimal(value: &Value) -> Decimal {
    let text = value.as_str().unwrap();
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A report's own JSON, which is what its readers see.
fn json(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()
}

/// Equal, or within the tolerance.
fn same(what: &str, found: &Value, expected: &Value, tolerance: Decimal) {
    let apart = decimal(found).checked_sub(decimal(expected)).unwrap().abs();
    assert!(apart <= tolerance, "{what}: {found} instead of {expected}");
}

fn round_trip(file: &TransactionFile) {
    let again = read_json(write_json(file).as_bytes()).unwrap();
    assert_eq!(&again, file);
    let table = write_csv(&file.transactions);
    assert_eq!(read_csv(table.as_bytes()).unwrap(), file.transactions);
}

fn worked_example(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let example = parse(&bytes);
    let tolerance = match &example["tolerance"] {
        Value::Null => Decimal::ZERO,
        given => decimal(given),
    };
    if example["method"] == "performance" {
        return performance(&example, tolerance);
    }
    let file = read_json(&bytes).unwrap();
    round_trip(&file);
    let mut options = ReportOptions::new(example["method"].as_str().unwrap().parse().unwrap());
    if example["scope"] == "account" {
        options.scope = Scope::Account;
    }
    let found = json(&report(&file, &options).unwrap());
    let expected = &example["expected"];
    let lists = |name: &str| {
        let of = |value: &Value| value[name].as_array().unwrap().clone();
        let (found, expected) = (of(&found), of(expected));
        assert_eq!(found.len(), expected.len(), "{name}: {found:#?}");
        found.into_iter().zip(expected)
    };
    for (found, expected) in lists("disposals") {
        assert_eq!(found["date"], expected["date"]);
        assert_eq!(found["asset"], expected["asset"]);
        for figure in ["quantity", "proceeds", "basis", "gain"] {
            same(figure, &found[figure], &expected[figure], tolerance);
        }
        if let Some(expected) = expected["lots"].as_array() {
            let found = found["lots"].as_array().unwrap();
            assert_eq!(found.len(), expected.len(), "{found:#?}");
            for (found, expected) in found.iter().zip(expected) {
                assert_eq!(found["lot"], expected["lot"]);
                same(
                    "quantity",
                    &found["quantity"],
                    &expected["quantity"],
                    tolerance,
                );
                same("basis", &found["basis"], &expected["basis"], tolerance);
            }
        }
    }
    for (found, expected) in lists("remaining") {
        assert_eq!(found["asset"], expected["asset"]);
        for figure in ["quantity", "basis"] {
            same(figure, &found[figure], &expected[figure], tolerance);
        }
    }
    for (theirs, ours) in [("total_gain", "realized"), ("income", "income")] {
        if !expected[theirs].is_null() {
            same(theirs, &found[ours], &expected[theirs], tolerance);
        }
    }
    let flagged: Vec<_> = found["flags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| flag["transaction"].clone())
        .collect();
    let expected = expected["flags"].as_array().cloned().unwrap_or_default();
    assert_eq!(flagged, expected, "{:#?}", found["flags"]);
}

fn numbers(value: &Value) -> Vec<f64> {
    let of = |value: &Value| value.as_str().unwrap().parse().unwrap();
    value.as_array().unwrap().iter().map(of).collect()
}

fn days(value: &Value) -> Vec<(i32, f64)> {
    use chrono::Datelike;
    let pairs = value.as_array().unwrap().iter();
    pairs
        .map(|pair| {
            let day = match &pair[0] {
                Value::String(date) => date
                    .parse::<chrono::NaiveDate>()
                    .unwrap()
                    .num_days_from_ce(),
                number => i32::try_from(number.as_i64().unwrap()).unwrap(),
            };
            (day, pair[1].as_str().unwrap().parse().unwrap())
        })
        .collect()
}

fn performance(example: &Value, tolerance: Decimal) {
    let inputs = &example["inputs"];
    let near = |what: &str, found: f64, expected: &Value| {
        let expected: f64 = expected.as_str().unwrap().parse().unwrap();
        let tolerance = tolerance.to_f64().max(1e-12);
        assert!(
            (found - expected).abs() <= tolerance,
            "{what}: {found} instead of {expected}"
        );
    };
    for (figure, expected) in example["expected"].as_object().unwrap() {
        match figure.as_str() {
            "modified_dietz" => {
                let number = |name: &str| decimal(&inputs[name]).to_f64();
                let flows: Vec<_> = days(&inputs["dated_flows"])
                    .into_iter()
                    .map(|(day, flow)| (f64::from(day), flow))
                    .collect();
                let days = inputs["days"].as_f64().unwrap();
                let found = modified_dietz(number("start"), number("end"), &flows, days);
                near(figure, found.unwrap(), expected);
            }
            "max_drawdown" => {
                let index: Vec<f64> = inputs["index"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|pair| pair[1].as_str().unwrap().parse().unwrap())
                    .collect();
                near(figure, max_drawdown(&index), expected);
            }
            "hhi" => {
                let found = risk::concentration(&numbers(&inputs["weights"])).unwrap();
                near(figure, found, expected);
            }
            "var" | "es" => {
                let level = decimal(&inputs["level"]).to_f64();
                let (value, mean) = risk::tail(&numbers(&inputs["returns"]), level).unwrap();
                near(figure, if figure == "var" { value } else { mean }, expected);
            }
            "twr" => {
                let values = inputs["values"].as_array().unwrap();
                let number = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
                // The first value is what the range begins with.
                let of: Vec<_> = values.iter().map(|pair| Some(number(&pair[1]))).collect();
                let mut flows: Vec<_> = values
                    .iter()
                    .map(|pair| {
                        let flow = &inputs["flows"][pair[0].as_str().unwrap()];
                        Some(if flow.is_null() { 0.0 } else { number(flow) })
                    })
                    .collect();
                flows[0] = of[0];
                near(figure, link_daily(&of, &flows).twr().unwrap(), expected);
            }
            "xirr" => {
                let found = xirr(&days(&inputs["cash_flows"]));
                match expected {
                    Value::Null => assert!(found.rate.is_err(), "{found:?}"),
                    expected => near(figure, found.rate.unwrap(), expected),
                }
            }
            "xirr_roots" => {
                let found = xirr(&days(&inputs["cash_flows"])).roots;
                let expected = expected.as_array().unwrap();
                assert_eq!(found.len(), expected.len(), "{found:?}");
                for (found, expected) in found.into_iter().zip(expected) {
                    near(figure, found, expected);
                }
            }
            other => panic!("nothing checks {other}"),
        }
    }
}

fn history(folder: &Path, reference: &Value, name: &str) {
    let path = folder.join(reference["file"].as_str().unwrap());
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap())
        .read_to_end(&mut bytes)
        .unwrap();
    let file = read_json(&bytes).unwrap();
    round_trip(&file);
    let (method, scope) = name.split_once('/').unwrap();
    let mut options = ReportOptions::new(method.parse::<Method>().unwrap());
    if scope == "account" {
        options.scope = Scope::Account;
    }
    let found = json(&report(&file, &options).unwrap());
    let expected = &reference["by_method"][name];
    assert_eq!(found["valued_on"], reference["valued_on"]);
    for figure in ["value", "net_invested", "holdings", "unpriced"] {
        assert_eq!(found[figure], reference[figure], "{figure}");
    }
    for figure in ["realized", "unrealized", "income", "fees"] {
        assert_eq!(found[figure], expected[figure], "{figure}");
    }
    let count = |name: &str| found[name].as_array().unwrap().len() as u64;
    assert_eq!(count("disposals"), expected["disposals"].as_u64().unwrap());
    assert_eq!(count("flags"), expected["flags"].as_u64().unwrap());
    let remaining = expected["remaining"].as_array().unwrap();
    assert_eq!(count("remaining"), remaining.len() as u64);
    for (found, expected) in found["remaining"].as_array().unwrap().iter().zip(remaining) {
        for (member, expected) in expected.as_object().unwrap() {
            assert_eq!(&found[member], expected, "{member} of {found}");
        }
    }
    let near = |ours: &str, theirs: &str| {
        let of = |value: &Value| value.as_str().unwrap().parse::<f64>().unwrap();
        let (found, expected) = (
            of(&found["performance"][ours]),
            of(&reference["performance"][theirs]),
        );
        assert!(
            (found - expected).abs() < 1e-9,
            "{ours}: {found} instead of {expected}"
        );
    };
    near("twr", "twr_daily_flows_at_start");
    near("xirr", "xirr");
    near("max_drawdown", "max_drawdown");
    assert_eq!(
        found["performance"]["days_left_out"],
        reference["performance"]["days_left_out"]
    );
    let figure = |name: &str| Money::from(decimal(&found[name]));
    let explained =
        figure("net_invested") + figure("realized") + figure("unrealized") + figure("income")
            - figure("transfer_fees");
    assert_eq!(figure("value"), explained);
}
