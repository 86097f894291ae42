//! Durable jobs in the running program: one whose program is killed is done by the next start, and
//! admins see and cancel jobs over HTTP and on the command line.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use coinsphere_pipelines::market::Timestamp;
use serde_json::{Value, json};

use crate::support::http::{ask_with, get};
use crate::support::program::{Program, complaint, ready, run};
use crate::support::{Place, eventually, now_ns};

/// A training on a machine that compiles something else too, after the lease of the worker that is gone.
const DONE: Duration = Duration::from_secs(300);
/// Time for anything that needs no training.
const SOON: Duration = Duration::from_secs(90);

/// Time that a training of one of these demos takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Training {
    Short,
    /// Longer than anybody waits.
    Endless,
}

/// A demo that trains nothing by itself.
fn start(data_dir: &Path, training: Training) -> (Program, SocketAddr) {
    let (layers, networks, epochs, folds) = match training {
        Training::Short => ("8", "2", "1", "1"),
        Training::Endless => ("64", "16", "1000", "20"),
    };
    Program::serve_with(data_dir, ["demo", "--rate", "50"], |command| {
        for (name, value) in [
            ("TOKENS", "bitcoin"),
            ("LOAD_HISTORY", "true"),
            ("HOURLY_CANDLES", "2000"),
            ("DAILY_CANDLES", "400"),
            ("FOLDS", folds),
            ("LAYERS", layers),
            ("NETWORKS", networks),
            ("EPOCHS", epochs),
        ] {
            command.env(format!("COINSPHERE_FORECASTS__{name}"), value);
        }
    })
}

/// Waits until there is something to train on.
fn history_loaded(address: SocketAddr) {
    eventually("the history is loaded", SOON, || {
        let health = get(address, "/health")?;
        let state = &health["services"]["history"]["state"]["detail"];
        let loaded = state["loading"].is_null() && state["candles"].as_u64() >= Some(2_000);
        loaded.then_some(()).ok_or(health.to_string())
    });
}

struct Admin {
    address: SocketAddr,
    token: String,
}

impl Admin {
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, String> {
        let mut headers = format!("authorization: Bearer {}\r\n", self.token);
        if !body.is_empty() {
            headers += "content-type: application/json\r\n";
        }
        let answer = ask_with(self.address, method, path, &headers, body)?;
        if answer.status >= 300 {
            return Err(format!(
                "{method} {path}: {} {}",
                answer.status, answer.body
            ));
        }
        Ok(answer.json())
    }

    /// Asks for a training of this interval, and answers the job's id.
    fn train(&self, interval: &str) -> String {
        let body = format!(r#"{{"token":"bitcoin","interval":"{interval}"}}"#);
        eventually("a training is asked for", SOON, || {
            self.ask("POST", "/api/v1/models/train", &body)
        });
        let jobs = self
            .ask("GET", "/api/v1/admin/jobs?limit=1", "")
            .expect("jobs");
        let job = &jobs["data"][0];
        assert_eq!(job["kind"], "forecasts.train");
        let series = job["arguments"]["series"].as_str().expect("a series");
        assert!(series.contains(interval), "{job}");
        job["id"].as_str().expect("an id").to_owned()
    }

    /// The job, once it is in this state.
    fn job(&self, id: &str, state: &str, within: Duration) -> Value {
        eventually(&format!("the job is {state}"), within, || {
            let job = self.ask("GET", &format!("/api/v1/admin/jobs/{id}"), "")?;
            (job["state"] == state)
                .then(|| job.clone())
                .ok_or(job.to_string())
        })
    }
}

pub(crate) fn a_job_outlives_the_program_that_has_it() {
    let place = Place::new();
    let data_dir = place.path().join("d");
    let (program, address) = start(&data_dir, Training::Endless);
    ready(address);
    history_loaded(address);
    let token = std::fs::read_to_string(data_dir.join("admin-token")).expect("the token");
    let admin = Admin { address, token };
    let id = admin.train("1d");
    let running = admin.job(&id, "running", SOON);
    assert_eq!(running["attempts"], 1);
    program.crash();

    let (program, address) = start(&data_dir, Training::Short);
    ready(address);
    let admin = Admin { address, ..admin };
    let done = admin.job(&id, "done", DONE);
    assert_eq!(done["attempts"], 2, "{done}");
    assert!(done["finished_at"].is_string(), "{done}");
    let models = admin.ask("GET", "/api/v1/models?token=bitcoin&interval=1d", "");
    assert_eq!(
        models.expect("models")["data"].as_array().map(Vec::len),
        Some(1)
    );
    drop(program);
}

pub(crate) fn jobs_are_listed_and_cancelled_by_command() {
    let place = Place::new();
    let data_dir = place.path().join("d");
    let directory = data_dir.to_str().expect("a path");
    let (program, address) = start(&data_dir, Training::Endless);
    ready(address);
    history_loaded(address);
    let token = std::fs::read_to_string(data_dir.join("admin-token")).expect("the token");
    let admin = Admin { address, token };
    let command = |arguments: &[&str]| {
        let all = [&["jobs"], arguments, &["--data-dir", directory]].concat();
        run(&data_dir, all)
    };
    let said = |arguments: &[&str]| {
        let output = command(arguments);
        assert!(output.status.success(), "{}", complaint(&output));
        String::from_utf8(output.stdout).expect("text")
    };
    assert!(said(&["list"]).contains("there are no such jobs"));
    // The longer series first: it must still run when it is cancelled.
    let (first, second) = (admin.train("1h"), admin.train("1d"));
    admin.job(&first, "running", SOON);
    let list = said(&["list"]);
    assert!(list.contains(&first) && list.contains(&second), "{list}");
    let waiting: Value =
        serde_json::from_str(&said(&["list", "--state", "waiting", "--format", "json"]))
            .expect("JSON");
    assert_eq!(waiting.as_array().map(Vec::len), Some(1));
    assert_eq!(waiting[0]["id"], Value::from(second.as_str()));

    // One that waits ends at once, one that runs soon after.
    assert!(said(&["cancel", &second]).contains("cancelled"));
    assert!(said(&["cancel", &first]).contains("to be cancelled"));
    admin.job(&first, "cancelled", SOON);
    let shown: Value =
        serde_json::from_str(&said(&["show", &second, "--format", "json"])).expect("JSON");
    let over_http = admin.job(&second, "cancelled", SOON);
    assert_eq!(shown["arguments"], over_http["arguments"]);
    for (arguments, why) in [
        (["cancel", second.as_str()], "has ended already: cancelled"),
        (
            ["show", "0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60"],
            "there is no job 0190a3c8-f7d2-4b1f-8a6b-2f0c9d4e5f60",
        ),
    ] {
        let output = command(&arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(complaint(&output).contains(why), "{}", complaint(&output));
    }
    assert_eq!(command(&["show", "7"]).status.code(), Some(2));
    drop(program);
}

pub(crate) fn history_is_loaded_by_a_job() {
    let place = Place::new();
    let data_dir = place.path().join("d");
    let (program, address) = start(&data_dir, Training::Short);
    ready(address);
    let token = std::fs::read_to_string(data_dir.join("admin-token")).expect("the token");
    let admin = Admin { address, token };
    let midnight = now_ns().div_euclid(86_400_000_000_000) * 86_400;
    let day = |back: i64| {
        let time = Timestamp::from_seconds(midnight - back * 86_400);
        time.expect("a time").to_string()
    };
    let (from, to) = (day(2), day(1));
    let order = |instrument: &str| json!({"venue": "binance", "instruments": [instrument], "interval": "1m", "from": from, "to": to});
    let ask = |body: &Value| {
        let body = body.to_string();
        let asked = || admin.ask("POST", "/api/v1/admin/backfills", &body);
        let job = eventually("a backfill is asked for", SOON, asked);
        assert_eq!(job["kind"], "market.backfill", "{job}");
        job["id"].as_str().expect("an id").to_owned()
    };
    let job = admin.job(&ask(&order("BTCUSDT")), "done", SOON);
    let progress = job["progress"].as_str().unwrap_or_default();
    assert!(progress.contains("1440 of 1440 candles"), "{job}");
    let path =
        format!("/api/v1/instruments/binance/BTCUSDT/candles?from={from}&to={to}&limit=5000");
    let candles = admin.ask("GET", &path, "").expect("candles");
    let candles = candles["data"].as_array().expect("an array").clone();
    assert_eq!(candles.len(), 1_440);
    assert!(candles.iter().all(|it| it["complete"] == true));

    // Once more, nothing changes; what the venue does not have is said.
    admin.job(&ask(&order("BTCUSDT")), "done", SOON);
    let again = admin.ask("GET", &path, "").expect("candles");
    assert_eq!(again["data"].as_array(), Some(&candles));
    let failed = admin.job(&ask(&order("NONEUSDT")), "failed", SOON);
    let why = failed["last_error"].as_str().unwrap_or_default();
    assert!(why.contains("NONEUSDT"), "{failed}");
    let wrong = json!({"venue": "bourse", "instruments": [], "interval": "2m", "from": "soon"});
    let refused = admin.ask("POST", "/api/v1/admin/backfills", &wrong.to_string());
    let refused = refused.expect_err("it is wrong in every field");
    for field in ["venue", "instruments", "interval", "from"] {
        assert!(
            refused.contains(&format!("\"{field}\"")),
            "{field}: {refused}"
        );
    }
    drop(program);
}
