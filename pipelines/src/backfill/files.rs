//! Loads candles from downloaded files: a directory with a venue's zipped or plain CSV files. The newest file
//! comes first; a file is refused, by its name, when it is not what its checksum file says.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::history::{HistoryReport, HistoryRequest};
use super::loader::BackfillError;
use crate::clock::SharedClock;
use crate::market::{Candle, Interval, Timestamp};
use crate::store::{HistoryBatch, InstrumentId, Store};
use crate::time_ranges::{TimeRange, joined, subtract};
use crate::venues::files::{CandleFiles, Period};
use crate::venues::history::Quiet;

/// Rows that are written at once, about; of minutes, whole days.
const ROWS: usize = 5_760;

/// Batches that wait to be written.
const WAITING: usize = 2;

/// A column is at most this long.
const LONGEST_ROW: usize = 64;

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

/// Loads history from a directory.
#[derive(Clone)]
pub struct FileBackfill {
    directory: PathBuf,
    files: &'static dyn CandleFiles,
    clock: SharedClock,
}

impl std::fmt::Debug for FileBackfill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileBackfill")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl FileBackfill {
    /// From the files of a venue in this directory.
    #[must_use]
    pub fn new(directory: PathBuf, files: &'static dyn CandleFiles, clock: SharedClock) -> Self {
        Self {
            directory,
            files,
            clock,
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
            .filter(|span| span.source == self.files.source());
        let proven: Vec<TimeRange> = joined(own.map(|span| (span.from, span.to)).collect());
        for (done, path) in files.into_iter().enumerate() {
            self.file(
                store,
                instrument,
                request,
                window,
                path,
                &proven,
                &mut report,
            )
            .await?;
            progress(done as u64 + 1, all, report.written.changed);
        }
        report.holes = joined(std::mem::take(&mut report.holes));
        Ok(report)
    }

    /// The files of an instrument and length whose time is asked for, the newest first.
    fn list(&self, request: &HistoryRequest, window: TimeRange) -> Result<Vec<PathBuf>, FileError> {
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
        let symbol = &request.instrument.symbol;
        let of = |name: &String| self.files.period(name, symbol, request.interval);
        let mut found: Vec<(Timestamp, &String)> = Vec::new();
        let mut any = false;
        for name in &names {
            match of(name) {
                Some(Period::Of((from, to))) => {
                    any = true;
                    if from < window.1 && to > window.0 {
                        found.push((from, name));
                    }
                }
                Some(Period::Unstated) => {
                    any = true;
                    found.push((Timestamp::MIN, name));
                }
                None => {}
            }
        }
        if !any {
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
        found.sort_unstable();
        Ok(found
            .into_iter()
            .rev()
            .map(|(_, name)| self.directory.join(name))
            .collect())
    }

    #[expect(clippy::too_many_arguments, reason = "one file of one run")]
    async fn file(
        &self,
        store: &Store,
        instrument: InstrumentId,
        request: &HistoryRequest,
        window: TimeRange,
        path: PathBuf,
        proven: &[TimeRange],
        report: &mut HistoryReport,
    ) -> Result<(), BackfillError> {
        let (files, interval) = (self.files, request.interval);
        let (batches, mut read) = mpsc::channel(WAITING);
        let reading = tokio::task::spawn_blocking(move || {
            read_file(&path, files, interval, window, |batch| {
                batches.blocking_send(batch).is_ok()
            })
        });
        while let Some(batch) = read.recv().await {
            let left = batch.proven.iter().flat_map(|span| {
                proven
                    .iter()
                    .fold(vec![*span], |left, one| subtract(&left, *one))
            });
            if left.count() == 0 && batch.holes.is_empty() {
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

/// Reads a file, and passes on its candles in the window until nobody takes them any more.
fn read_file(
    path: &Path,
    files: &dyn CandleFiles,
    interval: Interval,
    window: TimeRange,
    mut pass_on: impl FnMut(HistoryBatch) -> bool,
) -> Result<(), FileError> {
    let unreadable = |reason: String| FileError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    check(path)?;
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    if path.extension().is_some_and(|extension| extension == "zip") {
        let mut archive =
            zip::ZipArchive::new(file).map_err(|error| unreadable(error.to_string()))?;
        if archive.len() != 1 {
            let count = archive.len();
            return Err(unreadable(format!(
                "it contains {count} files instead of one"
            )));
        }
        let entry = archive
            .by_index(0)
            .map_err(|error| unreadable(error.to_string()))?;
        return read_rows(entry, path, files, interval, window, &mut pass_on);
    }
    read_rows(file, path, files, interval, window, &mut pass_on)
}

fn read_rows(
    input: impl Read,
    path: &Path,
    files: &dyn CandleFiles,
    interval: Interval,
    window: TimeRange,
    pass_on: &mut impl FnMut(HistoryBatch) -> bool,
) -> Result<(), FileError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(input);
    let mut record = csv::StringRecord::new();
    let mut rows = Rows {
        files,
        interval,
        end: None,
        candles: Vec::new(),
        begin: None,
        holes: Vec::new(),
    };
    let mut line = 0;
    loop {
        line += 1;
        let failed = |reason: String| FileError::Row {
            path: path.to_owned(),
            line,
            reason,
        };
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(failed(error.to_string())),
        }
        let columns: Vec<&str> = record.iter().map(str::trim).collect();
        let title = columns.first().is_some_and(|first| {
            !first.is_empty() && !first.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        });
        // Some years' files have a header.
        if line == 1 && title {
            continue;
        }
        if columns.iter().any(|column| column.len() > LONGEST_ROW) {
            return Err(failed("a column is too long".to_owned()));
        }
        let candle = files
            .candle(interval, &columns)
            .map_err(|error| failed(error.to_string()))?;
        if candle.open_time < window.0 || candle.open_time >= window.1 {
            continue;
        }
        let full = rows.add(candle).map_err(|time| {
            failed(format!(
                "the candle at {time} does not come after the one before"
            ))
        })?;
        if let Some(batch) = full
            && !pass_on(batch)
        {
            return Ok(());
        }
    }
    if let Some(batch) = rows.take() {
        pass_on(batch);
    }
    Ok(())
}

/// The rows of a file on their way into batches.
struct Rows<'a> {
    files: &'a dyn CandleFiles,
    interval: Interval,
    /// The end of the last row.
    end: Option<Timestamp>,
    /// The beginning of the next batch.
    begin: Option<Timestamp>,
    candles: Vec<Candle>,
    holes: Vec<TimeRange>,
}

impl Rows<'_> {
    /// Adds a candle. Answers a batch when there are enough before it.
    fn add(&mut self, candle: Candle) -> Result<Option<HistoryBatch>, Timestamp> {
        let time = candle.open_time;
        let mut full = None;
        if let Some(end) = self.end {
            if time < end {
                return Err(time);
            }
            let new_day = Interval::Day1.open_of(time) == time;
            if self.candles.len() >= ROWS && (new_day || self.interval != Interval::Minute1) {
                full = self.take();
            }
            if end < time && self.files.quiet() == Quiet::Flat {
                self.holes.push((end, time));
            }
        }
        self.begin.get_or_insert(time);
        self.end = Some(self.interval.end_of(time));
        // A candle of nothing is absent here.
        if candle.trades > 0 || !candle.volume.is_zero() {
            self.candles.push(candle);
        }
        Ok(full)
    }

    fn take(&mut self) -> Option<HistoryBatch> {
        let span = self.begin.take().zip(self.end)?;
        self.begin = self.end;
        let holes = std::mem::take(&mut self.holes);
        let proven = holes
            .iter()
            .fold(vec![span], |left, hole| subtract(&left, *hole));
        Some(HistoryBatch {
            interval: self.interval,
            source: self.files.source().to_owned(),
            candles: std::mem::take(&mut self.candles),
            proven,
            holes,
        })
    }
}

/// Compares a file with the checksum file next to it, where there is one.
fn check(path: &Path) -> Result<(), FileError> {
    let unreadable = |path: &Path, error: io::Error| FileError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".CHECKSUM");
    let beside = PathBuf::from(name);
    let said = match std::fs::read_to_string(&beside) {
        Ok(said) => said,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unreadable(&beside, error)),
    };
    let mut file = File::open(path).map_err(|error| unreadable(path, error))?;
    let mut digest = Sha256::new();
    let mut bytes = vec![0; 1 << 16];
    loop {
        let read = file
            .read(&mut bytes)
            .map_err(|error| unreadable(path, error))?;
        if read == 0 {
            break;
        }
        digest.update(&bytes[..read]);
    }
    let actual: String = digest
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    // `<hash>  <name>`
    let expected = said.split_whitespace().next().unwrap_or_default();
    if expected.eq_ignore_ascii_case(&actual) {
        return Ok(());
    }
    Err(FileError::Checksum {
        path: path.to_owned(),
        expected: expected.chars().take(64).collect(),
        actual,
    })
}
