//! Reads candles from a CSV file, plain or gzipped, into a series, and says what it found and did. It
//! knows how files are written, and nothing of what is done with the candles.

mod cells;
mod dump;
mod error;
mod layout;
mod lines;
mod packed;
mod preamble;
mod report;
mod rows;
mod times;

use std::collections::VecDeque;
use std::fs::File;
use std::path::Path;

pub use error::CandleFileError;
pub use report::FileReport;
pub use times::TimeUnit;

use crate::bar::Interval;
use crate::series::Series;
use lines::{Lines, Text};
use rows::Rows;

/// Rows read at most: four years of minutes.
const MAX_ROWS: usize = 2_200_000;
/// Lines that are looked at together before any is read: they show where the header stands and how
/// numbers are written.
const SAMPLE: usize = 1_000;

/// Reads a file of candles of the given interval. Times of text without a zone are UTC; those in
/// numbers are seconds, milliseconds, microseconds or nanoseconds, whichever fits the size of each, days
/// of a spreadsheet, or dates in the digits of the calendar.
///
/// # Errors
/// When the file cannot be read, lacks a column, contradicts itself, or its rows make no series.
pub fn read(path: &Path, interval: Interval) -> Result<(Series, FileReport), CandleFileError> {
    let cannot_read = |source| CandleFileError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(cannot_read)?;
    let unpacked = packed::open(file).map_err(cannot_read)?;
    let mut lines = match Lines::of(unpacked.text).map_err(cannot_read)? {
        Text::Lines(lines) => lines,
        Text::Other(what) => {
            return Err(CandleFileError::Format {
                path: path.to_owned(),
                what,
            });
        }
    };
    let mut first = VecDeque::new();
    while first.len() < SAMPLE
        && let Some(line) = lines.next().map_err(cannot_read)?
    {
        first.push_back(line);
    }
    let table = preamble::table(&mut first).map_err(|no| CandleFileError::of(path, no))?;
    let mut rows = Rows::new(path, table);
    for line in first {
        rows.take(&line)?;
    }
    while let Some(line) = lines.next().map_err(cannot_read)? {
        rows.take(&line)?;
    }
    rows.into_series(interval, unpacked.junk.get())
}

#[cfg(test)]
mod tests;
