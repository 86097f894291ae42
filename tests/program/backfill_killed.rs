//! `backfill` killed at random moments and run again ends with the tables of an undisturbed run, and repeating it
//! changes nothing.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use coinsphere_pipelines::market::Timestamp;
use coinsphere_simulator::Config;
use rand::RngExt as _;
use tokio_postgres::NoTls;

use crate::support::postgres::Postgres;
use crate::support::program::{Program, command, complaint};
use crate::support::venues::Venues;
use crate::support::{Place, seeded};

/// Days that are loaded.
const DAYS: i64 = 40;

/// Times that it is killed, where it has not ended before.
const KILLS: usize = 6;

/// Digests of the rows of all tables that a backfill writes.
const TABLES: [(&str, &str); 7] = [
    ("instruments", "(t.id, t.venue, t.symbol)"),
    ("price_data", "t"),
    ("price_5m", "t"),
    ("price_1h", "t"),
    ("price_1d", "t"),
    ("gaps", "t"),
    (
        "history_spans",
        "(t.instrument_id, t.interval, t.source, t.from_time, t.to_time)",
    ),
];

fn arguments(venues: &Venues) -> Vec<String> {
    let midnight = venues.now().div_euclid(86_400) * 86_400;
    let day = |days: i64| {
        let time = Timestamp::from_seconds(midnight - days * 86_400);
        time.expect("a time").to_string()
    };
    let endpoint = format!("ws://{}/binance", venues.address());
    [
        "backfill",
        "--venue",
        "binance",
        "--instruments",
        "BTCUSDT",
        "--from",
        &day(DAYS),
        "--to",
        &day(1),
        "--endpoint",
        &endpoint,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn to_the_end(data_dir: &Path, postgres: &Postgres, arguments: &[String]) {
    let output: Output = command(data_dir)
        .args(arguments)
        .arg("--data-dir")
        .arg(data_dir)
        .env("DATABASE_URL", postgres.url())
        .output()
        .expect("the program can be started");
    assert!(output.status.success(), "{}", complaint(&output));
}

fn tables(postgres: &Postgres) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let url = postgres.url();
    runtime.block_on(async {
        let connecting = tokio_postgres::connect(&url, NoTls);
        let (client, connection) = connecting.await.expect("a connection");
        let asking = async {
            let mut all = Vec::new();
            for (table, columns) in TABLES {
                let sql = format!(
                    "SELECT count(*) || ' ' || coalesce(md5(string_agg({columns}::text, ',' \
                     ORDER BY {columns}::text)), '') FROM {table} t"
                );
                let row = client.query_one(&sql, &[]).await.expect("a digest");
                all.push(format!("{table} {}", row.get::<_, String>(0)));
            }
            all
        };
        tokio::select! {
            all = asking => all,
            ended = connection => panic!("the connection ended: {ended:?}"),
        }
    })
}

pub(crate) fn killed_at_random_and_run_again_it_gives_the_same() {
    let place = Place::new();
    // With a history of its own, so that old minutes are cheap.
    let venues = Venues::start(Config {
        instruments: Some(vec!["binance:BTCUSDT".to_owned()]),
        history_days: 60,
        data_dir: Some(place.path().join("venue")),
        ..Config::default()
    });
    let arguments = arguments(&venues);
    let (undisturbed, killed) = (Postgres::start(), Postgres::start());
    let whole = place.path().join("whole");
    to_the_end(&whole, &undisturbed, &arguments);
    let expected = tables(&undisturbed);
    assert!(!expected[1].starts_with("price_data 0"), "{expected:?}");

    let mut rng = seeded();
    let data_dir = place.path().join("killed");
    let mut interrupted = 0;
    for _ in 0..KILLS {
        let url = killed.url();
        let mut program = Program::start_with(&data_dir, &arguments, |command| {
            command.env("DATABASE_URL", url);
        });
        std::thread::sleep(Duration::from_millis(rng.random_range(50..1_500)));
        if program.is_running() {
            program.crash();
            interrupted += 1;
        }
    }
    println!("{interrupted} of {KILLS} runs were interrupted");
    for time in ["after the interrupted runs", "repeated"] {
        to_the_end(&data_dir, &killed, &arguments);
        assert_eq!(tables(&killed), expected, "{time}");
    }
}
