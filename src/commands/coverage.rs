//! `coverage`: which times of the instruments are proven, drawn.

use std::io::IsTerminal as _;
use std::time::Duration;

use coinsphere_pipelines::coverage::{Cell, Coverage};
use coinsphere_pipelines::market::{InstrumentKey, Interval, Timestamp};
use coinsphere_pipelines::store::{Instrument, ListQuery, MAX_PAGE, Store};
use coinsphere_pipelines::time_ranges::TimeRange;

use super::clock;
use super::models::print_json;
use super::stored::{Opened, with_store};
use crate::cli::ReportFormat;
use crate::cli::backfill::CoverageArgs;
use crate::market::coverage::{CoverageReport, percent};
use crate::output::{is_closed, print_line};

/// The window if none is asked for.
const DAYS: u32 = 30;

/// Windows of at most this many days have a cell an hour.
const HOURLY_DAYS: u32 = 3;

/// Cells of a line at most; a longer window has several days in each.
const MOST_CELLS: u64 = 120;

/// Prints what was asked for.
pub(super) fn run(args: &CoverageArgs) -> anyhow::Result<()> {
    with_store(&args.place, async |opened| show(args, &opened).await)
}

async fn show(args: &CoverageArgs, opened: &Opened<'_>) -> anyhow::Result<()> {
    let day = Interval::Day1;
    let to = args.to.unwrap_or_else(|| clock().now());
    let from = args
        .from
        .unwrap_or_else(|| day.open_of(to) - day.duration() * (DAYS - 1));
    anyhow::ensure!(from < to, "--from {from} is not before --to {to}");
    let instruments = wanted(args, &opened.store).await?;
    anyhow::ensure!(
        !instruments.is_empty(),
        "there are no such instruments in the database"
    );
    let all = args.instruments.is_empty();
    let mut reports = Vec::new();
    let cells = cells((from, to));
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let width = instruments
        .iter()
        .map(|one| one.key.to_string().chars().count())
        .max()
        .unwrap_or(0);
    if args.format == ReportFormat::Text {
        print_line!("{}", heading((from, to), &cells, width));
    }
    for instrument in &instruments {
        let store = &opened.store;
        let coverage = store
            .coverage(instrument.id, args.interval, (from, to))
            .await?;
        if all && coverage.spans.is_empty() && coverage.gaps.is_empty() && !instrument.listed {
            continue;
        }
        match args.format {
            ReportFormat::Json => {
                reports.push(CoverageReport::new(
                    &instrument.key,
                    args.interval,
                    &coverage,
                ));
            }
            ReportFormat::Text => {
                print_line!(
                    "{}",
                    line(&instrument.key, &coverage, &cells, width, colours)
                );
            }
        }
        if is_closed() {
            return Ok(());
        }
    }
    match args.format {
        ReportFormat::Json => print_json(&reports),
        ReportFormat::Text => {
            print_line!(
                "{} proven  {} partly  {} gap  {} unknown",
                drawn(Cell::Proven, colours),
                drawn(Cell::Partly, colours),
                drawn(Cell::Gap, colours),
                drawn(Cell::Unknown, colours)
            );
            Ok(())
        }
    }
}

async fn wanted(args: &CoverageArgs, store: &Store) -> anyhow::Result<Vec<Instrument>> {
    let mut wanted = Vec::new();
    let mut after = None;
    loop {
        let list = ListQuery {
            after: after.take(),
            limit: MAX_PAGE,
            listed_only: false,
        };
        let page = store.instruments(&list).await?;
        let last = page.last().map(|last| last.key.to_string());
        let full = page.len() == MAX_PAGE;
        wanted.extend(page.into_iter().filter(|found| {
            let venue = found.key.venue.name();
            args.venue.as_deref().is_none_or(|asked| asked == venue)
                && (args.instruments.is_empty() || args.instruments.contains(&found.key.symbol))
        }));
        if !full {
            return Ok(wanted);
        }
        after = last;
    }
}

/// The cells of a window: hours, days, or several days.
fn cells((from, to): TimeRange) -> Vec<TimeRange> {
    let day = Interval::Day1.duration();
    let window = to.since(from);
    let length = if window <= day * HOURLY_DAYS {
        Interval::Hour1.duration()
    } else {
        let days = window.as_secs().div_ceil(day.as_secs());
        day * u32::try_from(days.div_ceil(MOST_CELLS)).unwrap_or(u32::MAX)
    };
    let mut cells = Vec::new();
    // The first cell ends where a whole hour or day does.
    let unit = if length < day {
        Interval::Hour1
    } else {
        Interval::Day1
    };
    let mut begin = unit.open_of(from);
    while begin < to {
        let end = begin + length;
        cells.push((begin.max(from), end.min(to)));
        begin = end;
    }
    cells
}

fn heading((from, to): TimeRange, cells: &[TimeRange], width: usize) -> String {
    let length = cells.get(1).or(cells.first());
    let length = length.map_or(Duration::ZERO, |(from, to)| to.since(*from));
    let cell = match length.as_secs().div_ceil(3_600) {
        0 | 1 => "an hour".to_owned(),
        2..=24 => "a day".to_owned(),
        hours => format!("{} days", hours.div_ceil(24)),
    };
    let short = |time: Timestamp| time.to_utc().format("%Y-%m-%d %H:%M").to_string();
    format!(
        "{:width$}  from {} to {} UTC, a cell is {cell}",
        "",
        short(from),
        short(to)
    )
}

fn line(
    key: &InstrumentKey,
    coverage: &Coverage,
    cells: &[TimeRange],
    width: usize,
    colours: bool,
) -> String {
    let mut text = format!("{:width$}  ", key.to_string());
    for cell in coverage.cells(cells) {
        text.push_str(&drawn(cell, colours));
    }
    let share = percent(coverage.share());
    text.push_str(&format!("  {share:>6} %"));
    match coverage.gaps.len() {
        0 => {}
        1 => text.push_str("  1 gap"),
        count => text.push_str(&format!("  {count} gaps")),
    }
    text
}

/// A cell, distinct by character and by colour.
fn drawn(cell: Cell, colours: bool) -> String {
    let (character, colour) = match cell {
        Cell::Proven => ('█', 32),
        Cell::Partly => ('▒', 33),
        Cell::Gap => ('×', 31),
        Cell::Unknown => ('·', 90),
    };
    if colours {
        format!("\u{1b}[{colour}m{character}\u{1b}[0m")
    } else {
        character.to_string()
    }
}

#[cfg(test)]
mod tests {
    use coinsphere_pipelines::coverage::CoveredSpan;

    use super::*;
    use crate::cli::backfill;

    fn at(text: &str) -> Timestamp {
        backfill::time(text).unwrap()
    }

    #[test]
    fn a_window_is_cut_into_hours_or_days() {
        let hours = cells((at("2024-05-01T00:30:00Z"), at("2024-05-01T03:00:00Z")));
        assert_eq!(hours.len(), 3);
        assert_eq!(
            hours[0],
            (at("2024-05-01T00:30:00Z"), at("2024-05-01T01:00:00Z"))
        );
        assert_eq!(cells((at("2024-05-01"), at("2024-05-31"))).len(), 30);
        let years = cells((at("2020-01-01"), at("2024-01-01")));
        assert!(years.len() <= 120 && years.len() > 100, "{}", years.len());
    }

    #[test]
    fn a_line_shows_every_cell_and_the_share() {
        let window = (at("2024-05-01"), at("2024-05-05"));
        let coverage = Coverage {
            from: window.0,
            to: window.1,
            spans: vec![CoveredSpan {
                from: at("2024-05-02"),
                to: at("2024-05-03T12:00:00Z"),
                source: "binance".to_owned(),
            }],
            gaps: Vec::new(),
        };
        let venue = coinsphere_pipelines::venues::named("binance").unwrap();
        let symbol = coinsphere_pipelines::market::Symbol::new("BTCUSDT").unwrap();
        let key = InstrumentKey::new(venue, symbol);
        let drawn = line(&key, &coverage, &cells(window), 16, false);
        assert_eq!(drawn, "binance:BTCUSDT   ·█▒·   37.50 %");
    }
}
