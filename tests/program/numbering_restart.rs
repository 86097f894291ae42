//! Venues that begin their trade numbers again while the program runs, as after a relisting: lower
//! numbers first, then numbers that were seen before. The venues' clock runs fast, so that a minute
//! takes seconds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::support::bars::Bar;
use crate::support::program::{Program, metric, ready};
use crate::support::series::Series;
use crate::support::venues::{FastClock, Venues};
use crate::support::{Place, eventually};
use chrono::DateTime;
use coinsphere_simulator::{Clock, Config};
use nix::sys::signal::Signal;
use serde_json::Value;

/// Factor by which the venues' minutes pass faster.
const FACTOR: i64 = 6;
/// Time by which stored data may lag behind.
const PATIENCE: Duration = Duration::from_secs(60);

const LISTEN_TO: [(&str, &[&str]); 3] = [
    ("binance", &["BTCUSDT"]),
    ("coinbase", &["BTC-USD"]),
    ("kraken", &["BTC/USD"]),
];

fn instruments() -> impl Iterator<Item = (&'static str, &'static str)> {
    LISTEN_TO
        .into_iter()
        .flat_map(|(venue, symbols)| symbols.iter().map(move |symbol| (venue, *symbol)))
}

/// A market that numbers its trades from 1 since `epoch`, seconds since the Unix epoch.
fn market(seed: u64, epoch: Option<i64>, listen: SocketAddr, clock: &Arc<FastClock>) -> Venues {
    let config = Config {
        listen,
        seed,
        rate: 30.0,
        steady: true,
        instruments: Some(vec!["BTC".to_owned()]),
        epoch: epoch.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
        history_days: if epoch.is_some() { 0 } else { 1 },
        ..Config::default()
    };
    Venues::start_with(config, Arc::clone(clock) as Arc<dyn Clock>)
}

/// Trades of one market for each instrument in the whole minutes that it was there for.
struct Span {
    truth: Vec<Vec<Value>>,
    stopped: i64,
}

/// Lets a market trade for some whole minutes more, and ends it within another.
fn live_through(venues: Venues, begun: i64) -> Span {
    let end = (venues.now() / 60 + 1 + 3) * 60;
    venues.wait_until(end + 20);
    let first = (begun / 60 + 1) * 60;
    let truth = instruments().map(|one| venues.candles(one, first, end));
    let truth = truth.collect();
    let stopped = venues.now();
    drop(venues);
    Span { truth, stopped }
}

pub(crate) fn numbers_that_begin_again_lose_nothing_and_fake_nothing() {
    let place = Place::new();
    let clock = FastClock::new(FACTOR);
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let venues = market(1, None, anywhere, &clock);
    let listen = venues.address();
    let config = place.file("c.toml", venues.toml(&LISTEN_TO));
    let (program, address) = Program::serve(
        &place.path().join("d"),
        ["up", "--config", config.to_str().expect("a path")],
    );
    ready(address);
    let begun = venues.now();
    let counted = || {
        metric(
            address,
            "coinsphere_candles_trades_total",
            &["outcome=\"counted\""],
        )
    };
    let mut spans = vec![live_through(venues, begun)];
    // Hundreds of thousands, then thousands, then the same thousands once more.
    for seed in [2, 3] {
        let before = counted();
        let epoch = spans[spans.len() - 1].stopped / 60 * 60 - 3_600;
        let venues = market(seed, Some(epoch), listen, &clock);
        eventually("the program listens again", PATIENCE, || {
            let more = counted() - before;
            (more > 100.0).then_some(()).ok_or(format!("{more} trades"))
        });
        let listened = venues.now();
        spans.push(live_through(venues, listened));
    }
    let ids = |span: &Span, place: usize| {
        let rows = &span.truth[place];
        let id = |row: Option<&Value>, name: &str| row.and_then(|row| row[name].as_u64());
        let (first, last) = (id(rows.first(), "first_id"), id(rows.last(), "last_id"));
        first.expect("an id")..=last.expect("an id")
    };

    for (number, instrument) in instruments().enumerate() {
        // Or the test would show nothing.
        let [high, low, again] = [0, 1, 2].map(|span| ids(&spans[span], number));
        assert!(high.start() > low.end(), "{instrument:?}: {high:?} {low:?}");
        assert!(
            low.contains(again.start()) || again.contains(low.start()),
            "{instrument:?}: {low:?} {again:?}"
        );
        let series = eventually("what is stored is right", PATIENCE, || {
            let series = Series::read(address, instrument, "1m", begun - 600)?;
            for span in &spans {
                let complete = compare(&series, &span.truth[number])
                    .map_err(|why| format!("{instrument:?}: {why}; gaps {:?}", series.gaps))?;
                // The last one of a numbering need not be.
                if complete < 2 {
                    return Err(format!("{instrument:?}: {complete} minutes are complete"));
                }
            }
            Ok(series)
        });
        let restarts = series
            .gaps
            .iter()
            .filter(|gap| gap.reason == "numbering_restart");
        let restarts: Vec<_> = restarts.collect();
        assert_eq!(restarts.len(), 2, "{instrument:?}: {:?}", series.gaps);
        for (gap, span) in restarts.iter().zip(&spans) {
            let (from, to) = (gap.from / 1_000_000_000, gap.to / 1_000_000_000);
            assert!(
                from <= span.stopped && from > span.stopped - 30 && to > span.stopped,
                "{instrument:?}: {gap:?} is not where the market ended, {}",
                span.stopped
            );
        }
        // The numbers between two numberings name no trades.
        assert!(
            series.missing_ids().len() < 1_000,
            "{instrument:?}: {:?}",
            series.gaps
        );
    }
    for outcome in ["duplicate", "late"] {
        let label = format!("outcome=\"{outcome}\"");
        let dropped = metric(address, "coinsphere_candles_trades_total", &[&label]);
        assert!(dropped == 0.0, "{dropped} trades were {outcome}");
    }
    assert_eq!(program.stop(Signal::SIGTERM).code(), Some(0));
}

/// Every complete minute is what the market traded, and every other one is touched by a gap. Answers how
/// many are complete.
fn compare(series: &Series, truth: &[Value]) -> Result<usize, String> {
    let mut complete = 0;
    for row in truth {
        let expected = Bar::of(row);
        let open_time = expected.open_time;
        let mut candles = series.candles.iter();
        let found = candles.find(|listed| listed.bar.open_time == open_time);
        match found {
            Some(found) if found.complete => {
                if found.bar != expected {
                    return Err(format!("{found:?} is complete and not {expected:?}"));
                }
                complete += 1;
            }
            other if series.is_touched(open_time) => {
                if other.is_some_and(|found| found.bar.trades > expected.trades) {
                    return Err(format!("{other:?} has more trades than {expected:?}"));
                }
            }
            other => {
                return Err(format!(
                    "{other:?} is not {expected:?}, and no gap says why"
                ));
            }
        }
    }
    Ok(complete)
}
