//! Why a file gives no series. Every message is one line.

use std::io;
use std::path::{Path, PathBuf};

use super::MAX_ROWS;
use super::cells::shortened;
use super::layout::Unfit;
use super::preamble::NoTable;
use crate::series::SeriesError;

/// Why a file gives no series.
#[derive(Debug, thiserror::Error)]
pub enum CandleFileError {
    /// It cannot be opened or read.
    #[error("cannot read candles from {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It has no header.
    #[error("cannot read candles from {path}: the file is empty")]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// It is no text that candles are read from.
    #[error("cannot read candles from {path}: it is {what}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// The kind of file it seems to be, and the remedy.
        what: &'static str,
    },
    /// A column is missing.
    #[error(
        "cannot read candles from {path}: no column is called {wanted}; the header (line {line}) has {found}"
    )]
    NoColumn {
        /// Which file.
        path: PathBuf,
        /// Columns that were looked for.
        wanted: String,
        /// Where the header stands.
        line: u64,
        /// Columns that were found.
        found: String,
    },
    /// Two columns may each be the one that is looked for.
    #[error(
        "cannot use {path}: the header (line {line}) has two columns for {wanted}, {one} and {other}: keep those of one instrument"
    )]
    SeveralColumns {
        /// Which file.
        path: PathBuf,
        /// Where the header stands.
        line: u64,
        /// The column that was looked for.
        wanted: &'static str,
        /// The first of them.
        one: String,
        /// Another.
        other: String,
    },
    /// There is no header, and the rows are of no dump that is known without one.
    #[error(
        "cannot read candles from {path}: line {line} has values where the names of the columns should be, and {why}: put a line of names first, such as time,open,high,low,close,volume"
    )]
    NoNames {
        /// Which file.
        path: PathBuf,
        /// Where the rows begin.
        line: u64,
        /// Why they are of no known dump.
        why: String,
    },
    /// Another header follows rows.
    #[error(
        "cannot use {path}: line {line} is a header of other columns than the first one's: cut the file there"
    )]
    OtherHeader {
        /// Which file.
        path: PathBuf,
        /// Where it stands.
        line: u64,
    },
    /// Candles of several instruments.
    #[error(
        "cannot use {path}: column {column} has {first} and, from line {line}, {second}: keep the rows of one of them"
    )]
    SeveralSymbols {
        /// Which file.
        path: PathBuf,
        /// Which column.
        column: String,
        /// The first value.
        first: String,
        /// Another.
        second: String,
        /// Where the other stands.
        line: u64,
    },
    /// A value is NaN or infinite.
    #[error(
        "cannot use {path}: {column} in line {line} is {value}, not a finite number: correct or remove that line"
    )]
    NotFinite {
        /// Which file.
        path: PathBuf,
        /// Where.
        line: u64,
        /// Which column.
        column: String,
        /// The cell's text.
        value: String,
    },
    /// Too many rows cannot be read.
    #[error(
        "cannot use {path}: {unreadable} of {rows} rows cannot be read, the first because {first}"
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Number of unreadable rows.
        unreadable: usize,
        /// Of how many.
        rows: usize,
        /// Fault of the first of them.
        first: String,
    },
    /// There are more rows than are read.
    #[error("cannot use {path}: it has more than {MAX_ROWS} rows; cut it into shorter files")]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// The rows make no series.
    #[error("cannot use {path}: {cause}{}{}", at_line(.line), without(*.unfinished))]
    Series {
        /// Which file.
        path: PathBuf,
        /// The line of the row that the cause names, if it names one.
        line: Option<u64>,
        /// Number of rows that were marked as incomplete and were not used.
        unfinished: usize,
        /// Why.
        cause: SeriesError,
    },
}

impl CandleFileError {
    /// The error of a file in which no table was found.
    pub(super) fn of(path: &Path, no: NoTable) -> Self {
        let path = path.to_owned();
        match no {
            NoTable::Empty => Self::Empty { path },
            NoTable::NoNames { line, why } => Self::NoNames { path, line, why },
            NoTable::Header { line, names, unfit } => match unfit {
                Unfit::Missing(wanted) => Self::NoColumn {
                    path,
                    wanted: wanted.to_owned(),
                    line,
                    found: found(&names),
                },
                Unfit::Several { wanted, one, other } => Self::SeveralColumns {
                    path,
                    line,
                    wanted,
                    one: shortened(&one),
                    other: shortened(&other),
                },
            },
        }
    }
}

/// The names of a header, as many as a message has room for.
fn found(names: &[String]) -> String {
    const MOST: usize = 20;
    let shown = names.iter().take(MOST).map(|name| shortened(name));
    let mut found: Vec<String> = shown
        .map(|name| name.trim_matches('"').to_owned())
        .collect();
    if names.len() > MOST {
        found.push(format!("and {} more", names.len() - MOST));
    }
    found.join(", ")
}

fn at_line(line: &Option<u64>) -> String {
    line.map_or(String::new(), |line| format!(" (line {line})"))
}

fn without(unfinished: usize) -> String {
    match unfinished {
        0 => String::new(),
        1 => " (1 more is not complete by its own column)".to_owned(),
        more => format!(" ({more} more are not complete by their own column)"),
    }
}
