//! `backfill`: history of a venue's instruments into the database. Ctrl-C, or any other end, loses nothing:
//! the same command goes on where it was.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use coinsphere_pipelines::backfill::{
    BackfillError, FileBackfill, HistoryBackfill, HistoryProgress, HistoryReport, HistoryRequest,
};
use coinsphere_pipelines::market::{InstrumentKey, Symbol};
use coinsphere_pipelines::store::Store;
use coinsphere_pipelines::venues::{self, RestClient};
use futures_util::{StreamExt as _, stream};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::clock;
use super::stored::{Opened, with_store};
use crate::cli::backfill::BackfillArgs;
use crate::output::{print_line, remark_line};

/// Instruments that are loaded at once; all of them share the venue's budget.
const AT_ONCE: usize = 4;

/// On no terminal, a line for each instrument at most this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Loads what was asked for.
pub(super) fn run(args: &BackfillArgs) -> anyhow::Result<()> {
    with_store(&args.place, async |opened| load(args, &opened).await)
}

async fn load(args: &BackfillArgs, opened: &Opened<'_>) -> anyhow::Result<()> {
    let protocol = venues::protocol(&args.venue).context("the venue has no protocol")?;
    let to = args.to.unwrap_or_else(|| clock().now());
    anyhow::ensure!(
        args.from < to,
        "--from {} is not before --to {to}: there is nothing to load",
        args.from
    );
    let mut symbols: Vec<Symbol> = Vec::new();
    for symbol in &args.instruments {
        let own = protocol.spelling(symbol)?;
        if !symbols.contains(&own) {
            symbols.push(own);
        }
    }
    let requests = symbols.into_iter().map(|symbol| HistoryRequest {
        instrument: InstrumentKey::new(protocol.venue(), symbol),
        interval: args.interval,
        from: args.from,
        to,
    });
    let bars = Bars::new();
    if let Some(directory) = &args.files {
        let backfill = match &args.columns {
            Some(columns) => {
                FileBackfill::with_columns(directory.clone(), columns.clone(), clock())
            }
            None => {
                let files = venues::files::files(&args.venue).with_context(|| {
                    format!(
                        "{} has no files that can be read: state their --columns, or leave --files out",
                        args.venue
                    )
                })?;
                FileBackfill::new(directory.clone(), files, clock())
            }
        };
        for request in requests {
            let mut bar = bars.bar(&request.instrument);
            let report = backfill
                .run(&opened.store, &request, |done, all, changed| {
                    bar.files(done, all, changed)
                })
                .await;
            bar.end();
            bars.say(&summary(&request, &report?));
        }
        return bring_up_to_date(&opened.store).await;
    }
    let history = venues::history(&args.venue).context("the venue has no history")?;
    let configured = opened.config.venues.get(&args.venue);
    let configured = configured.and_then(|venue| venue.endpoint.clone());
    let endpoint = args.endpoint.clone().or(configured);
    let backfill = HistoryBackfill::new(RestClient::new(history, endpoint.as_deref(), clock())?);
    let loads = requests.map(|request| one(&backfill, &opened.store, request, &bars));
    let mut loads = stream::iter(loads).buffer_unordered(AT_ONCE);
    let mut failed = Vec::new();
    while let Some((request, outcome)) = loads.next().await {
        match outcome {
            Ok(report) => bars.say(&summary(&request, &report)),
            Err(error) => failed.push(error),
        }
    }
    bring_up_to_date(&opened.store).await?;
    match failed.len() {
        0 => Ok(()),
        1 => Err(failed.remove(0).into()),
        count => {
            for error in &failed {
                remark_line!("coinsphere: {error}");
            }
            anyhow::bail!("{count} instruments were not loaded to the end")
        }
    }
}

async fn one(
    backfill: &HistoryBackfill,
    store: &Store,
    request: HistoryRequest,
    bars: &Bars,
) -> (HistoryRequest, Result<HistoryReport, BackfillError>) {
    let mut bar = bars.bar(&request.instrument);
    let outcome = backfill
        .run(store, &request, |progress| bar.show(progress))
        .await;
    bar.end();
    (request, outcome)
}

/// Longer candles follow at once, rather than when the program next runs.
async fn bring_up_to_date(store: &Store) -> anyhow::Result<()> {
    loop {
        let done = store.keep_up(clock().now()).await?;
        if !done.more || done.deferred {
            return Ok(());
        }
    }
}

fn summary(request: &HistoryRequest, report: &HistoryReport) -> String {
    let mut said = format!(
        "{}: {} candles of {} new or changed",
        request.instrument, report.written.changed, request.interval
    );
    let counts = BTreeMap::from([
        ("gaps filled", report.written.filled_gaps),
        (
            "candles built here differ from the venue's and were kept",
            report.written.differing,
        ),
        ("holes in the venue's own data", report.holes.len() as u64),
    ]);
    for (what, count) in counts {
        if count > 0 {
            said.push_str(&format!("; {count} {what}"));
        }
    }
    if let Some((from, to)) = report.out_of_reach {
        said.push_str(&format!("; the venue gives nothing from {from} to {to}"));
    }
    said
}

/// Progress of several instruments: bars on a terminal, lines otherwise.
struct Bars {
    all: MultiProgress,
    on_terminal: bool,
}

impl Bars {
    fn new() -> Self {
        use std::io::IsTerminal as _;
        Self {
            all: MultiProgress::new(),
            on_terminal: std::io::stderr().is_terminal(),
        }
    }

    fn bar(&self, instrument: &InstrumentKey) -> Bar {
        let bar = if self.on_terminal {
            self.all.add(ProgressBar::new(0))
        } else {
            ProgressBar::hidden()
        };
        // The template is this program's own and is tried in the tests.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.set_message(instrument.to_string());
        Bar {
            bar,
            name: instrument.to_string(),
            lines: !self.on_terminal,
            said_at: None,
        }
    }

    fn say(&self, line: &str) {
        self.all.suspend(|| print_line!("{line}"));
    }
}

const TEMPLATE: &str = "{msg:24} {bar:30} {percent:>3} %  {per_sec:>14}  {eta} left";

struct Bar {
    bar: ProgressBar,
    name: String,
    lines: bool,
    said_at: Option<Duration>,
}

impl Bar {
    fn show(&mut self, progress: HistoryProgress) {
        self.bar.set_length(progress.wanted);
        self.bar.set_position(progress.done);
        let elapsed = self.bar.elapsed();
        let due = self.said_at.is_none_or(|at| elapsed - at >= LINE_EVERY);
        if self.lines && due && progress.done > 0 {
            self.said_at = Some(elapsed);
            remark_line!(
                "{}: {} of {} candles, {} new or changed",
                self.name,
                progress.done,
                progress.wanted,
                progress.changed
            );
        }
    }

    fn files(&mut self, done: u64, all: u64, changed: u64) {
        self.bar.set_length(all);
        self.bar.set_position(done);
        if self.lines {
            remark_line!(
                "{}: {done} of {all} files, {changed} candles new or changed",
                self.name
            );
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bars_template_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
