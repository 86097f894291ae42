//! A run of candles on their interval's grid: sorted, deduplicated, with short holes filled flat and
//! marked, and split at longer ones. What had to be done to the rows is counted, so that nothing is
//! used silently. It knows nothing of files, features or models.

mod repair;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::bar::{Bar, BarError, Interval};
pub(crate) use repair::common_offset;
use repair::{check_continuity, check_spacing, on_grid, possible, unique};

/// The most candles that a hole may lack to be filled with the last price: a longer one splits the
/// series, and what models carry begins again after it.
pub const MAX_FILLED: i64 = 3;

/// The fewest rows that make a series: fewer leave nothing to learn from and nothing to test on.
pub const MIN_ROWS: usize = 120;

/// More of the rows than this share unusable means that the columns are not what they seem.
const MAX_UNUSABLE_SHARE: f64 = 0.05;

/// Returns whether so many rows cannot be used that the file is not what it seems.
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

/// Findings in the rows and the repairs made.
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
        /// Number found.
        found: usize,
    },
    /// Every price is the same.
    #[error("every one of the {found} candles closes at {price}: there is nothing to forecast")]
    Constant {
        /// Number found.
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
        /// Number of rows refused.
        refused: usize,
        /// Of how many.
        rows: usize,
        /// The first one's place among the rows, the first being 1.
        row: usize,
        /// Fault of the first of them.
        first: String,
    },
    /// The range of too many rows does not contain the prices.
    #[error(
        "the ranges of {widened} of {rows} candles do not contain open and close, the first that of candle {row}: are the columns what they are called?"
    )]
    Ranges {
        /// Number of candles widened.
        widened: usize,
        /// Of how many.
        rows: usize,
        /// The first one's place among the rows, the first being 1.
        row: usize,
    },
    /// Opens follow closes the other way round.
    #[error(
        "candles close where the one before them opened, and not the other way round: are open and close in each other's columns?"
    )]
    Swapped,
    /// Too many rows contradict others.
    #[error(
        "{conflicting} of {rows} candles contradict another one of the same time, the first of them candle {row} ({time}): are there several symbols in it?"
    )]
    Conflicting {
        /// Number of conflicting rows.
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
        /// Number of rows between the grid's times.
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
        /// The interval announced.
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
            | Self::Swapped
            | Self::TooShort { .. }
            | Self::Constant { .. }
            | Self::WrongInterval { .. } => None,
        }
    }
}

/// Relation of one candle to the next.
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

/// Relation of `next` to `last`. Live and historical candles are joined by this one rule.
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
        check_continuity(&rows)?;
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

    /// Number of candles, filled ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bars.len()
    }

    /// Returns whether there is none; [`Self::build`] makes no such series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bars.is_empty()
    }

    /// Returns whether candle `index` stands in for a missing one.
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

/// A time as a reader knows it.
pub(crate) fn shown(millis: i64) -> String {
    chrono::DateTime::from_timestamp_millis(millis)
        .map_or_else(|| format!("{millis} ms"), |time| time.to_rfc3339())
}

#[cfg(test)]
mod tests;
