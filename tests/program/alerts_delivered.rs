//! SIGKILL at random moments while trades cross the thresholds of alerts that are sent to a webhook whose receiver
//! fails half of the time: each event is recorded once and delivered at least once, signed, with its own id.
#![allow(clippy::disallowed_methods, reason = "a test's own tasks end with it")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coinsphere::alerts::Decimal;
use coinsphere_simulator::Config;
use nix::sys::signal::Signal;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio_postgres::NoTls;

use crate::alerts_killed::{ask, create, rule, sign_in};
use crate::receiver::{Received, Server, answer};
use crate::support::postgres::Postgres;
use crate::support::program::{Program, ready};
use crate::support::venues::Venues;
use crate::support::{Place, eventually, seeded};

const SYMBOL: &str = "BTCUSDT";

const LEVELS: i64 = 16;

const KILLS: usize = 4;

/// Events that are waited for, so that the comparison is about something.
const ENOUGH: i64 = 40;

/// Attempts of a message that may fail.
const FAILURES: usize = 3;

const SOON: Duration = Duration::from_secs(90);

/// True if a request has the signature that the receiver's library makes.
fn is_signed(webhook: &Webhook, request: &Received) -> bool {
    let signed = webhook.sign(
        request.header("webhook-id"),
        request.header("webhook-timestamp").parse().unwrap(),
        &request.body,
    );
    signed.unwrap() == request.header("webhook-signature")
}

pub(crate) fn each_event_reaches_a_failing_receiver_whenever_the_program_is_killed() {
    let mut random = seeded();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = Place::new();
    let postgres = Postgres::start();
    let venues = Venues::start(Config {
        rate: 200.0,
        instruments: Some(vec![format!("binance:{SYMBOL}")]),
        ..Config::default()
    });

    // Half of the requests fail, but of a message no more than may fail.
    let luck = Mutex::new(rand::rngs::StdRng::from_rng(&mut random));
    let failed: Mutex<HashMap<String, usize>> = Mutex::default();
    let taken: Arc<Mutex<Vec<Received>>> = Arc::default();
    let took = Arc::clone(&taken);
    let receiver = runtime.block_on(Server::start(move |request| {
        let is_test = request.json()["type"] == "channel.test";
        let mut failed = failed.lock().unwrap();
        let failures = failed
            .entry(request.header("webhook-id").to_owned())
            .or_default();
        if !is_test && *failures < FAILURES && luck.lock().unwrap().random_bool(0.5) {
            *failures += 1;
            return answer(503, "");
        }
        took.lock().unwrap().push(request.clone());
        answer(204, "")
    }));
    let config = format!(
        "{}\n[notifications]\nallow_private = [\"{}\"]\n",
        venues.toml(&[("binance", &[SYMBOL])]),
        receiver.allowed()
    );
    let config = place.file("c.toml", config);
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

    // A webhook, verified by the code that it received.
    let channels = "/api/v1/notification-channels";
    let body =
        json!({"name": "hook", "kind": "webhook", "settings": {"url": receiver.url("/hook")}});
    let channel = ask(address, ("POST", channels), &token, &body);
    let path = format!("{channels}/{}", channel["id"].as_str().unwrap());
    let test = format!("{path}/test");
    let tested = ask(address, ("POST", &test), &token, &Value::Null);
    assert_eq!(tested["delivered"], true, "{tested}");
    let message = receiver.only().json();
    let text = message["data"]["body"].as_str().unwrap();
    let code: String = text.chars().filter(char::is_ascii_digit).collect();
    let verify = format!("{path}/verify");
    let verified = ask(address, ("POST", &verify), &token, &json!({"code": code}));
    assert_eq!(verified["state"], "active", "{verified}");

    let price = eventually("the instrument has a price", SOON, || {
        let probe = rule(SYMBOL, "below", Decimal::new(1, 8));
        let alert = create(address, &token, "probe", &probe);
        let path = format!("/api/v1/alerts/{}", alert["id"].as_str().unwrap());
        ask(address, ("DELETE", &path), &token, &Value::Null);
        let price = alert["armed_price"].as_str().ok_or("none yet")?;
        Ok(price.parse::<Decimal>().unwrap())
    });
    let mut alerts = Vec::new();
    for level in 0..LEVELS {
        let factor = Decimal::ONE + Decimal::new(level - LEVELS / 2, 4);
        let mut rule = rule(SYMBOL, "crosses", (price * factor).round_dp(6));
        rule["channels"] = json!([channel["id"]]);
        let alert = create(address, &token, &format!("level {level}"), &rule);
        alerts.push(alert["id"].as_str().unwrap().to_owned());
    }
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
    let count = |sql: &str| -> i64 {
        let row = runtime.block_on(client.query_one(sql, &[])).unwrap();
        row.get(0)
    };
    eventually("enough events are recorded", SOON, || {
        match count("SELECT count(*) FROM alert_events") {
            few if few < ENOUGH => Err(format!("{few} are")),
            _ => Ok(()),
        }
    });
    for alert in &alerts {
        let path = format!("/api/v1/alerts/{alert}/pause");
        ask(address, ("POST", &path), &token, &Value::Null);
    }
    // What failed twice would wait for minutes: that time has passed.
    let sooner = [
        "UPDATE deliveries SET next_attempt_at = least(next_attempt_at, now())",
        "UPDATE notification_channels SET next_at = now(), urgent_next_at = now()",
    ];
    eventually("all of it is delivered", SOON, || {
        // Each for itself: together they could wait for the program while it waits for them.
        for sooner in sooner {
            runtime.block_on(client.batch_execute(sooner)).unwrap();
        }
        match count("SELECT count(*) FROM deliveries WHERE state <> 'delivered'") {
            0 => Ok(()),
            some => Err(format!("{some} are not")),
        }
    });
    program.stop(Signal::SIGTERM);

    let ids = |table: &str| -> Vec<String> {
        let sql = format!("SELECT id::text FROM {table}");
        let rows = runtime.block_on(client.query(&sql, &[])).unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    };
    let events = ids("alert_events");
    let causes = "SELECT count(DISTINCT (alert_id, cause->>'trade_id')) FROM alert_events";
    let causes = count(causes);
    assert_eq!(usize::try_from(causes).unwrap(), events.len(), "each once");
    let events: BTreeSet<String> = events.into_iter().collect();
    let notifications = ids("notifications");
    assert_eq!(notifications.len(), events.len(), "each is said once");
    let webhook = Webhook::new(channel["secret"].as_str().unwrap()).unwrap();
    let mut received: BTreeMap<String, Value> = BTreeMap::new();
    let mut again = 0;
    for request in taken.lock().unwrap().iter() {
        assert!(is_signed(&webhook, request));
        let id = request.header("webhook-id").to_owned();
        let body = request.json();
        if body["type"] == "channel.test" {
            continue;
        }
        assert_eq!(body["data"]["id"], id.as_str());
        if let Some(before) = received.insert(id, body.clone()) {
            assert_eq!(before, body, "a repetition is the same message");
            again += 1;
        }
    }
    let received: BTreeSet<String> = received.into_keys().collect();
    assert_eq!(received, events, "by their ids, each event once");
    println!("{} events, {again} messages sent again", events.len());
}
