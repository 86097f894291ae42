//! A run of candles on their interval's grid: sorted, deduplicated, with short holes filled flat and
//! marked, and split at longer ones. What had to be done to the rows is counted, so that nothing is
//! used silently. It knows nothing of files, features or models.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::bar::{Bar, BarError, Interval};

/// The most candles that a hole may lack to be filled with the last price: a longer one splits the
/// series, and what models carry begins again after it.
pub const MAX_FILLED: i64 = 3;

/// The fewest rows that make a series: fewer leave nothing to learn from and nothing to test on.
pub const MIN_ROWS: usize = 120;

/// More of the rows than this share unusable means that the columns are not what they seem.
const MAX_UNUSABLE_SHARE: f64 = 0.05;

/// Prices that went through floats of 32 bits are off by no more than this share.
const ROUNDING: f64 = 1e-6;

/// Whether so many rows cannot be used that the file is not what it seems.
pub(crate) fn is_too_large_a_share(unusable: usize, rows: usize) -> bool {
    unusable as f64 > MAX_UNUSABLE_SHARE * rows as f64
}

/// Candles on their grid, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    interval: Interval,
    bars: Vec<Bar>,
    filled: Vec<bool>,
    runs: Vec<Range<usize>>,
}

/// What was found in the rows and done about it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesReport {
    /// Rows given.
    pub rows: usize,
    /// Rows that stood after a later one; they were sorted.
    pub out_of_order: usize,
    /// Rows that repeated another exactly; one of each was kept.
    pub duplicates: usize,
    /// Rows that contradicted another of the same time; the last one given was kept.
    pub conflicting: usize,
    /// Rows that stood a little off the grid of the others and were moved to its nearest point.
    pub off_grid: usize,
    /// Rows that began between the others, as an unfinished candle does that bears the time of its
    /// download; they were left out.
    #[serde(default)]
    pub between: usize,
    /// When, for the first of them.
    #[serde(default)]
    pub first_between: Option<String>,
    /// Rows whose range did not contain open and close; it was widened.
    pub widened: usize,
    /// Rows that no market could have produced; they were left out.
    pub refused: usize,
    /// Why, for the first of them.
    pub first_refused: Option<String>,
    /// Candles missing on the grid between the first and the last.
    pub missing: usize,
    /// Of these, how many were filled with the last price; they are never forecast or scored.
    pub filled: usize,
    /// Holes too long to fill: the series is split there.
    pub splits: usize,
}

/// Why rows make no series.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SeriesError {
    /// There is no row.
    #[error("there are no candles: give at least {MIN_ROWS}")]
    Empty,
    /// There are too few rows.
    #[error("{found} candles are too few to learn from and to test on: give at least {MIN_ROWS}")]
    TooShort {
        /// How many there are.
        found: usize,
    },
    /// Every price is the same.
    #[error("every one of the {found} candles closes at {price}: there is nothing to forecast")]
    Constant {
        /// How many there are.
        found: usize,
        /// The one price.
        price: f64,
    },
    /// A value is NaN or infinite.
    #[error("candle {row} ({time}): {cause}: correct or remove it")]
    NotFinite {
        /// Its place among the rows, the first being 1.
        row: usize,
        /// Its open time.
        time: String,
        /// Which value.
        cause: BarError,
    },
    /// Too many rows are impossible.
    #[error(
        "{refused} of {rows} candles are impossible, the first because {first}: are the columns what they are called?"
    )]
    Refused {
        /// How many.
        refused: usize,
        /// Of how many.
        rows: usize,
        /// The first one's place among the rows, the first being 1.
        row: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// The range of too many rows does not contain the prices.
    #[error(
        "the ranges of {widened} of {rows} candles do not contain open and close, the first that of candle {row}: are the columns what they are called?"
    )]
    Ranges {
        /// How many.
        widened: usize,
        /// Of how many.
        rows: usize,
        /// The first one's place among the rows, the first being 1.
        row: usize,
    },
    /// Too many rows contradict others.
    #[error(
        "{conflicting} of {rows} candles contradict another one of the same time, the first of them candle {row} ({time}): are there several symbols in it?"
    )]
    Conflicting {
        /// How many.
        conflicting: usize,
        /// Of how many.
        rows: usize,
        /// The first one's place among the rows, the first being 1.
        row: usize,
        /// Its time.
        time: String,
    },
    /// Too many rows begin between the others.
    #[error(
        "{between} of {rows} candles begin between the others' times, the first of them candle {row} ({time}): do they have another interval, or is the time column another?"
    )]
    Between {
        /// How many.
        between: usize,
        /// Of how many.
        rows: usize,
        /// The first one's place among the rows, the first being 1.
        row: usize,
        /// When it begins.
        time: String,
    },
    /// The rows are of another interval.
    #[error(
        "the candles are {found_seconds} s apart, but {interval} candles were announced: give the interval they have"
    )]
    WrongInterval {
        /// Seconds between most neighbours.
        found_seconds: i64,
        /// What was announced.
        interval: Interval,
    },
}

impl SeriesError {
    /// The place of the row that is named, the first being 1.
    #[must_use]
    pub const fn row(&self) -> Option<usize> {
        match self {
            Self::NotFinite { row, .. }
            | Self::Refused { row, .. }
            | Self::Ranges { row, .. }
            | Self::Conflicting { row, .. }
            | Self::Between { row, .. } => Some(*row),
            Self::Empty
            | Self::TooShort { .. }
            | Self::Constant { .. }
            | Self::WrongInterval { .. } => None,
        }
    }
}

/// How one candle follows another.
#[derive(Debug, Clone, PartialEq)]
pub enum Bridge {
    /// It is the next one.
    Next,
    /// A few are missing: these flat ones stand in for them.
    Filled(Vec<Bar>),
    /// Too many are missing to fill: what is carried begins again.
    Hole,
    /// It does not come later.
    NotLater,
}

/// How `next` follows `last`. Live and historical candles are joined by this one rule.
#[must_use]
pub fn bridge(last: &Bar, next_open_time: i64, interval: Interval) -> Bridge {
    let step = interval.millis();
    let apart = next_open_time - last.open_time;
    if apart <= 0 {
        return Bridge::NotLater;
    }
    match apart / step - 1 {
        0 if apart % step == 0 => Bridge::Next,
        missing if apart % step == 0 && missing <= MAX_FILLED => Bridge::Filled(
            (1..=missing)
                .map(|k| flat(last, last.open_time + k * step))
                .collect(),
        ),
        _ => Bridge::Hole,
    }
}

/// A candle without a trade: the last price, no volume.
fn flat(last: &Bar, open_time: i64) -> Bar {
    Bar {
        open_time,
        open: last.close,
        high: last.close,
        low: last.close,
        close: last.close,
        volume: 0.0,
    }
}

impl Series {
    /// Puts rows in order and on the grid.
    ///
    /// # Errors
    /// When they are too few, constant, not finite, mostly impossible or of another interval.
    pub fn build(interval: Interval, rows: Vec<Bar>) -> Result<(Self, SeriesReport), SeriesError> {
        if rows.is_empty() {
            return Err(SeriesError::Empty);
        }
        let mut report = SeriesReport {
            rows: rows.len(),
            ..SeriesReport::default()
        };
        let rows = possible(rows, &mut report)?;
        check_spacing(interval, &rows)?;
        let rows = on_grid(interval, rows, &mut report)?;
        let rows = unique(rows, &mut report)?;
        if rows.len() < MIN_ROWS {
            return Err(SeriesError::TooShort { found: rows.len() });
        }
        if rows.iter().all(|bar| bar.close == rows[0].close) {
            return Err(SeriesError::Constant {
                found: rows.len(),
                price: rows[0].close,
            });
        }
        Ok((Self::join(interval, rows, &mut report), report))
    }

    fn join(interval: Interval, rows: Vec<Bar>, report: &mut SeriesReport) -> Self {
        let mut series = Self {
            interval,
            bars: Vec::with_capacity(rows.len()),
            filled: Vec::with_capacity(rows.len()),
            runs: Vec::new(),
        };
        let mut run_start = 0;
        for bar in rows {
            if let Some(last) = series.bars.last() {
                let missing = (bar.open_time - last.open_time) / interval.millis() - 1;
                report.missing += usize::try_from(missing).unwrap_or(0);
                match bridge(last, bar.open_time, interval) {
                    Bridge::Next => {}
                    Bridge::Filled(flat) => {
                        report.filled += flat.len();
                        series.filled.extend(flat.iter().map(|_| true));
                        series.bars.extend(flat);
                    }
                    Bridge::Hole | Bridge::NotLater => {
                        report.splits += 1;
                        series.runs.push(run_start..series.bars.len());
                        run_start = series.bars.len();
                    }
                }
            }
            series.bars.push(bar);
            series.filled.push(false);
        }
        series.runs.push(run_start..series.bars.len());
        series
    }

    /// The length of its candles.
    #[must_use]
    pub const fn interval(&self) -> Interval {
        self.interval
    }

    /// Every candle, filled ones included.
    #[must_use]
    pub fn bars(&self) -> &[Bar] {
        &self.bars
    }

    /// How many candles there are, filled ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bars.len()
    }

    /// Whether there is none; [`Self::build`] makes no such series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bars.is_empty()
    }

    /// Whether candle `index` stands in for a missing one.
    #[must_use]
    pub fn filled(&self, index: usize) -> bool {
        self.filled[index]
    }

    /// The stretches without a hole, oldest first; together they are the whole series.
    #[must_use]
    pub fn runs(&self) -> &[Range<usize>] {
        &self.runs
    }

    /// Its first `len` candles as a series of their own.
    #[must_use]
    pub fn prefix(&self, len: usize) -> Self {
        let len = len.min(self.len());
        Self {
            interval: self.interval,
            bars: self.bars[..len].to_vec(),
            filled: self.filled[..len].to_vec(),
            runs: self
                .runs
                .iter()
                .filter(|run| run.start < len)
                .map(|run| run.start..run.end.min(len))
                .collect(),
        }
    }
}

/// A row, and its place among those given, the first being 1.
type Row = (usize, Bar);

/// Leaves out what no market could have produced, and widens ranges that only rounding broke.
fn possible(rows: Vec<Bar>, report: &mut SeriesReport) -> Result<Vec<Row>, SeriesError> {
    let mut kept = Vec::with_capacity(rows.len());
    let (mut first_refused, mut first_contradiction, mut contradictions) = (None, None, 0);
    for (row, mut bar) in (1..).zip(rows) {
        match bar.check() {
            Ok(()) => kept.push((row, bar)),
            Err(cause @ BarError::NotFinite { .. }) => {
                return Err(SeriesError::NotFinite {
                    row,
                    time: shown(bar.open_time),
                    cause,
                });
            }
            Err(BarError::OutOfRange { .. }) => {
                let (high, low) = (bar.high, bar.low);
                bar.high = high.max(low).max(bar.open).max(bar.close);
                bar.low = low.min(high).min(bar.open).min(bar.close);
                if bar.high - high > ROUNDING * high || low - bar.low > ROUNDING * low {
                    contradictions += 1;
                    first_contradiction.get_or_insert(row);
                }
                report.widened += 1;
                kept.push((row, bar));
            }
            Err(cause) => {
                report.refused += 1;
                first_refused.get_or_insert(row);
                report.first_refused.get_or_insert_with(|| {
                    format!("candle {row} ({}): {cause}", shown(bar.open_time))
                });
            }
        }
    }
    if let Some(row) = first_refused
        && is_too_large_a_share(report.refused, report.rows)
    {
        return Err(SeriesError::Refused {
            refused: report.refused,
            rows: report.rows,
            row,
            first: report.first_refused.clone().unwrap_or_default(),
        });
    }
    if let Some(row) = first_contradiction
        && is_too_large_a_share(contradictions, report.rows)
    {
        return Err(SeriesError::Ranges {
            widened: contradictions,
            rows: report.rows,
            row,
        });
    }
    Ok(kept)
}

/// A time as a reader knows it.
pub(crate) fn shown(millis: i64) -> String {
    chrono::DateTime::from_timestamp_millis(millis)
        .map_or_else(|| format!("{millis} ms"), |time| time.to_rfc3339())
}

/// Most neighbours must be one interval apart.
fn check_spacing(interval: Interval, rows: &[Row]) -> Result<(), SeriesError> {
    let mut times: Vec<i64> = rows.iter().map(|(_, bar)| bar.open_time).collect();
    times.sort_unstable();
    times.dedup();
    let mut apart: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if apart.is_empty() {
        return Ok(());
    }
    let middle = apart.len() / 2;
    let (_, &mut median, _) = apart.select_nth_unstable(middle);
    let step = interval.millis();
    // Daylight saving moves daily candles by an hour: a twentieth of the interval is nothing.
    if (median - step).abs() * 20 > step {
        return Err(SeriesError::WrongInterval {
            found_seconds: median / 1_000,
            interval,
        });
    }
    Ok(())
}

/// Where in an interval most times stand, in milliseconds after its beginning. Where no place has most
/// of them and they scatter around the beginning, that is it.
pub(crate) fn common_offset(times: impl Iterator<Item = i64>, interval: Interval) -> i64 {
    let step = interval.millis();
    let mut offsets: Vec<i64> = times.map(|time| time.rem_euclid(step)).collect();
    offsets.sort_unstable();
    let (common, count) = offsets
        .chunk_by(|a, b| a == b)
        .map(|chunk| (chunk[0], chunk.len()))
        .max_by_key(|(_, count)| *count)
        .unwrap_or_default();
    let aside = common.min(step - common);
    if count * 2 <= offsets.len() && aside * 20 <= step {
        0
    } else {
        common
    }
}

/// Moves rows that are a little off the grid that most share to it, by no more than daylight saving
/// moves a day, and leaves out those that begin between its points.
fn on_grid(
    interval: Interval,
    mut rows: Vec<Row>,
    report: &mut SeriesReport,
) -> Result<Vec<Row>, SeriesError> {
    let step = interval.millis();
    let common = common_offset(rows.iter().map(|(_, bar)| bar.open_time), interval);
    let mut first = None;
    rows.retain_mut(|(row, bar)| {
        let off = (bar.open_time - common + step / 2).rem_euclid(step) - step / 2;
        if off.abs() * 20 > step {
            report.between += 1;
            first.get_or_insert((*row, bar.open_time));
            return false;
        }
        if off != 0 {
            bar.open_time -= off;
            report.off_grid += 1;
        }
        true
    });
    if let Some((row, time)) = first {
        if is_too_large_a_share(report.between, report.rows) {
            return Err(SeriesError::Between {
                between: report.between,
                rows: report.rows,
                row,
                time: shown(time),
            });
        }
        report.first_between = Some(shown(time));
    }
    Ok(rows)
}

/// Sorts, and keeps the last row given of each time.
fn unique(mut rows: Vec<Row>, report: &mut SeriesReport) -> Result<Vec<Bar>, SeriesError> {
    let mut latest = i64::MIN;
    for (_, bar) in &rows {
        if bar.open_time < latest {
            report.out_of_order += 1;
        }
        latest = latest.max(bar.open_time);
    }
    // Stable: rows of one time stay in the order given.
    rows.sort_by_key(|(_, bar)| bar.open_time);
    let mut kept: Vec<Bar> = Vec::with_capacity(rows.len());
    let mut first = None;
    for (row, bar) in rows {
        match kept.last_mut() {
            Some(last) if last.open_time == bar.open_time => {
                if *last == bar {
                    report.duplicates += 1;
                } else {
                    report.conflicting += 1;
                    first.get_or_insert((row, bar.open_time));
                    *last = bar;
                }
            }
            _ => kept.push(bar),
        }
    }
    if let Some((row, time)) = first
        && is_too_large_a_share(report.conflicting, report.rows)
    {
        return Err(SeriesError::Conflicting {
            conflicting: report.conflicting,
            rows: report.rows,
            row,
            time: shown(time),
        });
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(place: i64, close: f64) -> Bar {
        Bar {
            open_time: place * Interval::D1.millis(),
            open: close,
            high: close * 1.01,
            low: close * 0.99,
            close,
            volume: 5.0,
        }
    }

    fn rows(count: i64) -> Vec<Bar> {
        (0..count).map(|i| bar(i, 100.0 + (i % 7) as f64)).collect()
    }

    #[test]
    fn disorder_gives_the_same_series_and_is_counted() {
        let (clean, report) = Series::build(Interval::D1, rows(200)).expect("a series");
        assert_eq!(
            report,
            SeriesReport {
                rows: 200,
                ..SeriesReport::default()
            }
        );
        let mut mixed = rows(200);
        mixed.swap(20, 120);
        mixed.push(mixed[7]);
        let mut early = mixed[30];
        early.close += 0.5;
        mixed.insert(0, early);
        let (same, report) = Series::build(Interval::D1, mixed).expect("a series");
        assert_eq!(same, clean);
        assert_eq!((report.duplicates, report.conflicting), (1, 1));
        assert!(report.out_of_order >= 2, "{report:?}");
    }

    #[test]
    fn short_holes_are_filled_and_marked_and_long_ones_split() {
        let kept = rows(300)
            .into_iter()
            .enumerate()
            .filter(|(i, _)| !(50..53).contains(i) && !(200..204).contains(i))
            .map(|(_, bar)| bar)
            .collect();
        let (series, report) = Series::build(Interval::D1, kept).expect("a series");
        assert_eq!((report.missing, report.filled, report.splits), (7, 3, 1));
        assert_eq!(series.runs(), [0..200, 200..296]);
        assert!(!series.filled(49) && series.filled(50) && series.filled(52) && !series.filled(53));
        assert_eq!(series.bars()[52].close, series.bars()[49].close);
        assert_eq!(series.bars()[52].volume, 0.0);
        assert_eq!(series.prefix(210).runs(), [0..200, 200..210]);
    }

    #[test]
    fn what_cannot_be_a_series_is_said() {
        let refuse = |rows| {
            Series::build(Interval::D1, rows)
                .expect_err("refused")
                .to_string()
        };
        assert!(refuse(vec![]).contains("there are no candles"));
        assert!(refuse(rows(50)).contains("50 candles are too few"));
        assert!(refuse((0..200).map(|i| bar(i, 3.0)).collect()).contains("closes at 3"));
        let mut infinite = rows(200);
        infinite[17].close = f64::NAN;
        assert!(refuse(infinite).contains("candle 18 (1970-01-18"));
        let mut negative = rows(200);
        for bar in &mut negative[..20] {
            bar.low = -1.0;
        }
        assert!(refuse(negative).contains("20 of 200"));
        let hours: Vec<Bar> = rows(200)
            .into_iter()
            .map(|bar| Bar {
                open_time: bar.open_time / 24,
                ..bar
            })
            .collect();
        assert!(refuse(hours).contains("3600 s apart"));
        let mut swapped = rows(200);
        for bar in &mut swapped[50..] {
            (bar.high, bar.low) = (bar.low, bar.high);
        }
        let swapped = refuse(swapped);
        assert!(swapped.contains("150 of 200") && swapped.contains("that of candle 51"));
        let other = |bar: &Bar| Bar {
            close: bar.close * 1.001,
            ..*bar
        };
        let twice: Vec<Bar> = rows(200)
            .iter()
            .flat_map(|bar| [*bar, other(bar)])
            .collect();
        let twice = refuse(twice);
        assert!(twice.contains("200 of 400") && twice.contains("candle 2 (1970-01-01"));
        let mut between = rows(200);
        for bar in &mut between[100..] {
            bar.open_time += bar.open_time % 7 * 3_600_000;
        }
        assert!(refuse(between).contains("begin between the others' times"));
    }

    #[test]
    fn few_impossible_rows_are_left_out_and_broken_ranges_widened() {
        let mut odd = rows(200);
        odd[10].close = 0.0;
        odd[20].high = odd[20].close * 0.999;
        odd[30].open_time += 3_600_000;
        odd[199].open_time += 50_000_000;
        let (series, report) = Series::build(Interval::D1, odd).expect("a series");
        assert_eq!((report.refused, report.widened, report.off_grid), (1, 1, 1));
        // An unfinished candle never becomes that of a day which has not begun.
        assert_eq!((report.between, series.len()), (1, 199));
        assert!(
            report
                .first_refused
                .is_some_and(|why| why.contains("candle 11"))
        );
        assert!(series.filled(10));
        assert_eq!(series.bars()[20].high, series.bars()[20].close);
    }
}
