//! PostgreSQL goes away under load, at once and for a minute: ingestion goes on into the log, memory
//! stays bounded, `/health` answers, and afterwards every candle is there.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::support::postgres::{self, Postgres};
use crate::support::program::{Program, metric, ready};
use crate::support::series::Series;
use crate::support::venues::{FastClock, Venues};
use crate::support::{Place, eventually, http};
use coinsphere_simulator::Config;
use nix::sys::signal::{Signal, kill};
use tokio::time::Instant;

/// Time that the database is away.
const AWAY: Duration = Duration::from_secs(60);
/// Memory that the process may use, whatever the backlog.
const MEMORY: u64 = 250 << 20;
/// Factor by which the venues' minutes pass faster.
const FACTOR: i64 = 6;
/// Trades a second in our time.
const RATE: f64 = 2_400.0;

const INSTRUMENTS: [(&str, &str); 4] = [
    ("binance", "BTCUSDT"),
    ("binance", "ETHUSDT"),
    ("coinbase", "BTC-USD"),
    ("kraken", "BTC/USD"),
];

/// Most memory seen, and most time that `/health` took, while it is being watched.
#[derive(Default)]
struct Watched {
    over: AtomicBool,
    memory: AtomicU64,
    slowest_ms: AtomicU64,
    answers: AtomicU64,
    unanswered: AtomicU64,
}

/// Ends the watching, also by a panic: the scope waits for it.
struct Over<'a>(&'a Watched);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

fn watch(watched: &Watched, program: &Program, address: SocketAddr) {
    while !watched.over.load(Ordering::Relaxed) {
        watched
            .memory
            .fetch_max(program.memory(), Ordering::Relaxed);
        let asked = Instant::now();
        match http::ask(address, "GET", "/health", "") {
            Ok(_) => watched.answers.fetch_add(1, Ordering::Relaxed),
            Err(_) => watched.unanswered.fetch_add(1, Ordering::Relaxed),
        };
        let took = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
        watched.slowest_ms.fetch_max(took, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(200));
    }
}

pub(crate) fn a_minute_without_a_database_under_load_loses_nothing() {
    let place = Place::new();
    let mut postgres = Postgres::start();
    let clock = FastClock::new(FACTOR);
    let config = Config {
        rate: RATE / FACTOR as f64,
        steady: true,
        instruments: Some(vec!["BTC".to_owned(), "binance:ETHUSDT".to_owned()]),
        ..Config::default()
    };
    let venues = Venues::start_with(config, clock);
    let listen_to: [(&str, &[&str]); 3] = [
        ("binance", &["BTCUSDT", "ETHUSDT"]),
        ("coinbase", &["BTC-USD"]),
        ("kraken", &["BTC/USD"]),
    ];
    let config = place.file("c.toml", venues.toml(&listen_to));
    let url = postgres.url();
    let (program, address) = Program::serve_with(
        &place.path().join("d"),
        ["up", "--config", config.to_str().expect("a path")],
        |command| {
            command.env("DATABASE_URL", url);
        },
    );
    ready(address);
    let begun = venues.now();
    let trades = || metric(address, "coinsphere_feed_trades_total", &[]);
    let watched = Watched::default();
    let until = std::thread::scope(|scope| {
        scope.spawn(|| watch(&watched, &program, address));
        let _over = Over(&watched);
        venues.wait_until(begun + 90);

        // Twice at once, as a crash of it would be.
        for _ in 0..2 {
            postgres.stop_at_once();
            venues.wait_until(venues.now() + 20);
            postgres.start_again();
            venues.wait_until(venues.now() + 40);
        }
        let before = trades();
        postgres.stop_at_once();
        std::thread::sleep(AWAY);
        let during = trades() - before;
        println!("{during} trades while the database was away");
        assert!(
            during > RATE * AWAY.as_secs_f64() / 4.0,
            "ingestion did not go on: {during} trades"
        );
        let health = http::ask(address, "GET", "/health", "").expect("an answer");
        let database = &health.json()["services"]["database"];
        assert_ne!(database["status"], "ok", "{database}");
        postgres.start_again();

        // The venues go on until two more minutes are through, all of them stored.
        let until = (venues.now() / 60 + 2) * 60;
        venues.wait_until(until + 3);
        for instrument in INSTRUMENTS {
            let truth = venues.candles(instrument, begun - 600, until);
            let (untouched, touched) = eventually("all minutes are stored", AWAY, || {
                let series = Series::read(address, instrument, "1m", begun - 600)?;
                series.check(&truth, until)
            });
            println!("{instrument:?}: {untouched} minutes equal, {touched} touched");
            // Only the one in which listening began.
            assert_eq!(touched, 1, "{instrument:?}");
            assert!(untouched >= 9, "{untouched}");
        }
        until
    });
    ready(address);
    let figure = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
    println!(
        "most memory {} MiB, slowest answer {} ms of {}, {} trades, venues' time {until}",
        figure(&watched.memory) >> 20,
        figure(&watched.slowest_ms),
        figure(&watched.answers),
        trades(),
    );
    assert_eq!(figure(&watched.unanswered), 0);
    assert!(
        figure(&watched.memory) < MEMORY,
        "{}",
        figure(&watched.memory)
    );
    let status = program.stop(Signal::SIGTERM);
    assert_eq!(status.code(), Some(0));
}

pub(crate) fn a_private_server_that_dies_is_started_again() {
    let place = Place::new();
    let config = Config {
        rate: 20.0,
        steady: true,
        instruments: Some(vec!["BTC".to_owned()]),
        ..Config::default()
    };
    let venues = Venues::start_with(config, FastClock::new(FACTOR));
    let config = place.file("c.toml", venues.toml(&[("binance", &["BTCUSDT"])]));
    let data_dir = place.path().join("d");
    let (program, address) = Program::serve(
        &data_dir,
        ["up", "--config", config.to_str().expect("a path")],
    );
    ready(address);
    let begun = venues.now();
    let pid = || postgres::private_pid(&data_dir);
    let first = pid().expect("a private server");
    kill(first, Signal::SIGKILL).expect("it runs");
    eventually("another server runs", AWAY, || {
        pid()
            .filter(|pid| *pid != first)
            .ok_or("not yet".to_owned())
    });
    ready(address);
    let until = (venues.now() / 60 + 2) * 60;
    venues.wait_until(until + 3);
    let instrument = INSTRUMENTS[0];
    let truth = venues.candles(instrument, begun - 600, until);
    let counts = eventually("all minutes are stored", AWAY, || {
        Series::read(address, instrument, "1m", begun - 600)?.check(&truth, until)
    });
    assert_eq!(counts.1, 1, "{counts:?}");
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}
