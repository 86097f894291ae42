//! SIGKILL at random moments while trades cross the thresholds of alerts: each event is recorded once, and they
//! are those that the package's evaluator finds in the trades of the event log.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use coinsphere::alerts::evaluator::Limits;
use coinsphere::alerts::{
    Cause, Decimal, Evaluator, EventTime, Instrument, Outcome, Rule, RuleId, Tick,
};
use coinsphere_pipelines::clock::SystemClock;
use coinsphere_pipelines::events::Body;
use coinsphere_pipelines::log::{EmbeddedConfig, EmbeddedLog, EventLog as _, Offset};
use coinsphere_simulator::Config;
use nix::sys::signal::Signal;
use rand::RngExt as _;
use serde_json::{Value, json};
use tokio_postgres::NoTls;

use crate::support::postgres::Postgres;
use crate::support::program::{Program, command, complaint, ready};
use crate::support::venues::Venues;
use crate::support::{Place, eventually, http, now_ns, seeded};

const PASSWORD: &str = "correct horse battery staple";

const SYMBOLS: [&str; 2] = ["BTCUSDT", "ETHUSDT"];

/// Thresholds an instrument.
const LEVELS: i64 = 24;

const KILLS: usize = 4;

/// Events that are waited for, so that the comparison is about something.
const ENOUGH: i64 = 60;

const SOON: Duration = Duration::from_secs(60);

pub(crate) fn ask(address: SocketAddr, line: (&str, &str), token: &str, body: &Value) -> Value {
    let (method, path) = line;
    let headers = format!("content-type: application/json\r\nauthorization: Bearer {token}\r\n");
    let answer = http::ask_with(address, method, path, &headers, &body.to_string()).unwrap();
    assert!(answer.status < 300, "{line:?}: {answer:?}");
    match answer.body.is_empty() {
        true => Value::Null,
        false => answer.json(),
    }
}

pub(crate) fn rule(symbol: &str, operator: &str, threshold: Decimal) -> Value {
    json!({"condition": {"kind": "price", "venue": "binance", "symbol": symbol, "operator": operator,
            "threshold": threshold.normalize().to_string()},
        "repeat": "always", "cooldown_seconds": 0, "hysteresis": "0"})
}

pub(crate) fn create(address: SocketAddr, token: &str, name: &str, rule: &Value) -> Value {
    let mut body = rule.clone();
    body["name"] = json!(name);
    ask(address, ("POST", "/api/v1/alerts"), token, &body)
}

/// A user who is verified, and their token.
pub(crate) fn sign_in(
    data_dir: &std::path::Path,
    postgres: &Postgres,
    address: SocketAddr,
) -> String {
    let mut user = command(data_dir)
        .args([
            "user",
            "create",
            "--email",
            "ada@example.org",
            "--password-stdin",
        ])
        .args(["--data-dir", data_dir.to_str().unwrap()])
        .env("DATABASE_URL", postgres.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(user.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let made = user.wait_with_output().unwrap();
    assert!(made.status.success(), "{}", complaint(&made));
    let body = json!({"email": "ada@example.org", "password": PASSWORD});
    let pair = ask(address, ("POST", "/api/v1/auth/login"), "none", &body);
    pair["access_token"].as_str().unwrap().to_owned()
}

/// An event that is expected.
struct Expected {
    key: (String, u64),
    received: i64,
    /// The program has said that it has judged the record.
    judged: bool,
}

/// Events of the package's evaluator over every trade of the log once; `judged` are the offsets stored for its
/// partitions.
fn expected(
    dir: &std::path::Path,
    rules: &[(String, Value)],
    judged: &HashMap<u32, u64>,
) -> Vec<Expected> {
    let mut evaluator = Evaluator::new(Limits::default());
    let mut out = Outcome::default();
    for (number, (_, rule)) in rules.iter().enumerate() {
        let rule = Rule::from_json(rule.clone()).unwrap();
        let id = RuleId::of(number as u128);
        evaluator.arm(id, 1, &rule, None, &mut out).unwrap();
    }
    let log = EmbeddedLog::open(EmbeddedConfig::at(dir), SystemClock::shared()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut found = Vec::new();
    let mut seen: HashSet<(String, u64)> = HashSet::new();
    for partition in 0..log.partitions() {
        let mut next = Offset(0);
        loop {
            let records = runtime.block_on(log.read(partition, next, 1_000)).unwrap();
            let Some((last, _)) = records.last() else {
                break;
            };
            next = Offset(last.0 + 1);
            for (offset, record) in &records {
                let Body::Trades(batches) = &record.body else {
                    continue;
                };
                for batch in batches {
                    let symbol = batch.symbol.as_str();
                    for trade in &batch.trades {
                        if !seen.insert((symbol.to_owned(), trade.id.0)) {
                            continue;
                        }
                        let tick = Tick {
                            id: trade.id.0,
                            time: EventTime(trade.time.nanos()),
                            price: trade.price.get(),
                            quantity: trade.quantity.get(),
                        };
                        evaluator.trade(&Instrument::new("binance", symbol), &tick, &mut out);
                        found.extend(out.firings.drain(..).map(|firing| {
                            let Cause::Trade { trade_id, .. } = firing.cause else {
                                panic!("not a trade: {firing:?}");
                            };
                            let rule = &rules[firing.rule.number() as usize].0;
                            Expected {
                                key: (rule.clone(), trade_id),
                                received: record.received_at.nanos(),
                                judged: judged.get(&partition).is_some_and(|next| offset.0 < *next),
                            }
                        }));
                    }
                }
            }
        }
    }
    runtime.block_on(log.close()).unwrap();
    found
}

pub(crate) fn each_event_is_recorded_once_whenever_the_program_is_killed() {
    let mut random = seeded();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place::new();
    let postgres = Postgres::start();
    let venues = Venues::start(Config {
        rate: 400.0,
        instruments: Some(SYMBOLS.map(|symbol| format!("binance:{symbol}")).to_vec()),
        ..Config::default()
    });
    let config = place.file("c.toml", venues.toml(&[("binance", &SYMBOLS)]));
    let data_dir = place.path().join("data");
    let serve = || {
        let arguments = ["up", "--config", config.to_str().unwrap()];
        Program::serve_with(&data_dir, arguments, |command| {
            command.env("DATABASE_URL", postgres.url());
        })
    };
    let (mut program, mut address) = serve();
    ready(address);
    let token = sign_in(&data_dir, &postgres, address);
    let mut rules = Vec::new();
    let mut prices = HashMap::new();
    for symbol in SYMBOLS {
        // What is armed knows the price.
        let price = eventually("the instrument has a price", SOON, || {
            let probe = rule(symbol, "below", Decimal::new(1, 8));
            let alert = create(address, &token, "probe", &probe);
            let path = format!("/api/v1/alerts/{}", alert["id"].as_str().unwrap());
            ask(address, ("DELETE", &path), &token, &Value::Null);
            let price = alert["armed_price"].as_str().ok_or("none yet")?;
            Ok(price.parse::<Decimal>().unwrap())
        });
        prices.insert(symbol, price);
    }
    for symbol in SYMBOLS {
        for level in 0..LEVELS {
            let factor = Decimal::ONE + Decimal::new(level - LEVELS / 2, 4);
            let rule = rule(symbol, "crosses", (prices[symbol] * factor).round_dp(6));
            let alert = create(address, &token, &format!("{symbol} {level}"), &rule);
            rules.push((alert["id"].as_str().unwrap().to_owned(), rule));
        }
    }
    let answered_at = now_ns();
    for _ in 0..KILLS {
        std::thread::sleep(Duration::from_millis(random.random_range(300..2_500)));
        program.crash();
        (program, address) = serve();
        ready(address);
    }
    let (client, connection) = runtime
        .block_on(tokio_postgres::connect(&postgres.url(), NoTls))
        .unwrap();
    runtime.spawn(connection);
    eventually("enough events are recorded", SOON, || {
        let sql = "SELECT count(*) FROM alert_events";
        let row = runtime.block_on(client.query_one(sql, &[])).unwrap();
        let count: i64 = row.get(0);
        if count < ENOUGH {
            return Err(format!("{count} are"));
        }
        Ok(())
    });
    program.stop(Signal::SIGTERM);
    drop(venues);

    let sql = "SELECT alert_id::text, (cause->>'trade_id')::bigint FROM alert_events";
    let rows = runtime.block_on(client.query(sql, &[])).unwrap();
    let found: Vec<(String, u64)> = rows
        .iter()
        .map(|row| (row.get(0), row.get::<_, i64>(1).cast_unsigned()))
        .collect();
    let recorded: BTreeSet<(String, u64)> = found.iter().cloned().collect();
    assert_eq!(recorded.len(), found.len(), "each once");
    let sql = "SELECT partition, next_offset FROM alert_offsets";
    let rows = runtime.block_on(client.query(sql, &[])).unwrap();
    let judged = rows.iter().map(|row| {
        let (partition, next): (i32, i64) = (row.get(0), row.get(1));
        (partition.cast_unsigned(), next.cast_unsigned())
    });
    let expected = expected(&data_dir.join("log"), &rules, &judged.collect());
    let all: BTreeSet<(String, u64)> = expected.iter().map(|event| event.key.clone()).collect();
    let since: BTreeSet<(String, u64)> = expected
        .into_iter()
        .filter(|event| event.judged && event.received >= answered_at)
        .map(|event| event.key)
        .collect();
    assert!(since.len() > 20, "crossings: {}", since.len());
    let missing: Vec<_> = since.difference(&recorded).take(5).collect();
    let more: Vec<_> = recorded.difference(&all).take(5).collect();
    assert!(
        missing.is_empty() && more.is_empty(),
        "missing {missing:?}, more {more:?}, of {}",
        since.len()
    );
}
