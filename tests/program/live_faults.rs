//! A live feed under crashes, a full disk and everything a venue can do wrong: minutes that are not
//! touched equal the venue's own, minutes that are touched are incomplete, and gaps name every id that
//! is missing. The venues' clock runs fast, so that a minute takes seconds.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::program::{Program, metric, ready};
use crate::support::series::Series;
use crate::support::venues::{FastClock, Venues};
use crate::support::{Place, eventually, ignored};
use coinsphere_simulator::Config;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

/// Factor by which the venues' minutes pass faster.
const FACTOR: i64 = 6;
/// Time by which stored data may lag behind.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time by which an outage's gap may be longer than it, in the venues' seconds: for trades not durable yet when the
/// process is killed, and the time between being live and being seen to be.
const OUTAGE_SLACK: i64 = 15;

const LISTEN_TO: [(&str, &[&str]); 3] = [
    ("binance", &["BTCUSDT", "ETHUSDT"]),
    ("coinbase", &["BTC-USD", "ETH-USD"]),
    ("kraken", &["BTC/USD", "ETH/USD"]),
];

fn instruments() -> impl Iterator<Item = (&'static str, &'static str)> {
    LISTEN_TO
        .into_iter()
        .flat_map(|(venue, symbols)| symbols.iter().map(move |symbol| (venue, *symbol)))
}

/// The test of a full disk, which needs one.
pub(crate) fn full_disk() -> Trial {
    let name = "live_faults::a_full_disk_is_a_gap_and_no_end";
    match Mount::new(Place::new().path()) {
        Ok(_) => Trial::test(name, || {
            a_full_disk_is_a_gap_and_no_end();
            Ok(())
        }),
        // The log's own tests fill a disk by injection.
        Err(reason) => ignored(name, &format!("cannot mount a tmpfs: {reason}")),
    }
}

fn market(faults: &[&str]) -> Venues {
    let config = Config {
        rate: 60.0,
        steady: true,
        instruments: Some(vec!["BTC".to_owned(), "ETH".to_owned()]),
        faults: faults.iter().map(|f| f.parse().expect("a fault")).collect(),
        ..Config::default()
    };
    Venues::start_with(config, FastClock::new(FACTOR))
}

fn start(place: &Place, venues: &Venues) -> (Program, SocketAddr) {
    let config = place.file("c.toml", venues.toml(&LISTEN_TO));
    Program::serve(
        &place.path().join("d"),
        ["up", "--config", config.to_str().expect("a path")],
    )
}

/// Waits for the whole minutes that follow, and answers the end of the last.
fn whole_minutes(venues: &Venues, minutes: i64) -> i64 {
    let end = (venues.now() / 60 + 1 + minutes) * 60;
    venues.wait_until(end + 3);
    end
}

/// Checks every instrument up to `until`, and that enough minutes were and were not touched. Answers
/// how many were not, of all instruments.
fn check(
    address: SocketAddr,
    venues: &Venues,
    (begun, until): (i64, i64),
    (untouched, touched): (usize, usize),
) -> usize {
    let mut equal = 0;
    for instrument in instruments() {
        let truth = venues.candles(instrument, begun - 600, until);
        let counts = eventually("what is stored is right", PATIENCE, || {
            let series = Series::read(address, instrument, "1m", begun - 600)?;
            let counts = series
                .check(&truth, until)
                .map_err(|why| format!("{instrument:?}: {why}"))?;
            if counts.0 < untouched || counts.1 < touched {
                return Err(format!(
                    "{instrument:?}: {counts:?} minutes; gaps {:?}",
                    series.gaps
                ));
            }
            Ok(counts)
        });
        println!(
            "{instrument:?}: {} minutes equal, {} touched",
            counts.0, counts.1
        );
        equal += counts.0;
    }
    equal
}

pub(crate) fn a_refused_subscription_is_degraded() {
    let place = Place::new();
    let venues = market(&[]);
    let listen: [(&str, &[&str]); 2] = [
        ("binance", &["BTCUSDT"]),
        ("coinbase", &["BTC-USD", "NOSUCH-USD"]),
    ];
    let config = place.file("c.toml", venues.toml(&listen));
    let (program, address) = Program::serve(
        &place.path().join("d"),
        ["up", "--config", config.to_str().expect("a path")],
    );
    eventually("health names what was refused", PATIENCE, || {
        let health = crate::support::http::ask(address, "GET", "/health", "")?.json();
        let (other, feed) = (
            &health["services"]["feed_binance"],
            &health["services"]["feed_coinbase"],
        );
        let message = feed["message"].as_str().unwrap_or_default();
        let said = message.contains("the venue refused NOSUCH-USD")
            && message.contains("NOSUCH-USD is not a valid product");
        (said && feed["status"] == "degraded" && other["status"] == "ok")
            .then_some(())
            .ok_or(health.to_string())
    });
    drop(program);
}

pub(crate) fn killed_and_started_again() {
    let place = Place::new();
    let venues = market(&[]);
    let (program, address) = start(&place, &venues);
    ready(address);
    let begun = venues.now();
    whole_minutes(&venues, 2);
    // In the middle of a minute.
    venues.wait_until(venues.now() / 60 * 60 + 20);
    let mut outages = vec![venues.now()];
    program.crash();
    std::thread::sleep(Duration::from_secs(2));
    let (program, address) = start(&place, &venues);
    ready(address);
    outages.push(venues.now());
    whole_minutes(&venues, 2);
    outages.push(venues.now());
    program.crash();
    let (program, address) = start(&place, &venues);
    ready(address);
    outages.push(venues.now());
    let until = whole_minutes(&venues, 2);
    // At least one for each of the two crashes; a slow start touches more, and so does the minute it
    // began in, unless nothing traded there before.
    check(address, &venues, (begun, until), (3, 2));
    let mut named = 0;
    for instrument in instruments() {
        let series = Series::read(address, instrument, "1m", begun - 600).expect("candles");
        let gaps: Vec<_> = series
            .gaps
            .iter()
            .filter(|gap| gap.reason == "disconnect")
            .collect();
        assert_eq!(gaps.len(), 2, "{instrument:?}: {gaps:?}");
        // No more is given up than was away.
        for (gap, outage) in gaps.iter().zip(outages.chunks(2)) {
            let earliest = (outage[0] - OUTAGE_SLACK) * 1_000_000_000;
            let latest = (outage[1] + OUTAGE_SLACK) * 1_000_000_000;
            assert!(
                gap.from >= earliest && gap.to <= latest,
                "{instrument:?}: {gap:?} is not within {outage:?}"
            );
        }
        named += series.missing_ids().len();
    }
    assert!(named > 10, "{named} ids named as missing");
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}

pub(crate) fn venues_that_drop_repeat_reorder_and_garble() {
    let place = Place::new();
    let venues = market(&[
        "drop:p=0.0005,seed=3",
        "duplicate:p=0.02,seed=4",
        "reorder:p=0.02,window=5,seed=5",
        "malform:p=0.0003,seed=6",
        "truncate:p=0.0003,seed=7",
    ]);
    let (program, address) = start(&place, &venues);
    ready(address);
    let begun = venues.now();
    let until = whole_minutes(&venues, 6);
    // How many are touched is a matter of chance; `check` knows which.
    let equal = check(address, &venues, (begun, until), (0, 1));
    assert!(equal >= 5, "{equal} minutes equal in all");
    let (mut lost, mut garbled, mut twice) = (0, 0, 0);
    for instrument in instruments() {
        let series = Series::read(address, instrument, "1m", begun - 600).expect("candles");
        let dropped = venues.struck("dropped", instrument);
        let mangled = venues.struck("mangled", instrument);
        // From the second minute to the last one looked at, exactly those.
        let second = series.candles[1].bar.open_time;
        let truth = venues.candles(instrument, second, until);
        let id = |row: Option<&serde_json::Value>, name: &str| {
            row.and_then(|row| row[name].as_u64()).expect("an id")
        };
        let ids = id(truth.first(), "first_id")..=id(truth.last(), "last_id");
        let missing: BTreeSet<u64> = series.missing_ids().range(ids.clone()).copied().collect();
        let struck = dropped.iter().chain(&mangled).copied();
        let struck: BTreeSet<u64> = struck.filter(|id| ids.contains(id)).collect();
        assert_eq!(missing, struck, "{instrument:?}");
        assert!(
            series
                .gaps
                .iter()
                .all(|gap| ["late_start", "missing_trades"].contains(&gap.reason.as_str())),
            "{instrument:?}: {:?}",
            series.gaps
        );
        lost += dropped.len();
        garbled += mangled.len();
        twice += venues.struck("duplicated", instrument).len();
    }
    println!("{lost} dropped, {garbled} garbled, {twice} sent twice");
    assert!(lost > 0 && garbled > 0 && twice > 0);
    // On these two venues a frame is a trade.
    venues.heal();
    for (venue, symbols) in &LISTEN_TO[..2] {
        eventually("every bad frame is counted", PATIENCE, || {
            let label = format!("venue=\"{venue}\"");
            let counted = metric(address, "coinsphere_feed_decode_errors_total", &[&label]);
            let mangled = symbols
                .iter()
                .map(|symbol| venues.struck("mangled", (venue, symbol)).len());
            let mangled: usize = mangled.sum();
            // One that was also sent twice is counted twice.
            if counted >= mangled as f64 {
                return Ok(());
            }
            Err(format!("{venue}: {counted} counted of {mangled}"))
        });
    }
    let connects = metric(address, "coinsphere_feed_connects_total", &[]);
    assert!(
        connects <= 3.0,
        "a bad frame ended a connection: {connects} connections"
    );
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}

pub(crate) fn venues_that_disconnect_stall_and_refuse() {
    let place = Place::new();
    let venues = market(&[]);
    let (program, address) = start(&place, &venues);
    ready(address);
    let begun = venues.now();
    whole_minutes(&venues, 1);
    // Kraken falls silent without closing, Coinbase hangs up and will not answer, Binance hangs up.
    venues.fault("stall:after=1s,for=120s,venue=kraken,times=1");
    venues.fault("refuse:connections,venue=coinbase,times=1");
    venues.fault("disconnect:every=1s,venue=coinbase,code=1001,times=1");
    venues.fault("disconnect:every=1s,venue=binance,times=1");
    let silences = || {
        metric(
            address,
            "coinsphere_feed_disconnects_total",
            &["kraken", "silence"],
        )
    };
    eventually("the silence is noticed", PATIENCE, || {
        if silences() >= 1.0 {
            Ok(())
        } else {
            Err("not yet".to_owned())
        }
    });
    venues.heal();
    ready(address);
    let until = whole_minutes(&venues, 2);
    // An outage may lie within one minute, and nothing trade in the one that the program began in.
    check(address, &venues, (begun, until), (2, 1));
    for (venue, symbol) in instruments() {
        let series = Series::read(address, (venue, symbol), "1m", begun - 600).expect("candles");
        let reason = if venue == "kraken" {
            "silence"
        } else {
            "disconnect"
        };
        let outages = series
            .gaps
            .iter()
            .filter(|gap| gap.reason == reason)
            .count();
        assert!(outages >= 1, "{venue} {symbol}: {:?}", series.gaps);
    }
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}

pub(crate) fn both_signals_end_it_with_status_0() {
    let place = Place::new();
    let venues = market(&[]);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (program, address) = start(&place, &venues);
        ready(address);
        assert_eq!(program.stop(signal).code(), Some(0), "{signal}");
        assert!(
            !place.path().join("d/pg/postmaster.pid").exists(),
            "the database runs on"
        );
    }
}

/// A small disk of its own, unmounted when dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(at: &Path) -> Result<Self, String> {
        let mounting = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "none"])
            .arg(at)
            .output();
        let output = mounting.map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(Self(at.to_owned()));
        }
        Err(String::from_utf8_lossy(&output.stderr)
            .trim()
            .replace('\n', " "))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: the program may still be there after a failed test.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn a_full_disk_is_a_gap_and_no_end() {
    let place = Place::new();
    let log = place.path().join("d/log");
    std::fs::create_dir_all(&log).expect("a directory");
    let mount = Mount::new(&log).expect("it could be mounted before");
    let venues = market(&[]);
    let (program, address) = start(&place, &venues);
    ready(address);
    let begun = venues.now();
    whole_minutes(&venues, 1);
    let ballast = mount.0.join("ballast");
    let written = std::fs::write(&ballast, vec![1; 65 << 20]);
    assert!(written.is_err(), "the disk is not full");
    // More ballast, where the log found room again.
    let refill = || {
        let more = std::fs::OpenOptions::new().append(true).open(&ballast);
        let _ = more.and_then(|mut file| std::io::Write::write_all(&mut file, &[1; 1 << 20]));
    };
    eventually("the feeds stop for want of space", PATIENCE, || {
        let stopped = metric(address, "coinsphere_feed_disconnects_total", &["log_full"]);
        refill();
        if stopped >= 3.0 {
            Ok(())
        } else {
            Err(format!("{stopped} disconnects"))
        }
    });
    eventually("health is red", PATIENCE, || {
        refill();
        let health = crate::support::http::ask(address, "GET", "/health", "")?;
        (health.status == 503).then_some(()).ok_or(health.body)
    });
    std::fs::remove_file(&ballast).expect("the ballast");
    ready(address);
    let until = whole_minutes(&venues, 2);
    check(address, &venues, (begun, until), (2, 1));
    for instrument in instruments() {
        let series = Series::read(address, instrument, "1m", begun - 600).expect("candles");
        let full = series
            .gaps
            .iter()
            .filter(|gap| gap.reason == "log_full")
            .count();
        assert!(full >= 1, "{instrument:?}: {:?}", series.gaps);
    }
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}
