//! Reads candles from a CSV file, plain or gzipped, into a series, and says what it found and did. It
//! knows how files are written, and nothing of what is done with the candles.

mod times;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::StringRecord;
use serde::{Deserialize, Serialize};

use crate::bar::{Bar, Interval};
use crate::series::{Series, SeriesError, SeriesReport};
use times::{Stamp, TimeUnit};

/// Rows read at most: four years of minutes.
const MAX_ROWS: usize = 2_200_000;
/// More of the rows than this share unreadable means that the file is not what it seems.
const MAX_UNREADABLE_SHARE: f64 = 0.05;
/// Names of the time column, the surest first.
const TIME_NAMES: [&str; 4] = ["open_time", "timestamp", "time", "date"];
/// Names of the volume column, the surest first; after these, the first that begins with `volume`.
const VOLUME_NAMES: [&str; 3] = ["volume", "base_volume", "vol"];

/// What was found in a file and done about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    /// The column that times were read from, as the file spells it.
    pub time_column: String,
    /// How they are written: a unit of numbers, or text.
    pub time_unit: TimeUnit,
    /// The column that volumes were read from; without one they are zero.
    pub volume_column: Option<String>,
    /// Rows with an empty time or price: they were taken as missing.
    pub incomplete: usize,
    /// Rows of which a time or number could not be read: they were left out.
    pub unreadable: usize,
    /// Why, for the first of them.
    pub first_unreadable: Option<String>,
    /// What was found in the candles themselves.
    pub series: SeriesReport,
}

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
    /// A column is missing.
    #[error(
        "cannot read candles from {path}: no column is called {wanted}; the header has {found}"
    )]
    NoColumn {
        /// Which file.
        path: PathBuf,
        /// What is looked for.
        wanted: String,
        /// What there is.
        found: String,
    },
    /// A value is NaN or infinite.
    #[error(
        "cannot use {path}: {column} in line {line} is {value}, not a finite number: correct or remove that line"
    )]
    NotFinite {
        /// Which file.
        path: PathBuf,
        /// Where, the header being line 1.
        line: u64,
        /// Which column.
        column: String,
        /// What stands there.
        value: String,
    },
    /// Too many rows cannot be read.
    #[error(
        "cannot use {path}: {unreadable} of {rows} rows cannot be read, the first because {first}"
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// How many.
        unreadable: usize,
        /// Of how many.
        rows: usize,
        /// What is wrong with the first.
        first: String,
    },
    /// There are more rows than are read.
    #[error("cannot use {path}: it has more than {MAX_ROWS} rows; cut it into shorter files")]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// The rows make no series.
    #[error("cannot use {path}: {source}")]
    Series {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: SeriesError,
    },
}

impl fmt::Display for FileReport {
    /// A line for each thing that was not as it should be; nothing if all was.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        let mut say = |count: usize, what: String| {
            if count > 0 {
                lines.push(what);
            }
        };
        let series = &self.series;
        let because = |why: &Option<String>| {
            why.as_ref()
                .map_or(String::new(), |why| format!(" (the first: {why})"))
        };
        say(
            self.incomplete,
            format!(
                "{} rows without a time or a price: taken as missing",
                self.incomplete
            ),
        );
        say(
            self.unreadable,
            format!(
                "{} unreadable rows: left out{}",
                self.unreadable,
                because(&self.first_unreadable)
            ),
        );
        say(
            series.refused,
            format!(
                "{} impossible candles: left out{}",
                series.refused,
                because(&series.first_refused)
            ),
        );
        say(
            series.out_of_order,
            format!("{} rows out of order: sorted", series.out_of_order),
        );
        say(
            series.duplicates,
            format!("{} duplicates: one of each kept", series.duplicates),
        );
        say(
            series.conflicting,
            format!(
                "{} rows that contradict one of the same time: the last one kept",
                series.conflicting
            ),
        );
        say(
            series.off_grid,
            format!(
                "{} candles beside the others' grid: moved to its nearest point",
                series.off_grid
            ),
        );
        say(
            series.widened,
            format!(
                "{} ranges that do not hold open and close: widened",
                series.widened
            ),
        );
        say(
            series.missing,
            format!(
                "{} missing candles: {} filled with the last price and not forecast, {} longer holes at which the series is split",
                series.missing, series.filled, series.splits
            ),
        );
        say(
            usize::from(self.volume_column.is_none()),
            "no volume column: volume features are zero".to_owned(),
        );
        f.write_str(&lines.join("\n"))
    }
}

/// Reads a file of candles of the given interval. Times of text without a zone are UTC; those in
/// numbers are seconds, milliseconds, microseconds or nanoseconds, whichever fits the interval.
///
/// # Errors
/// When the file cannot be read, lacks a column, or its rows make no series.
pub fn read(path: &Path, interval: Interval) -> Result<(Series, FileReport), CandleFileError> {
    let cannot_read = |source| CandleFileError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(cannot_read)?;
    let mut text = BufReader::new(unpacked(BufReader::new(file)).map_err(cannot_read)?);
    let start = text.fill_buf().map_err(cannot_read)?;
    if start.iter().all(u8::is_ascii_whitespace) {
        return Err(CandleFileError::Empty {
            path: path.to_owned(),
        });
    }
    let header = start
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    let separator = separator_of(header);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(separator)
        .trim(csv::Trim::All)
        .from_reader(text);
    let unreadable = |error: csv::Error| cannot_read(io::Error::other(error));
    let columns = Columns::find(path, reader.headers().map_err(unreadable)?)?;

    let mut rows = Rows::new(path, &columns);
    let mut record = StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => rows.take(&record)?,
            Ok(false) => break,
            Err(error) => match error.kind() {
                csv::ErrorKind::Utf8 { .. } => rows.unreadable("it is not UTF-8 text".to_owned()),
                _ => return Err(unreadable(error)),
            },
        }
    }
    rows.into_series(interval)
}

/// What is in the file says whether it is packed, not its name.
fn unpacked(mut file: BufReader<File>) -> io::Result<Box<dyn Read>> {
    if file.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        Ok(Box::new(flate2::bufread::MultiGzDecoder::new(file)))
    } else {
        Ok(Box::new(file))
    }
}

/// Comma, semicolon or tab: whichever the header has most of.
fn separator_of(header: &[u8]) -> u8 {
    let count = |separator: u8| header.iter().filter(|&&byte| byte == separator).count();
    [b'\t', b';', b',']
        .into_iter()
        .max_by_key(|&separator| count(separator))
        .unwrap_or(b',')
}

/// Where each value stands in a row.
struct Columns {
    time: usize,
    time_name: String,
    prices: [usize; 4],
    volume: Option<(usize, String)>,
}

const PRICES: [&str; 4] = ["open", "high", "low", "close"];

impl Columns {
    fn find(path: &Path, header: &StringRecord) -> Result<Self, CandleFileError> {
        let names: Vec<String> = header
            .iter()
            .map(|name| {
                let name = name.trim_start_matches('\u{feff}').trim().to_lowercase();
                name.replace([' ', '-'], "_")
            })
            .collect();
        let place = |wanted: &str| names.iter().position(|name| name == wanted);
        let missing = |wanted: String| CandleFileError::NoColumn {
            path: path.to_owned(),
            wanted,
            found: header.iter().collect::<Vec<_>>().join(", "),
        };
        let time = TIME_NAMES
            .into_iter()
            .find_map(place)
            .ok_or_else(|| missing("time, timestamp, date or open_time".to_owned()))?;
        let mut prices = [0; 4];
        for (found, wanted) in prices.iter_mut().zip(PRICES) {
            *found = place(wanted).ok_or_else(|| missing(wanted.to_owned()))?;
        }
        let volume = VOLUME_NAMES
            .into_iter()
            .find_map(place)
            .or_else(|| names.iter().position(|name| name.starts_with("volume")));
        let spelled = |place: usize| header.get(place).unwrap_or_default().to_owned();
        Ok(Self {
            time,
            time_name: spelled(time),
            prices,
            volume: volume.map(|place| (place, spelled(place))),
        })
    }
}

/// The rows read so far.
struct Rows<'a> {
    path: &'a Path,
    columns: &'a Columns,
    stamps: Vec<Stamp>,
    bars: Vec<Bar>,
    read: usize,
    incomplete: usize,
    unreadable: usize,
    first_unreadable: Option<String>,
}

/// Why a row is not used.
enum Unusable {
    Incomplete,
    Unreadable(String),
    NotFinite { column: String, value: String },
}

impl<'a> Rows<'a> {
    const fn new(path: &'a Path, columns: &'a Columns) -> Self {
        Self {
            path,
            columns,
            stamps: Vec::new(),
            bars: Vec::new(),
            read: 0,
            incomplete: 0,
            unreadable: 0,
            first_unreadable: None,
        }
    }

    fn unreadable(&mut self, why: String) {
        self.read += 1;
        self.unreadable += 1;
        self.first_unreadable.get_or_insert(why);
    }

    fn take(&mut self, record: &StringRecord) -> Result<(), CandleFileError> {
        if self.read >= MAX_ROWS {
            return Err(CandleFileError::TooLong {
                path: self.path.to_owned(),
            });
        }
        let line = record.position().map_or(0, csv::Position::line);
        match self.bar(record) {
            Ok((stamp, bar)) => {
                self.read += 1;
                self.stamps.push(stamp);
                self.bars.push(bar);
            }
            Err(Unusable::Incomplete) => {
                self.read += 1;
                self.incomplete += 1;
            }
            Err(Unusable::Unreadable(why)) => self.unreadable(format!("line {line}: {why}")),
            Err(Unusable::NotFinite { column, value }) => {
                return Err(CandleFileError::NotFinite {
                    path: self.path.to_owned(),
                    line,
                    column,
                    value,
                });
            }
        }
        Ok(())
    }

    fn bar(&self, record: &StringRecord) -> Result<(Stamp, Bar), Unusable> {
        let cell = |place: usize| match record.get(place).unwrap_or_default() {
            "" | "null" | "NULL" | "None" => None,
            text => Some(text),
        };
        let time = cell(self.columns.time).ok_or(Unusable::Incomplete)?;
        let stamp = Stamp::parse(time).ok_or_else(|| {
            Unusable::Unreadable(format!("{time:?} is no time that is understood"))
        })?;
        let mut prices = [0.0; 4];
        for ((price, place), name) in prices.iter_mut().zip(self.columns.prices).zip(PRICES) {
            *price = number(name, cell(place).ok_or(Unusable::Incomplete)?)?;
        }
        let volume = self
            .columns
            .volume
            .as_ref()
            .and_then(|(place, name)| Some((name, cell(*place)?)))
            .map_or(Ok(0.0), |(name, text)| number(name, text))?;
        let [open, high, low, close] = prices;
        let bar = Bar {
            open_time: 0,
            open,
            high,
            low,
            close,
            volume,
        };
        Ok((stamp, bar))
    }

    fn into_series(mut self, interval: Interval) -> Result<(Series, FileReport), CandleFileError> {
        let refused = |source| CandleFileError::Series {
            path: self.path.to_owned(),
            source,
        };
        if self.unreadable as f64 > MAX_UNREADABLE_SHARE * self.read as f64 {
            return Err(CandleFileError::Unreadable {
                path: self.path.to_owned(),
                unreadable: self.unreadable,
                rows: self.read,
                first: self.first_unreadable.unwrap_or_default(),
            });
        }
        let time_unit = TimeUnit::of(&self.stamps, interval);
        for (bar, stamp) in self.bars.iter_mut().zip(&self.stamps) {
            bar.open_time = stamp.millis(time_unit);
        }
        let (series, report) = Series::build(interval, self.bars).map_err(refused)?;
        Ok((
            series,
            FileReport {
                time_column: self.columns.time_name.clone(),
                time_unit,
                volume_column: self.columns.volume.as_ref().map(|(_, name)| name.clone()),
                incomplete: self.incomplete,
                unreadable: self.unreadable,
                first_unreadable: self.first_unreadable,
                series: report,
            },
        ))
    }
}

fn number(column: &str, text: &str) -> Result<f64, Unusable> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(Unusable::NotFinite {
            column: column.to_owned(),
            value: text.to_owned(),
        }),
        Err(_) => Err(Unusable::Unreadable(format!(
            "{column} is {text:?}, not a number"
        ))),
    }
}

#[cfg(test)]
mod tests;
