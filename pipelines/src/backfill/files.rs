//! Loads candles from downloaded files: a directory with a venue's zipped or plain CSV files, of candles or of
//! single trades, or CSV files whose columns are stated. The newest file comes first; a file is refused, by
//! its name, when it is not what its checksum file says.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::columns::ColumnMapping;
use super::history::{HistoryReport, HistoryRequest};
use super::loader::BackfillError;
use super::reading::{Content, Reading};
use super::trade_rows::FirstTrade;
use crate::clock::SharedClock;
use crate::market::Timestamp;
use crate::store::{HistoryBatch, InstrumentId, Store};
use crate::time_ranges::{TimeRange, joined, subtract};
use crate::venues::files::{CandleFiles, Period};

/// Batches that wait to be written.
const WAITING: usize = 2;

/// The endings of files whose columns are stated.
const STATED: [&str; 3] = [".csv", ".csv.gz", ".zip"];

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened or read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// Its bytes are not those that its checksum file names.
    #[error(
        "{} is damaged: its SHA-256 is {actual}, its .CHECKSUM file says {expected}; download it again",
        path.display()
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// As the checksum file has it.
        expected: String,
        /// As it is.
        actual: String,
    },
    /// A row is no candle of this file.
    #[error("cannot read {}, line {line}: {reason}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The reason.
        reason: String,
    },
    /// There is no file of this instrument and length.
    #[error("{} has no files of {wanted}; it has {found}", path.display())]
    NoFiles {
        /// The directory.
        path: PathBuf,
        /// The instrument and length.
        wanted: String,
        /// Some of the files that are there.
        found: String,
    },
}

/// The files that are read.
#[derive(Clone)]
enum Files {
    Venue(&'static dyn CandleFiles),
    Stated(Arc<ColumnMapping>),
}

/// Loads history from a directory.
#[derive(Clone)]
pub struct FileBackfill {
    directory: PathBuf,
    files: Files,
    clock: SharedClock,
}

impl std::fmt::Debug for FileBackfill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileBackfill")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// A file that is to be read.
struct Found {
    /// The time that its name states.
    period: Option<TimeRange>,
    name: String,
    content: Content,
}

impl FileBackfill {
    /// From the files of a venue in this directory.
    #[must_use]
    pub fn new(directory: PathBuf, files: &'static dyn CandleFiles, clock: SharedClock) -> Self {
        Self {
            directory,
            files: Files::Venue(files),
            clock,
        }
    }

    /// From a CSV file with these columns, plain, gzipped or zipped, or from all in a directory.
    #[must_use]
    pub fn with_columns(path: PathBuf, columns: ColumnMapping, clock: SharedClock) -> Self {
        Self {
            directory: path,
            files: Files::Stated(Arc::new(columns)),
            clock,
        }
    }

    /// The source that is noted for what the files prove.
    fn source(&self) -> &'static str {
        match &self.files {
            Files::Venue(files) => files.source(),
            Files::Stated(_) => "csv",
        }
    }

    /// Loads the candles that are asked for, and says after each file how many are done of all, and how many
    /// candles are new or changed.
    ///
    /// # Errors
    /// When a file cannot be used, or the store fails; what was loaded before stays.
    pub async fn run(
        &self,
        store: &Store,
        request: &HistoryRequest,
        mut progress: impl FnMut(u64, u64, u64) + Send,
    ) -> Result<HistoryReport, BackfillError> {
        let now = self.clock.now();
        let window = super::parts::window(request.from, request.to, request.interval, now);
        let mut report = HistoryReport {
            window: Some(window),
            ..HistoryReport::default()
        };
        let files = self.list(request, window)?;
        let all = files.len() as u64;
        let instrument = store.ensure_instrument(&request.instrument).await?;
        let spans = store.proven_spans(instrument, request.interval).await?;
        let own = spans
            .into_iter()
            .filter(|span| span.source == self.source());
        let proven: Vec<TimeRange> = joined(own.map(|span| (span.from, span.to)).collect());
        let mut next = None;
        for (done, found) in files.into_iter().enumerate() {
            next = match found.period {
                // A month of trades takes minutes to read.
                Some(period)
                    if found.content.is_of_trades() && is_proven(&proven, period, window) =>
                {
                    None
                }
                period => {
                    let reading = Reading {
                        path: self.path(&found.name),
                        content: found.content,
                        source: self.source(),
                        symbol: request.instrument.symbol.clone(),
                        interval: request.interval,
                        window,
                        period,
                        next,
                    };
                    self.file(store, instrument, reading, &proven, &mut report)
                        .await?
                }
            };
            progress(done as u64 + 1, all, report.written.changed);
        }
        report.holes = joined(std::mem::take(&mut report.holes));
        Ok(report)
    }

    /// The path of a file; that of the only one is the one that was given.
    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() {
            return self.directory.clone();
        }
        self.directory.join(name)
    }

    /// The names of the files that there are.
    fn names(&self) -> Result<Vec<String>, FileError> {
        let unreadable = |error: io::Error| FileError::Unreadable {
            path: self.directory.clone(),
            reason: error.to_string(),
        };
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.directory).map_err(unreadable)? {
            if let Ok(name) = entry.map_err(unreadable)?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The files of an instrument and length whose time is asked for, the newest first.
    fn list(&self, request: &HistoryRequest, window: TimeRange) -> Result<Vec<Found>, FileError> {
        if matches!(self.files, Files::Stated(_)) && self.directory.is_file() {
            return Ok(self.content("", request).into_iter().collect());
        }
        let mut names = self.names()?;
        let mut found: Vec<Found> = names
            .iter()
            .filter_map(|name| self.content(name, request))
            .collect();
        if found.is_empty() {
            names.truncate(5);
            return Err(FileError::NoFiles {
                path: self.directory.clone(),
                wanted: format!("{} candles of {}", request.interval, request.instrument),
                found: match names.len() {
                    0 => "none at all".to_owned(),
                    _ => names.join(", "),
                },
            });
        }
        // Of a time there are candles of, no trades are read.
        let of_candles = found.iter().filter(|file| !file.content.is_of_trades());
        let covered: Option<Vec<TimeRange>> = of_candles.map(|file| file.period).collect();
        let covered = covered.map(joined);
        found.retain(|file| {
            let wanted = file
                .period
                .is_none_or(|(from, to)| from < window.1 && to > window.0);
            let known = match (&covered, file.period) {
                (None, _) => true,
                (Some(covered), Some(period)) => is_proven(covered, period, window),
                (Some(covered), None) => !covered.is_empty(),
            };
            wanted && !(file.content.is_of_trades() && known)
        });
        found.sort_by(|one, other| {
            let key = |file: &Found| file.period.map_or(Timestamp::MIN, |period| period.0);
            (key(other), &other.name).cmp(&(key(one), &one.name))
        });
        Ok(found)
    }

    /// A file of this name, if it is of the instrument and length.
    fn content(&self, name: &str, request: &HistoryRequest) -> Option<Found> {
        let found = |period, content| {
            let period = match period {
                Period::Of(range) => Some(range),
                Period::Unstated => None,
            };
            let name = name.to_owned();
            Some(Found {
                period,
                name,
                content,
            })
        };
        match &self.files {
            Files::Venue(files) => {
                let symbol = &request.instrument.symbol;
                if let Some(period) = files.period(name, symbol, request.interval) {
                    return found(period, Content::Candles(*files));
                }
                let trades = files.trades()?;
                found(trades.period(name, symbol)?, Content::Trades(trades))
            }
            Files::Stated(columns) => {
                let readable = name.is_empty() || STATED.iter().any(|end| name.ends_with(end));
                let content = Content::Stated(Arc::clone(columns));
                readable.then(|| found(Period::Unstated, content))?
            }
        }
    }

    async fn file(
        &self,
        store: &Store,
        instrument: InstrumentId,
        reading: Reading,
        proven: &[TimeRange],
        report: &mut HistoryReport,
    ) -> Result<Option<FirstTrade>, BackfillError> {
        let (batches, mut read) = mpsc::channel::<HistoryBatch>(WAITING);
        let reading = tokio::task::spawn_blocking(move || {
            reading.read(&mut |batch| batches.blocking_send(batch).is_ok())
        });
        while let Some(batch) = read.recv().await {
            let all = batch
                .proven
                .iter()
                .all(|span| is_proven(proven, *span, *span));
            if all && batch.holes.is_empty() {
                continue;
            }
            let written = store
                .write_history(instrument, &batch, self.clock.now())
                .await?;
            report.written.changed += written.changed;
            report.written.differing += written.differing;
            report.written.filled_gaps += written.filled_gaps;
            report.holes.extend(batch.holes);
        }
        let outcome = reading.await.unwrap_or_else(|error| {
            Err(FileError::Unreadable {
                path: self.directory.clone(),
                reason: error.to_string(),
            })
        });
        Ok(outcome?)
    }
}

/// Returns whether ranges (disjoint) cover the part of a period that is in the window.
fn is_proven(ranges: &[TimeRange], period: TimeRange, window: TimeRange) -> bool {
    let part = (period.0.max(window.0), period.1.min(window.1));
    ranges
        .iter()
        .fold(vec![part], |left, one| subtract(&left, *one))
        .is_empty()
}
