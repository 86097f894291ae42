//! Recorded sessions of the venues, replayed over real sockets into the real program with a real
//! PostgreSQL: every candle of every length equals the one computed here from the recording.
//! Needs recordings: set `COINSPHERE_MARKET_DATA` to the folder that holds them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::support::bars::{bars, compare};
use crate::support::program::{Program, metric, ready};
use crate::support::recordings::{self, Recording};
use crate::support::series::Series;
use crate::support::venues::Venues;
use crate::support::{INTERVALS, Place, eventually};
use coinsphere_simulator::{Config, Replay, Speed};

/// Time for all candles to be what they should be, once the program listens.
const PATIENCE: Duration = Duration::from_secs(60);

/// Before any recording.
const EARLY: i64 = 1_300_000_000;

pub(crate) fn binance_as_fast_as_it_goes(folder: &Path) {
    replayed(&recordings::binance(folder), Speed::Max);
}

pub(crate) fn binance_fifty_times_as_fast_as_recorded(folder: &Path) {
    replayed(&recordings::binance(folder), Speed::Scale(50.0));
}

pub(crate) fn coinbase_as_fast_as_it_goes(folder: &Path) {
    replayed(&recordings::coinbase(folder), Speed::Max);
}

pub(crate) fn coinbase_as_recorded_tenfold(folder: &Path) {
    replayed(&recordings::coinbase(folder), Speed::Scale(10.0));
}

pub(crate) fn kraken_as_fast_as_it_goes(folder: &Path) {
    replayed(&recordings::kraken(folder), Speed::Max);
}

fn symbols(recording: &Recording) -> Vec<&str> {
    let symbols: BTreeSet<&str> = recording.deals.iter().map(|d| d.symbol.as_str()).collect();
    symbols.into_iter().collect()
}

/// Every candle of every length through the API.
fn all_equal(address: SocketAddr, recording: &Recording) -> Result<(), String> {
    for (interval, seconds) in INTERVALS {
        for (symbol, expected) in bars(&recording.deals, seconds) {
            let what = format!("{} {symbol} {interval}", recording.venue);
            let series = Series::read(address, (recording.venue, &symbol), interval, EARLY)?;
            compare(&what, &series.bars(), &expected)?;
        }
    }
    Ok(())
}

fn replayed(recording: &Recording, speed: Speed) {
    let place = Place::new();
    let file = place.file("session.jsonl.gz", recordings::gzipped(&recording.lines));
    let venues = Venues::start(Config {
        replay: Some(Replay {
            close_at_end: false,
            ..Replay::new(file, speed)
        }),
        ..Config::default()
    });
    let symbols = symbols(recording);
    let config = place.file("c.toml", venues.toml(&[(recording.venue, &symbols)]));
    let (program, address) = Program::serve(
        &place.path().join("d"),
        ["up", "--config", config.to_str().expect("a path")],
    );
    ready(address);
    eventually("all candles are equal", PATIENCE, || {
        all_equal(address, recording)
    });
    let venue = format!("venue=\"{}\"", recording.venue);
    let counted = |name: &str| metric(address, name, &[&venue]);
    assert_eq!(
        counted("coinsphere_feed_trades_total"),
        recording.deals.len() as f64
    );
    assert_eq!(counted("coinsphere_feed_decode_errors_total"), 0.0);
    assert_eq!(counted("coinsphere_feed_refused_trades_total"), 0.0);
    for symbol in symbols {
        flagged(address, recording, symbol);
    }
    let status = program.stop(nix::sys::signal::Signal::SIGTERM);
    assert!(status.success(), "{status}");
}

/// The minute in which listening began is not complete, nor is the last, which may be open; all
/// between are, once the grace period has passed. The recordings miss no trade.
fn flagged(address: SocketAddr, recording: &Recording, symbol: &str) {
    let series = eventually("the minutes close", PATIENCE, || {
        let series = Series::read(address, (recording.venue, symbol), "1m", EARLY)?;
        let complete: Vec<bool> = series.candles.iter().map(|c| c.complete).collect();
        let between = complete.get(1..complete.len() - 1).unwrap_or_default();
        if complete[0] || between.contains(&false) {
            return Err(format!("{symbol}: {complete:?} {:?}", series.gaps));
        }
        Ok(series)
    });
    assert!(
        series.gaps.iter().all(|gap| gap.reason == "late_start"),
        "{symbol}: {:?}",
        series.gaps
    );
    assert!(series.candles.iter().all(|listed| listed.revision == 0));
}

/// `replay` of the files, one after another into one database, read by a server without feeds.
pub(crate) fn files_give_the_same_as_sockets(folder: &Path) {
    let place = Place::new();
    let data_dir = place.path().join("d");
    let sessions = [
        recordings::binance(folder),
        recordings::coinbase(folder),
        recordings::kraken(folder),
    ];
    let mut arguments = vec![
        "replay".to_owned(),
        "--data-dir".to_owned(),
        data_dir.display().to_string(),
    ];
    for recording in &sessions {
        let file = place.file(&format!("{}.jsonl", recording.venue), &recording.lines);
        arguments.push(file.display().to_string());
    }
    let output = crate::support::program::run(&data_dir, &arguments);
    assert!(
        output.status.success(),
        "{}",
        crate::support::program::complaint(&output)
    );
    let (_program, address) = Program::serve(&data_dir, ["up", "--roles", "api"]);
    ready(address);
    for recording in &sessions {
        eventually("all candles are equal", PATIENCE, || {
            all_equal(address, recording)
        });
    }
}
