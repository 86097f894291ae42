//! Forecasts in the running demo: history, models, what is served, and what becomes of it when the
//! program dies, a file breaks, or somebody without the right asks.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::http::{ask_with, get};
use crate::support::program::{Program, ready};
use crate::support::{Place, eventually};
use nix::sys::signal::Signal;
use serde_json::Value;

/// Models on a machine that compiles something else too.
const TRAINED: Duration = Duration::from_secs(300);
/// A model that is there serves within this.
const SERVED: Duration = Duration::from_secs(60);

/// Small enough to train within seconds in a debug build.
fn small(command: &mut Command) {
    for (name, value) in [
        ("TOKENS", "bitcoin"),
        ("LOAD_HISTORY", "true"),
        ("TRAIN", "true"),
        ("HOURLY_CANDLES", "2000"),
        ("DAILY_CANDLES", "400"),
        ("FOLDS", "1"),
        ("LAYERS", "8"),
        ("NETWORKS", "2"),
        ("EPOCHS", "2"),
    ] {
        command.env(format!("COINSPHERE_FORECASTS__{name}"), value);
    }
}

fn start(data_dir: &Path) -> (Program, SocketAddr) {
    Program::serve_with(data_dir, ["demo", "--rate", "50"], small)
}

/// The newest forecasts, once there are some by a model that `wanted` accepts.
fn forecasts(
    address: SocketAddr,
    interval: &str,
    within: Duration,
    wanted: impl Fn(&str) -> bool,
) -> Value {
    eventually("there are forecasts", within, || {
        let answer = get(
            address,
            &format!("/api/v1/predictions/bitcoin?interval={interval}"),
        )?;
        let model = answer["data"][0]["model"].as_str().ok_or("none")?;
        if wanted(model) {
            Ok(answer.clone())
        } else {
            Err(format!("by {model}"))
        }
    })
}

fn models(address: SocketAddr, interval: &str) -> Vec<Value> {
    let list = get(address, &format!("/api/v1/models?interval={interval}")).expect("models");
    list["data"].as_array().expect("a list").clone()
}

fn id(model: &Value) -> String {
    model["id"].as_str().expect("an id").to_owned()
}

fn post(address: SocketAddr, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
    let header = token.map_or(String::new(), |token| {
        format!("authorization: Bearer {token}\r\n")
    });
    let answer = ask_with(address, "POST", path, &header, body).expect("an answer");
    (answer.status, answer.json())
}

/// A part in `/health`.
fn part(address: SocketAddr, name: &str) -> Value {
    let answer = crate::support::http::ask(address, "GET", "/health", "").expect("health");
    answer.json()["services"][name].clone()
}

/// Memory that `demo` may use once its models are trained.
const AT_REST: u64 = 200_000_000;

/// As many models of the same size as `demo` trains, each from one pass over its candles: that is when
/// a training needs most.
pub(crate) fn what_training_used_is_given_back() {
    let place = Place::new();
    let arguments = ["demo", "--rate", "50"];
    let (program, address) = Program::serve_with(&place.path().join("d"), arguments, |command| {
        for (name, value) in [
            ("LOAD_HISTORY", "true"),
            ("TRAIN", "true"),
            ("FOLDS", "1"),
            ("EPOCHS", "1"),
        ] {
            command.env(format!("COINSPHERE_FORECASTS__{name}"), value);
        }
    });
    ready(address);
    eventually("six models are trained", TRAINED, || {
        let list = get(address, "/api/v1/models")?;
        let trained = list["data"].as_array().ok_or("no list")?.len();
        (trained == 6).then_some(()).ok_or(format!("{trained}"))
    });
    eventually("memory is given back", SERVED, || {
        let used = program.memory();
        let message = format!("{} MB resident", used / 1_000_000);
        (1..=AT_REST)
            .contains(&used)
            .then(|| println!("{message}"))
            .ok_or(message)
    });
}

pub(crate) fn models_are_trained_serve_and_survive() {
    let place = Place::new();
    let data_dir = place.path().join("d");
    let (program, address) = start(&data_dir);
    ready(address);

    // Trained in the background, from history that was loaded.
    let hourly = forecasts(address, "1h", TRAINED, |_| true);
    let daily = forecasts(address, "1d", TRAINED, |_| true);
    let horizons = |answer: &Value| -> Vec<String> {
        let data = answer["data"].as_array().expect("a list");
        data.iter()
            .map(|f| f["horizon"].as_str().expect("a horizon").to_owned())
            .collect()
    };
    assert_eq!(horizons(&hourly), ["1h", "24h", "7d"]);
    assert_eq!(horizons(&daily), ["24h", "7d"]);
    assert_eq!(hourly["instrument"], "binance:BTCUSDT");
    for forecast in hourly["data"].as_array().expect("a list") {
        let number = |value: &Value| {
            value
                .as_str()
                .expect("a decimal")
                .parse::<f64>()
                .expect("a number")
        };
        let price = number(&forecast["price"]);
        let levels: Vec<&Value> = forecast["intervals"]
            .as_array()
            .expect("a list")
            .iter()
            .collect();
        assert_eq!(levels.len(), 3, "{forecast}");
        for level in levels {
            assert!(number(&level["low"]) < number(&level["high"]), "{forecast}");
        }
        assert!(price > 0.0);
        let skill = &forecast["skill"];
        assert!(skill["has_skill"].is_boolean(), "{forecast}");
        assert!(!skill["statement"].as_str().expect("a sentence").is_empty());
        assert!(skill["evaluation"]["mase"]["low"].is_number(), "{forecast}");
    }
    let first_hourly = hourly["data"][0]["model"]
        .as_str()
        .expect("a model")
        .to_owned();
    let older = daily["data"][0]["model"]
        .as_str()
        .expect("a model")
        .to_owned();
    let shown = part(address, "predictor");
    assert_eq!(shown["status"], "ok", "{shown}");
    assert_eq!(
        shown["state"]["detail"]["series"]["bitcoin/1h"]["model"],
        first_hourly.as_str()
    );

    // Only administrators change what serves.
    let promote = format!("/api/v1/models/{older}/promote");
    assert_eq!(post(address, &promote, None, "").0, 401);
    assert_eq!(
        post(address, &promote, Some("not-the-token-of-anybody"), "").0,
        401
    );
    let file = data_dir.join("admin-token");
    let mode = std::fs::metadata(&file)
        .expect("the token's file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = std::fs::read_to_string(&file).expect("the token");
    assert_eq!(post(address, &promote, Some(&token), "").0, 200);
    assert_eq!(post(address, "/api/v1/models/train", None, "").0, 401);

    // Another version of the daily model, trained on request, is made to serve.
    let (status, queued) = post(
        address,
        "/api/v1/models/train",
        Some(&token),
        r#"{"token":"bitcoin","interval":"1d"}"#,
    );
    assert_eq!(
        (status, &queued["queued"][0]),
        (202, &Value::from("bitcoin/1d"))
    );
    let newer = eventually("a second version is there", TRAINED, || {
        let newest = models(address, "1d").first().map(id);
        newest
            .filter(|newest| *newest != older)
            .ok_or_else(|| "not yet".to_owned())
    });
    let (status, promoted) = post(
        address,
        &format!("/api/v1/models/{newer}/promote"),
        Some(&token),
        "",
    );
    assert_eq!((status, &promoted["serves"]), (200, &Value::from(true)));
    forecasts(address, "1d", SERVED, |model| model == newer);

    // Killed while it trains: what serves is there again at once, from the stored state.
    let asked = |program: &Program| program.log().matches("reason=Request").count();
    let before = asked(&program);
    post(
        address,
        "/api/v1/models/train",
        Some(&token),
        r#"{"interval":"1h"}"#,
    );
    eventually("training begins", SERVED, || {
        (asked(&program) > before)
            .then_some(())
            .ok_or_else(|| "not yet".to_owned())
    });
    program.crash();
    let (program, address) = start(&data_dir);
    ready(address);
    let again = forecasts(address, "1d", SERVED, |model| model == newer);
    assert_eq!(horizons(&again), ["24h", "7d"]);
    let hourly = models(address, "1h");
    assert!(
        hourly.iter().all(|model| model["error"].is_null()),
        "{hourly:?}"
    );
    assert!(
        hourly.iter().any(|model| model["serves"] == true),
        "{hourly:?}"
    );
    eventually("the daily model is loaded", SERVED, || {
        let shown = part(address, "predictor");
        let model = &shown["state"]["detail"]["series"]["bitcoin/1d"]["model"];
        (*model == newer.as_str())
            .then_some(())
            .ok_or_else(|| shown.to_string())
    });
    let log = program.log();
    let (_, since) = log.rsplit_once("--- started").expect("a start");
    let resumed = since.lines().filter(|line| line.contains("a model serves"));
    for line in resumed {
        assert!(line.contains("resumed=true"), "{line}");
    }
    assert!(
        !since.contains("reason=First") && !since.contains("reason=Schedule"),
        "trained again"
    );
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));

    // A broken file: the version before serves, and that is said.
    let weights = data_dir.join(format!(
        "models/bitcoin/1d/versions/{newer}/weights.safetensors"
    ));
    let mut bytes = std::fs::read(&weights).expect("the weights");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&weights, bytes).expect("broken");
    let (program, address) = start(&data_dir);
    ready(address);
    forecasts(address, "1d", SERVED, |model| model == older);
    let shown = part(address, "predictor");
    assert_eq!(shown["status"], "degraded", "{shown}");
    assert!(
        shown["message"].as_str().expect("words").contains(&newer),
        "{shown}"
    );
    let listed = models(address, "1d");
    let broken = listed
        .iter()
        .find(|model| id(model) == newer)
        .expect("still listed");
    assert!(broken["error"].is_string(), "{broken}");
    let (status, _) = post(
        address,
        &format!("/api/v1/models/{newer}/promote"),
        Some(&token),
        "",
    );
    assert_eq!(status, 409);
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}
