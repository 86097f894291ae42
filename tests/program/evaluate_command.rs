//! `coinsphere evaluate`: its report, what it says of a file's faults, and that its intervals hold what
//! they promise on recorded candles. That last needs recordings: set `COINSPHERE_MARKET_DATA` to the
//! folder that holds them.

use std::path::Path;
use std::process::Output;

use crate::support::program::{complaint, run};
use crate::support::recordings::gzipped;
use crate::support::{Place, seeded};
use rand::seq::SliceRandom;
use rand::{RngExt, rngs::StdRng};
use serde_json::Value;

const MODELS: [&str; 6] = [
    "lstm",
    "persistence",
    "drift",
    "ridge",
    "elastic_net",
    "auto_ets",
];

fn evaluate(file: &Path, more: &[&str]) -> Output {
    let file = file.to_str().expect("a path");
    run(
        Path::new("/tmp/none"),
        [&["evaluate", "--candles", file], more].concat(),
    )
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", complaint(output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn number(model: &Value, field: &str) -> f64 {
    model[field]
        .as_f64()
        .unwrap_or_else(|| panic!("{field} of {model}"))
}

fn check(report: &Value) {
    let models = report["models"].as_array().expect("models");
    let names: Vec<&str> = models.iter().filter_map(|m| m["model"].as_str()).collect();
    assert_eq!(names, MODELS);
    for model in models {
        let forecasts = number(model, "forecasts");
        assert!(forecasts > 0.0);
        assert!((0.0..=1.0).contains(&number(model, "directional_accuracy")));
    }
    assert_eq!(number(&models[1], "mase"), 1.0);
    assert_eq!(number(&models[1], "directional_accuracy"), 0.5);
    assert_eq!(models[1]["has_skill"], false);
}

/// Within 2 points of the promise, or twice its standard error.
fn check_coverage(report: &Value) {
    for model in report["models"].as_array().expect("models") {
        let forecasts = number(model, "forecasts");
        for (field, level) in [
            ("coverage_50", 0.5_f64),
            ("coverage_80", 0.8),
            ("coverage_95", 0.95),
        ] {
            let error = (level * (1.0 - level) / forecasts).sqrt();
            let off = (number(model, field) - level).abs();
            assert!(off <= (2.0 * error).max(0.02), "{field} of {model}");
        }
    }
}

/// Daily candles of a random walk, a line each.
fn lines(rng: &mut StdRng, days: i64) -> Vec<String> {
    let mut price = 100.0_f64;
    (0..days)
        .map(|day| {
            let open = price;
            price *= 1.0 + rng.random_range(-0.03..0.03);
            let (high, low) = (open.max(price) * 1.01, open.min(price) * 0.99);
            let volume = rng.random_range(10..100);
            format!(
                "{},{open},{high},{low},{price},{volume}",
                1_600_000_000 + day * 86_400
            )
        })
        .collect()
}

fn file(lines: &[String]) -> String {
    format!(
        "Timestamp,Open,High,Low,Close,Volume\n{}\n",
        lines.join("\n")
    )
}

pub(crate) fn intervals_hold_what_they_promise_on_recorded_candles(folder: &Path) {
    let candles = folder.join("ohlcv/sol_usd_1d_to_2023.csv.gz");
    for horizon in ["1", "7"] {
        let output = evaluate(&candles, &["--horizon", horizon, "--format", "json"]);
        let report = json(&output);
        check(&report);
        check_coverage(&report);
    }
}

pub(crate) fn the_report_has_every_model_and_the_seed_decides_it() {
    let mut rng = seeded();
    let place = Place::new();
    let text = file(&lines(&mut rng, 300));
    let (plain, packed) = (
        place.file("a.csv", &text),
        place.file("b.csv.gz", gzipped(&text)),
    );
    let arguments = [
        "--interval",
        "1d",
        "--horizon",
        "1",
        "--seed",
        "3",
        "--format",
        "json",
    ];
    let first = json(&evaluate(&plain, &arguments));
    check(&first);
    assert_eq!(first, json(&evaluate(&packed, &arguments)));

    let table = evaluate(&plain, &["--seed", "3"]);
    assert!(table.status.success(), "{}", complaint(&table));
    let table = String::from_utf8(table.stdout).expect("text");
    for model in first["models"].as_array().expect("models") {
        let line = table
            .lines()
            .find(|line| line.split_whitespace().next() == model["model"].as_str())
            .unwrap_or_else(|| panic!("{model} in {table}"));
        assert!(
            line.contains(&format!("{:.4}", number(model, "mase"))),
            "{line}"
        );
    }
}

pub(crate) fn disorder_changes_nothing_and_is_reported() {
    let mut rng = seeded();
    let place = Place::new();
    let mut lines = lines(&mut rng, 260);
    let clean = json(&evaluate(
        &place.file("a.csv", file(&lines)),
        &["--format", "json"],
    ));
    let again = lines[17].clone();
    lines.push(again);
    lines.shuffle(&mut rng);
    let output = evaluate(&place.file("b.csv", file(&lines)), &["--format", "json"]);
    assert_eq!(json(&output), clean);
    for remark in ["rows out of order: sorted", "1 duplicates"] {
        assert!(
            complaint(&output).contains(remark),
            "{}",
            complaint(&output)
        );
    }
}

pub(crate) fn what_cannot_be_evaluated_is_named() {
    let mut rng = seeded();
    let place = Place::new();
    let lines = lines(&mut rng, 200);
    let mut infinite = lines.clone();
    infinite[50] = infinite[50].replace(',', ",inf,");
    let constant: Vec<String> = (0..200_i64)
        .map(|day| format!("{},5,5,5,5,1", day * 86_400))
        .collect();
    for (name, text, wanted) in [
        ("empty.csv", String::new(), "the file is empty"),
        ("header.csv", file(&[]), "there are no candles"),
        ("short.csv", file(&lines[..20]), "20 candles are too few"),
        (
            "constant.csv",
            file(&constant),
            "there is nothing to forecast",
        ),
        ("infinite.csv", file(&infinite), "line 52 is inf"),
        (
            "column.csv",
            file(&lines).replace("Close", "Last"),
            "no column is called close",
        ),
        (
            "prose.csv",
            "It was the best of times\n".to_owned(),
            "no column is called",
        ),
    ] {
        let output = evaluate(&place.file(name, text), &[]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(output.stdout.is_empty(), "{name}");
        let said = complaint(&output);
        assert!(
            said.contains(wanted) && said.contains(name),
            "{name}: {said}"
        );
    }
    let candles = place.file("daily.csv", file(&lines));
    let hourly = evaluate(&candles, &["--interval", "1h"]);
    assert!(
        complaint(&hourly).contains("86400 s apart"),
        "{}",
        complaint(&hourly)
    );
    let far = evaluate(&candles, &["--horizon", "90"]);
    assert!(
        complaint(&far).contains("too few to evaluate"),
        "{}",
        complaint(&far)
    );
    assert_eq!(
        evaluate(&candles, &["--horizon", "0"]).status.code(),
        Some(2)
    );
}
