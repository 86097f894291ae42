//! `coinsphere train`, `predict` and `models`, as a user types them, on files of candles made here.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::program::{complaint, run};
use serde_json::Value;
use tempfile::TempDir;

/// A training of a few seconds.
const SETTINGS: &str = r#"{"folds": 1, "lstm": {"layers": [8], "dropout": 0.0, "networks": 2, "threads": 1,
    "warm_epochs": 2, "training": {"window": 20, "stride": 10, "batch": 16, "epochs": 3,
    "supervise": {"every_step": {"warm_up": 4}}}}}"#;

/// A directory with a file of hourly candles, settings, and a place for models.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        fs::write(dir.path().join("settings.json"), SETTINGS).expect("writes");
        let place = Self(dir);
        place.candles("candles.csv", 500);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns that alternate, with an irregular rest: easy to forecast, not constant.
    fn candles(&self, name: &str, count: u32) {
        let mut text = "Time,Open,High,Low,Close,Volume\n".to_owned();
        let (mut close, mut state) = (100.0_f64, 12_345_u32);
        for hour in 0..count {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state >> 8) / f64::from(1 << 24) - 0.5;
            let swing = if hour % 2 == 0 { 0.01 } else { -0.01 };
            let open = close;
            close *= f64::exp(swing + 0.01 * noise);
            let time = 1_704_067_200 + 3_600 * u64::from(hour);
            let (high, low) = (open.max(close), open.min(close));
            writeln!(text, "{time},{open},{high},{low},{close},10").expect("into memory");
        }
        fs::write(self.path(name), text).expect("writes");
    }

    /// Runs a command with its files in this place.
    fn run(&self, line: &str) -> Output {
        let here = |word: &str| -> String {
            match word.strip_prefix('@') {
                Some(name) => self.path(name).display().to_string(),
                None => word.to_owned(),
            }
        };
        let words: Vec<String> = line.split_whitespace().map(here).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run(Path::new("/tmp/none"), words)
    }

    fn json(&self, line: &str) -> Value {
        let output = self.run(&format!("{line} --format json"));
        assert!(output.status.success(), "{line}: {}", complaint(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    fn train(&self, more: &str) -> Value {
        self.json(&format!(
            "train --candles @candles.csv --token bitcoin --interval 1h --horizons 1,3 \
             --settings @settings.json --models-dir @models {more}"
        ))
    }
}

const FORECAST: &str =
    "predict --candles @candles.csv --token bitcoin --interval 1h --models-dir @models";

pub(crate) fn a_model_is_trained_forecasts_and_is_replaced_and_brought_back() {
    let place = Place::new();
    let first = place.train("--chart @losses.svg");
    assert_eq!(first["promoted"], true);
    let card = &first["card"];
    assert_eq!(card["asset"], "bitcoin");
    assert_eq!(card["horizons"], serde_json::json!([1, 3]));
    assert_eq!(card["evaluation"][0]["has_skill"], true);
    assert_eq!(
        card["evaluation"][0]["models"].as_array().map(Vec::len),
        Some(6)
    );
    let picture = fs::read_to_string(place.path("losses.svg")).expect("a picture");
    assert!(picture.starts_with("<svg") && picture.contains("<path"));

    let forecast = place.json(FORECAST);
    assert_eq!(forecast["model"], first["id"]);
    let next = &forecast["forecasts"][0];
    assert_eq!(next["horizon"], 1);
    assert_eq!(next["has_skill"], true);
    assert_eq!(next["intervals"].as_array().map(Vec::len), Some(3));
    assert!(
        next["skill"]
            .as_str()
            .is_some_and(|text| text.contains("MASE"))
    );
    assert!(
        next["realised"]["forecasts"]
            .as_u64()
            .is_some_and(|count| count > 20)
    );

    // The same again is no better, so it is kept but does not serve.
    let second = place.train("");
    assert_eq!(second["promoted"], false);
    assert_eq!(place.json(FORECAST)["model"], first["id"]);
    let list = place.json("models list --models-dir @models");
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    let id = second["id"].as_str().expect("an id");
    let shown = place.json(&format!("models show {id} --models-dir @models"));
    assert_eq!(shown, second["card"]);
    place.json(&format!("models promote {id} --models-dir @models"));
    assert_eq!(place.json(FORECAST)["model"], second["id"]);
    let back = place.json("models rollback --token bitcoin --interval 1h --models-dir @models");
    assert_eq!(back["serves"], first["id"]);
    assert_eq!(place.json(FORECAST)["model"], first["id"]);

    let updated = place.train("--update --promote always");
    assert_eq!(updated["card"]["origin"]["from"], first["id"]);
    assert_eq!(place.json(FORECAST)["model"], updated["id"]);

    // Text says the same in words.
    let output = place.run(FORECAST);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("95 %") && text.contains("MASE"), "{text}");
}

pub(crate) fn a_damaged_model_is_named_and_the_one_before_serves() {
    let place = Place::new();
    let first = place.train("");
    let second = place.train("--seed 5 --promote always");
    let weights = place
        .path("models/bitcoin/1h/versions")
        .join(second["id"].as_str().expect("an id"))
        .join("weights.safetensors");
    let mut bytes = fs::read(&weights).expect("a file");
    bytes.truncate(bytes.len() - 100);
    fs::write(&weights, bytes).expect("writes");
    let output = place.run(&format!("{FORECAST} --format json"));
    assert!(output.status.success());
    assert!(
        complaint(&output).contains("checksum"),
        "{}",
        complaint(&output)
    );
    let forecast: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(forecast["model"], first["id"]);
}

pub(crate) fn what_cannot_be_trained_or_forecast_is_said() {
    let place = Place::new();
    place.candles("short.csv", 50);
    fs::write(place.path("empty.csv"), "").expect("writes");
    fs::write(place.path("bad.json"), "{\"folds\": \"many\"}").expect("writes");
    let train = "train --interval 1h --models-dir @models --settings @settings.json";
    for (line, wanted) in [
        (format!("{train} --candles @missing.csv"), "missing.csv"),
        (format!("{train} --candles @empty.csv"), "empty"),
        (format!("{train} --candles @short.csv"), "too few"),
        (
            format!("{train} --candles @candles.csv --horizons 0"),
            "horizons",
        ),
        (
            format!("{train} --candles @candles.csv --update"),
            "no serving version",
        ),
        (
            "train --interval 1h --models-dir @models --candles @candles.csv --settings @bad.json"
                .to_owned(),
            "bad.json",
        ),
        (FORECAST.to_owned(), "coinsphere train"),
        (
            "models show 20240101T000000000Z-1a2b3c4d --models-dir @models".to_owned(),
            "models list",
        ),
        (
            "models rollback --token bitcoin --interval 1h --models-dir @models".to_owned(),
            "rolled back",
        ),
    ] {
        let output = place.run(&line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(
            complaint(&output).contains(wanted),
            "{line}: {}",
            complaint(&output)
        );
        assert!(output.stdout.is_empty());
    }
}
