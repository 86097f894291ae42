//! `replay` killed at random moments and run again ends with the candles of an undisturbed run, and
//! repeating it changes nothing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::bars::{Bar, Deal, bars, compare};
use crate::support::program::{Program, complaint, ready, run};
use crate::support::recordings::{binance_frame, gzipped};
use crate::support::series::Series;
use crate::support::{INTERVALS, Place, eventually, now_ns, seeded};
use rand::RngExt;
use rand::rngs::StdRng;
use rust_decimal::Decimal;
use tokio::time::Instant;

const SYMBOLS: [&str; 3] = ["AAAUSDT", "BBBUSDT", "CCCUSDT"];
const TRADES: usize = 150_000;
const KILLS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

/// Three instruments over five hours; some trades come twice, some minutes late, so that closed
/// candles are corrected too.
fn recording(rng: &mut StdRng) -> (Vec<Deal>, String) {
    // On the hour, some days ago.
    let start = now_ns() / 3_600_000_000_000 * 3_600_000_000_000 - 72 * 3_600_000_000_000;
    let (mut time, mut ids) = (start, [100_u64, 200_000, 1]);
    let mut prices = [6_000_000_i64, 250_000, 17];
    let mut deals = Vec::with_capacity(TRADES);
    while deals.len() < TRADES {
        time += rng.random_range(0..240) * 1_000_000;
        let which = rng.random_range(0..3_usize);
        ids[which] += 1;
        prices[which] = (prices[which] + rng.random_range(-9..=9)).max(1);
        deals.push(Deal {
            symbol: SYMBOLS[which].to_owned(),
            id: ids[which],
            time,
            price: Decimal::new(prices[which], 2),
            quantity: Decimal::new(rng.random_range(1..100_000_000), 8),
            taker_buys: rng.random(),
        });
    }
    let mut order: Vec<(usize, &Deal)> = Vec::with_capacity(TRADES + TRADES / 50);
    for (place, deal) in deals.iter().enumerate() {
        let late = if rng.random_bool(0.001) { 3_000 } else { 0 };
        order.push((place + late, deal));
        if rng.random_bool(0.01) {
            order.push((place + rng.random_range(1..2_000), deal));
        }
    }
    order.sort_by_key(|(place, _)| *place);
    let mut heard = 0;
    let lines = order
        .into_iter()
        .map(|(_, deal)| {
            heard = heard.max(deal.time + 80_000_000);
            format!("{heard} {}\n", binance_frame(deal))
        })
        .collect();
    (deals, lines)
}

fn arguments<'a>(file: &'a Path, data_dir: &'a Path) -> [&'a str; 4] {
    let text = |path: &'a Path| path.to_str().expect("a path");
    ["replay", text(file), "--data-dir", text(data_dir)]
}

fn replay_to_the_end(file: &Path, data_dir: &Path) {
    let output = run(data_dir, arguments(file, data_dir));
    assert!(output.status.success(), "{}", complaint(&output));
}

fn all_series(address: SocketAddr, from: i64) -> Result<Vec<Series>, String> {
    let mut all = Vec::new();
    for symbol in SYMBOLS {
        for (interval, _) in INTERVALS {
            all.push(Series::read(address, ("binance", symbol), interval, from)?);
        }
    }
    Ok(all)
}

/// Candles in the database once the longer ones have been brought up to date.
fn stored(data_dir: &Path, expected: &[(String, Vec<Bar>)], from: i64) -> Vec<Series> {
    let (program, address) = Program::serve(data_dir, ["up", "--roles", "api"]);
    ready(address);
    let all = eventually("all candles are equal", PATIENCE, || {
        let all = all_series(address, from)?;
        for (series, (what, expected)) in all.iter().zip(expected) {
            compare(what, &series.bars(), expected)?;
        }
        Ok(all)
    });
    let status = program.stop(nix::sys::signal::Signal::SIGTERM);
    assert!(status.success(), "{status}");
    all
}

/// Every candle of every length, in the order of `all_series`.
fn computed(deals: &[Deal]) -> Vec<(String, Vec<Bar>)> {
    let by_interval = INTERVALS.map(|(interval, seconds)| (interval, bars(deals, seconds)));
    let mut all = Vec::new();
    for symbol in SYMBOLS {
        for (interval, bars) in &by_interval {
            all.push((format!("{symbol} {interval}"), bars[symbol].clone()));
        }
    }
    all
}

/// Starts it and waits until it has a log of its own, which is made after the database's server. Where
/// an earlier one has left both, that is at once.
fn begin(file: &Path, data_dir: &Path) -> Program {
    let [command, file, _, _] = arguments(file, data_dir);
    let mut program = Program::start(data_dir, [command, file]);
    eventually("the replay has begun", PATIENCE, || {
        let logs = std::fs::read_dir(data_dir.join("replay"));
        if logs.is_ok_and(|logs| logs.count() > 0) || !program.is_running() {
            return Ok(());
        }
        Err("it has no log".to_owned())
    });
    program
}

/// Kills it as soon as it has replayed for this long. False: it had ended.
fn kill_after(file: &Path, data_dir: &Path, after: Duration) -> bool {
    let mut program = begin(file, data_dir);
    std::thread::sleep(after);
    if !program.is_running() {
        return false;
    }
    program.crash();
    true
}

/// The other files are replayed nevertheless.
pub(crate) fn a_file_without_trades_ends_it_with_status_1() {
    let place = Place::new();
    let time = 1_748_772_000_000_000_000_i64;
    let trade = r#"{"e":"trade","s":"AAAUSDT","t":1,"p":"1.5","q":"2","T":1748772000000,"m":true}"#;
    let good = place.file("good", format!("{time} {trade}\n"));
    let without = r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade"}}"#;
    let other = place.file("other", format!("{time} {without}\n"));
    let text = |path: &Path| path.to_str().expect("a path").to_owned();
    let data = text(place.path());
    let output = run(
        place.path(),
        [
            "replay".to_owned(),
            text(&other),
            text(&good),
            "--venue".to_owned(),
            "binance".to_owned(),
            "--data-dir".to_owned(),
            data,
        ],
    );
    assert_eq!(output.status.code(), Some(1));
    let said = complaint(&output);
    assert!(
        said.contains("1 frames of other streams (aggTrade)"),
        "{said}"
    );
    assert!(
        said.contains("other holds no trades that binance sends: is it the right --venue?"),
        "{said}"
    );
    let printed = String::from_utf8(output.stdout).expect("text");
    assert!(printed.contains("1 trades replayed"), "{printed}");

    // Before anything is started: no venue is named.
    let seconds = place.file("seconds", format!("1748772000 {trade}\n"));
    let output = run(place.path(), arguments(&seconds, place.path()));
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complaint(&output).contains("these look like seconds"),
        "{}",
        complaint(&output)
    );
}

pub(crate) fn killed_at_random_and_run_again_it_gives_the_same() {
    let mut rng = seeded();
    let (deals, lines) = recording(&mut rng);
    let expected = computed(&deals);
    let from = deals[0].time / 1_000_000_000 - 86_400;
    let place = Place::new();
    let file: PathBuf = place.file("market.jsonl.gz", gzipped(&lines));

    let undisturbed_dir = place.path().join("u");
    let mut program = begin(&file, &undisturbed_dir);
    let begun = Instant::now();
    let status = program.wait(PATIENCE);
    assert!(status.success(), "{status}: {}", program.log());
    let took = begun.elapsed();
    let undisturbed = stored(&undisturbed_dir, &expected, from);
    let corrected = undisturbed[0]
        .candles
        .iter()
        .filter(|c| c.revision > 0)
        .count();
    assert!(corrected > 0, "the recording corrects no closed candle");

    let killed_dir = place.path().join("k");
    let mut kills = 0;
    for _ in 0..KILLS {
        let after = took.mul_f64(rng.random_range(0.1..0.9));
        if kill_after(&file, &killed_dir, after) {
            kills += 1;
            println!("killed after {after:?} of {took:?}");
        }
    }
    assert!(kills > 0, "each had ended before it was killed");
    replay_to_the_end(&file, &killed_dir);
    let killed = stored(&killed_dir, &expected, from);
    for (killed, undisturbed) in killed.iter().zip(&undisturbed) {
        assert_eq!(killed.bars(), undisturbed.bars());
        let flags =
            |series: &Series| -> Vec<bool> { series.candles.iter().map(|c| c.complete).collect() };
        assert_eq!(flags(killed), flags(undisturbed));
        assert_eq!(killed.gaps, undisturbed.gaps);
    }

    // Once more: nothing changes, revisions included.
    replay_to_the_end(&file, &undisturbed_dir);
    assert_eq!(stored(&undisturbed_dir, &expected, from), undisturbed);
}
