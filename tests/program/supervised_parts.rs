//! Each part of the running program panics once: it is started again, `/health` says so meanwhile, and
//! a session that was revoked elsewhere is refused throughout. The parts are those of `/health`: none
//! is forgotten.
//!
//! The programs run in this process, so that their parts can be reached, with their sockets, their
//! database, and Redis where it is installed.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::redis_server::{PASSWORD, RedisServer};
use crate::support::postgres::Postgres;
use crate::support::program::{metric, ready};
use crate::support::venues::Venues;
use crate::support::{Place, eventually, http};
use coinsphere::config::{Config, Flags, Profile, Role, Sources};
use coinsphere::telemetry::{describe, recorder};
use coinsphere_actors::supervision::{PartStatus, StatusRegistry};
use coinsphere_pipelines::clock::SystemClock;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Value, json};
use tokio::sync::oneshot;

const SOON: Duration = Duration::from_secs(60);

/// Parts that may have ended before they are to panic: they had something to do once.
const ENDS: &str = "accounts_setup";

/// A program in this process.
struct Running {
    address: SocketAddr,
    statuses: StatusRegistry,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn start(config: Config, metrics: PrometheusHandle) -> Self {
        let clock = SystemClock::shared();
        let statuses = StatusRegistry::new(clock.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let (address, of_program) = (config.listen, statuses.clone());
        #[allow(clippy::disallowed_methods, reason = "joined when this is dropped")]
        let thread = std::thread::spawn(move || {
            let runtime = || {
                let mut runtime = tokio::runtime::Builder::new_multi_thread();
                runtime.enable_all().build().unwrap()
            };
            let stop = async move { drop(stopped.await) };
            let run = coinsphere::app::serve::run(config, clock, metrics, of_program, stop);
            actix::System::with_tokio_rt(runtime).block_on(run).unwrap();
        });
        Self {
            address,
            statuses,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// The services of `/health`, ready or not.
    fn services(&self) -> Value {
        let answer = http::ask(self.address, "GET", "/health", "").unwrap();
        answer.json()["services"].clone()
    }

    fn parts(&self) -> BTreeSet<String> {
        let services = self.services();
        services.as_object().unwrap().keys().cloned().collect()
    }

    /// Number of restarts of the part by `/health`.
    fn restarts(&self, part: &str) -> u64 {
        let restarts = &self.services()[part]["state"]["restarts"];
        restarts.as_u64().unwrap()
    }

    /// Has a part panic, again where its delay was too short for `/health` to be asked meanwhile; each
    /// is longer. Answers how often it was.
    fn panics(&self, part: &str, meanwhile: impl Fn()) -> u64 {
        let before = self.restarts(part);
        loop {
            let known = self.restarts(part);
            self.statuses.faults().inject(part);
            eventually("it panicked", SOON, || {
                meanwhile();
                (self.restarts(part) > known)
                    .then_some(())
                    .ok_or("not yet".to_owned())
            });
            let service = self.services()[part].clone();
            if service["state"]["status"] == "backing_off" {
                assert_eq!(service["status"], "down", "{part}: {service}");
                let said = service["message"].as_str().unwrap_or_default();
                assert!(said.starts_with("panicked"), "{part}: {service}");
                return self.restarts(part) - before;
            }
        }
    }

    /// Waits until a part is again as it was, or well.
    fn works(&self, part: &str, was: &str, meanwhile: impl Fn()) {
        eventually("it works again", SOON, || {
            meanwhile();
            let service = self.services()[part].clone();
            let status = service["status"].as_str().unwrap_or_default();
            let works = status == "ok" || status == was || (part == ENDS && status == "off");
            works
                .then_some(())
                .ok_or_else(|| format!("{part}: {service}"))
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap();
        }
    }
}

/// An address of loopback that only this test uses, with a free port.
fn address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.83.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn configured(
    file: PathBuf,
    data_dir: PathBuf,
    roles: &[Role],
    variables: &[(&str, String)],
) -> Config {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).into(), value.into()));
    Config::load(&Sources {
        profile: Profile::Live,
        file: Some(file),
        variables: variables.collect(),
        flags: Flags {
            data_dir: Some(data_dir),
            listen: Some(address()),
            roles: Some(roles.to_vec()),
        },
    })
    .unwrap()
}

/// Sends JSON with a token; answers the status and the body.
fn send(address: SocketAddr, request: (&str, &str), token: &str, body: &Value) -> (u16, Value) {
    let (method, path) = request;
    let mut headers = String::from("content-type: application/json\r\n");
    if !token.is_empty() {
        headers += &format!("authorization: Bearer {token}\r\n");
    }
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let answer = http::ask_with(address, method, path, &headers, &body).unwrap();
    let body = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    (answer.status, body)
}

pub(crate) fn each_panics_once_and_lives_on() {
    // Another test of this process may have been first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let metrics = recorder().unwrap().install_recorder().unwrap();
    describe();
    let place = Place::new();
    let postgres = Postgres::start();
    let redis = RedisServer::is_installed().then(RedisServer::start);
    let venues = Venues::start(coinsphere_simulator::Config {
        rate: 20.0,
        instruments: Some(vec!["binance:BTCUSDT".to_owned()]),
        ..coinsphere_simulator::Config::default()
    });
    let file = place.file("c.toml", venues.toml(&[("binance", &["BTCUSDT"])]));
    let mut variables = vec![
        ("DATABASE_URL", postgres.url()),
        ("COINSPHERE_FORECASTS__TRAIN", "false".to_owned()),
        ("COINSPHERE_FORECASTS__LOAD_HISTORY", "false".to_owned()),
        ("COINSPHERE_LIMITS__ANONYMOUS", "1000000".to_owned()),
        ("COINSPHERE_LIMITS__AUTHENTICATION", "1000000".to_owned()),
        ("COINSPHERE_LIMITS__STRICT", "1000000".to_owned()),
        (
            "COINSPHERE_ACCOUNTS__KEYS_DIR",
            place.path().join("keys").display().to_string(),
        ),
    ];
    if let Some(redis) = &redis {
        variables.push(("REDIS_URL", redis.url()));
        variables.push(("REDIS_PASSWORD", PASSWORD.to_owned()));
    }
    let start = |name: &str, roles: &[Role]| {
        let config = configured(file.clone(), place.path().join(name), roles, &variables);
        let running = Running::start(config, metrics.clone());
        ready(running.address);
        running
    };
    let builder = start("a", &Role::ALL);
    let api = start("b", &[Role::Api]);

    let who = json!({"email": "ada@example.org", "password": "a quiet river at dawn"});
    let register = ("POST", "/api/v1/auth/register");
    let (status, said) = send(builder.address, register, "", &who);
    assert_eq!(status, 201, "{said}");
    let me = ("GET", "/api/v1/auth/me");
    let log_in = || {
        let (status, said) = send(builder.address, ("POST", "/api/v1/auth/login"), "", &who);
        assert_eq!(status, 200, "{said}");
        said["access_token"].as_str().unwrap().to_owned()
    };
    let is_refused = |token: &str| {
        for program in [&builder, &api] {
            let (status, said) = send(program.address, me, token, &Value::Null);
            assert_eq!(status, 401, "{said}");
        }
    };
    // Long since revoked, by either process.
    let revoked = log_in();
    let (status, said) = send(
        api.address,
        ("POST", "/api/v1/auth/logout"),
        &revoked,
        &Value::Null,
    );
    assert_eq!(status, 204, "{said}");
    eventually("all have heard of it", SOON, || {
        let (status, said) = send(builder.address, me, &revoked, &Value::Null);
        (status == 401).then_some(()).ok_or(said.to_string())
    });

    let mut seen = BTreeSet::new();
    for program in [&builder, &api] {
        for part in program.parts() {
            if part == ENDS && program.statuses.snapshot()[&part].status == PartStatus::Stopped {
                continue;
            }
            let was = program.services()[&part]["status"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(was == "ok" || was == "degraded", "{part}: {was}");
            let panicked = program.panics(&part, || is_refused(&revoked));
            program.works(&part, &was, || is_refused(&revoked));
            let labels = [format!("part=\"{part}\"")];
            let labels: Vec<_> = labels.iter().map(String::as_str).collect();
            let counted = metric(program.address, "coinsphere_part_restarts_total", &labels);
            assert!(
                counted >= panicked as f64,
                "{part}: {counted} of {panicked}"
            );
            seen.insert(part);
        }
        // Whatever has panicked, it is heard of what is revoked from now on.
        let token = log_in();
        let (status, said) = send(program.address, me, &token, &Value::Null);
        assert_eq!(status, 200, "{said}");
        let elsewhere = if program.address == api.address {
            &builder
        } else {
            &api
        };
        let (status, said) = send(
            elsewhere.address,
            ("POST", "/api/v1/auth/logout"),
            &token,
            &Value::Null,
        );
        assert_eq!(status, 204, "{said}");
        eventually("it heard of it", SOON, || {
            let (status, said) = send(program.address, me, &token, &Value::Null);
            (status == 401).then_some(()).ok_or(said.to_string())
        });
    }
    println!("{} parts have panicked: {seen:?}", seen.len());
    let mut expected = vec![
        "accounts_cleanup",
        "accounts_outbox",
        "accounts_revocations",
        "accounts_signing_keys",
        "additions",
        "audit_forgetting",
        "audit_log",
        "candles_0",
        "catalog",
        "database",
        "event_log",
        "feed_binance",
        "jobs",
        "metrics_upkeep",
        "predictor",
        "push",
        "store",
        "trainer",
    ];
    if redis.is_some() {
        expected.extend(["relay_forecasts", "relay_market", "shared_state"]);
    }
    for part in expected {
        assert!(seen.contains(part), "no {part} on /health");
    }
    // Trades still become candles that are stored and shown.
    let trades = metric(builder.address, "coinsphere_candles_trades_total", &[]);
    eventually("trades go on", SOON, || {
        let now = metric(builder.address, "coinsphere_candles_trades_total", &[]);
        (now > trades).then_some(()).ok_or(format!("{now}"))
    });
}
