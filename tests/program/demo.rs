//! `coinsphere demo` as a new user meets it, and the refusals a user may run into.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use crate::support::bars::Bar;
use crate::support::program::{Program, complaint, ready, run};
use crate::support::series::Series;
use crate::support::{Place, eventually, http, now_ns};
use nix::sys::signal::Signal;
use tokio::time::Instant;

/// From starting the program to candles in its answers: ten seconds are promised of a release build on
/// a machine that does nothing else. A debug build runs next to other tests.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 90 } else { 10 });

const BITCOINS: [(&str, &str); 3] = [
    ("binance", "BTCUSDT"),
    ("coinbase", "BTC-USD"),
    ("kraken", "BTC/USD"),
];

/// Where the demo's own simulator is, as its newest message about it says.
fn simulator(program: &Program) -> SocketAddr {
    let log = program.log();
    let (_, rest) = log
        .rsplit_once("simulated market at http://")
        .expect("the simulator's address");
    let address = rest.split_whitespace().next().expect("an address");
    address.parse().expect("an address")
}

fn truth(
    simulator: SocketAddr,
    (venue, symbol): (&str, &str),
    from: i64,
    to: i64,
) -> Vec<serde_json::Value> {
    let symbol = symbol.replace('/', "%2F");
    let path = format!("/admin/candles?venue={venue}&symbol={symbol}&from={from}&to={to}");
    let answer = http::get(simulator, &path).expect("the venue's candles");
    answer["candles"].as_array().expect("a list").clone()
}

pub(crate) fn a_demo_lives_within_seconds_and_goes_on_after_a_stop() {
    let place = Place::new();
    let data_dir = place.path().join("d");
    let begun = Instant::now();
    let started = now_ns() / 1_000_000_000;
    let (program, address) = Program::serve(&data_dir, ["demo", "--rate", "300"]);
    for instrument in BITCOINS {
        eventually("there are live candles", SOON, || {
            let series = Series::read(address, instrument, "1m", started - 60)?;
            (!series.candles.is_empty())
                .then_some(())
                .ok_or("none".to_owned())
        });
    }
    let took = begun.elapsed();
    println!("live candles after {took:?}");
    assert!(took < SOON, "{took:?}");
    ready(address);

    let tokens = http::get(address, "/api/v1/tokens?limit=100").expect("tokens");
    let ids: BTreeSet<&str> = tokens["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|token| token["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids.len(), 31, "{ids:?}");
    let instruments = http::get(address, "/api/v1/instruments?limit=200").expect("instruments");
    assert_eq!(instruments["data"].as_array().map(Vec::len), Some(93));
    let history = http::get(
        address,
        "/api/v1/tokens/bitcoin/history?interval=5m&range=24h",
    );
    assert_eq!(history.expect("history")["instrument"]["symbol"], "BTCUSDT");

    // Another one next to it, which must not be disturbed.
    let other_dir = place.path().join("e");
    let (other, other_address) =
        Program::serve(&other_dir, ["demo", "--rate", "50", "--seed", "9"]);
    ready(other_address);

    let past = (started - 3_600, started - 3_000);
    let before = truth(simulator(&program), BITCOINS[0], past.0, past.1);
    assert!(!before.is_empty());
    let status = program.stop(Signal::SIGINT);
    assert_eq!(status.code(), Some(0), "Ctrl-C");

    let (program, address) = Program::serve(&data_dir, ["demo", "--rate", "300"]);
    ready(address);
    let market = simulator(&program);
    assert_eq!(
        truth(market, BITCOINS[0], past.0, past.1),
        before,
        "another market after a restart"
    );
    // The first whole minute after the restart.
    let whole = (now_ns() / 60_000_000_000 + 1) * 60;
    for instrument in BITCOINS {
        let (untouched, touched) =
            eventually("a whole minute is stored", Duration::from_secs(150), || {
                let series = Series::read(address, instrument, "1m", started - 60)?;
                let closed = series
                    .candles
                    .iter()
                    .any(|c| c.bar.open_time == whole && c.complete);
                if !closed {
                    return Err(format!("{instrument:?}: {series:?}"));
                }
                let minutes: Vec<i64> = series.candles.iter().map(|c| c.bar.open_time).collect();
                let wanted: Vec<i64> = (minutes[0]..=whole).step_by(60).collect();
                assert_eq!(minutes[..wanted.len()], wanted, "no minute is lost");
                series.check(
                    &truth(market, instrument, started - 60, whole + 60),
                    whole + 60,
                )
            });
        assert!(untouched >= 1 && touched >= 1, "{untouched} {touched}");
    }
    assert_eq!(
        Bar::of(&truth(market, BITCOINS[0], whole, whole + 60)[0]).open_time,
        whole
    );

    ready(other_address);
    assert_eq!(other.stop(Signal::SIGTERM).code(), Some(0));
    ready(address);
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}

pub(crate) fn a_port_in_use_is_said_at_once() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its number").to_string();
    let data_dir = place.path().join("d");
    let output = run(
        &data_dir,
        [
            "demo",
            "--listen",
            &address,
            "--data-dir",
            data_dir.to_str().expect("a path"),
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
    let said = complaint(&output);
    assert!(
        said.contains(&format!("cannot listen on {address}")),
        "{said}"
    );
    assert!(said.contains("--listen"), "{said}");
    assert!(!data_dir.join("pg").exists(), "nothing else was begun");
}

pub(crate) fn wrong_configuration_ends_with_status_2_and_is_named() {
    let place = Place::new();
    let data_dir = place.path().join("d");
    let dir = data_dir.to_str().expect("a path");
    let file = |name: &str, text: &str| place.file(name, text).display().to_string();
    let cases: [(Vec<String>, &[&str]); 5] = [
        (
            vec![
                "--config".into(),
                file("a.toml", "lisen = \"127.0.0.1:1\"\n"),
            ],
            &["lisen", "listen"],
        ),
        (
            vec![
                "--config".into(),
                file("b.toml", "[log]\nkind = \"kafka\"\n"),
            ],
            &["log.kind", "kafka", "embedded"],
        ),
        (
            vec![
                "--config".into(),
                file("c.toml", "[venues.bitmex]\nenabled = true\n"),
            ],
            &["bitmex", "kraken"],
        ),
        (
            vec![
                "--config".into(),
                place.path().join("none.toml").display().to_string(),
            ],
            &["none.toml"],
        ),
        (
            vec![
                "--config".into(),
                file("d.toml", "[accounts]\nregistration = \"opne\"\n"),
            ],
            &["accounts.registration", "opne", "open, invitation, closed"],
        ),
    ];
    for (arguments, wanted) in cases {
        let mut line = vec!["up".to_owned(), "--data-dir".to_owned(), dir.to_owned()];
        line.extend(arguments);
        let output = run(&data_dir, &line);
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(2), "{line:?}: {said}");
        for word in wanted {
            assert!(said.contains(word), "{word} is not in: {said}");
        }
    }
    let output = crate::support::program::command(&data_dir)
        .args(["up", "--data-dir", dir])
        .env("COINSPHERE_LOG_KIND", "embedded")
        .output()
        .expect("the program can be started");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        complaint(&output).contains("COINSPHERE_LOG__KIND"),
        "{}",
        complaint(&output)
    );
    assert!(!data_dir.exists(), "nothing was begun");
}
