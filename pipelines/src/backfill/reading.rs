//! Reads a file of candles or trades, row by row, and passes on batches. It knows no store.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::columns::{CandleRow, ColumnMapping};
use super::files::FileError;
use super::rows::{Absence, Rows};
use super::trade_rows::{FileEnd, FirstTrade, TradeRows};
use crate::market::{Interval, Symbol, Trade};
use crate::store::HistoryBatch;
use crate::time_ranges::TimeRange;
use crate::venues::files::CandleFiles;
use crate::venues::history::{Quiet, VenueRefusal};
use crate::venues::trade_files::TradeFiles;

/// A column is at most this long.
const LONGEST_COLUMN: usize = 64;

/// The bytes of CSV that are read at once.
const BUFFER: usize = 1 << 17;

/// What a file is of.
#[derive(Clone)]
pub(super) enum Content {
    Candles(&'static dyn CandleFiles),
    Trades(&'static dyn TradeFiles),
    Stated(Arc<ColumnMapping>),
}

impl Content {
    /// Returns whether it is a venue's file of trades.
    pub(super) const fn is_of_trades(&self) -> bool {
        matches!(self, Self::Trades(_))
    }
}

/// A file, and what is wanted of it.
pub(super) struct Reading {
    pub(super) path: PathBuf,
    pub(super) content: Content,
    /// The source that is noted for what it proves.
    pub(super) source: &'static str,
    pub(super) symbol: Symbol,
    pub(super) interval: Interval,
    pub(super) window: TimeRange,
    /// The time that its name states.
    pub(super) period: Option<TimeRange>,
    /// The beginning of the file after it.
    pub(super) next: Option<FirstTrade>,
}

/// Takes a batch; answers whether more are wanted.
type PassOn<'a> = &'a mut dyn FnMut(HistoryBatch) -> bool;

impl Reading {
    /// Reads the file, and passes on its candles in the window until nobody takes them any more. Answers its
    /// first trade.
    pub(super) fn read(&self, pass_on: PassOn<'_>) -> Result<Option<FirstTrade>, FileError> {
        let path = &self.path;
        let unreadable = |reason: String| FileError::Unreadable {
            path: path.clone(),
            reason,
        };
        let checked = check(path)?;
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("zip") => {
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
                self.rows(entry, true, pass_on)
            }
            Some("gz") => self.rows(flate2::read::MultiGzDecoder::new(file), true, pass_on),
            _ => self.rows(file, checked, pass_on),
        }
    }

    fn rows(
        &self,
        input: impl Read,
        whole: bool,
        pass_on: PassOn<'_>,
    ) -> Result<Option<FirstTrade>, FileError> {
        match &self.content {
            Content::Candles(files) => self.candles(*files, input, pass_on).map(|()| None),
            Content::Trades(files) => self.trades(*files, input, whole, pass_on),
            Content::Stated(columns) => self.stated(columns, input, pass_on).map(|()| None),
        }
    }

    fn new_rows(&self, absence: Absence) -> Rows {
        Rows::new(self.source, self.interval, absence)
    }

    fn candles(
        &self,
        files: &dyn CandleFiles,
        input: impl Read,
        pass_on: PassOn<'_>,
    ) -> Result<(), FileError> {
        let absence = match files.quiet() {
            Quiet::Flat => Absence::Hole,
            Quiet::Absent => Absence::Quiet,
        };
        let mut rows = self.new_rows(absence);
        self.each(input, b',', |line, row| {
            let columns: Vec<&str> = row.iter().map(str::trim).collect();
            if line == 1 && is_header(row) {
                return Ok(true);
            }
            let candle = files.candle(self.interval, &columns).map_err(reason)?;
            if candle.open_time < self.window.0 || candle.open_time >= self.window.1 {
                return Ok(true);
            }
            Ok(rows.add(candle)?.is_none_or(&mut *pass_on))
        })?;
        if let Some(batch) = rows.take() {
            pass_on(batch);
        }
        Ok(())
    }

    fn trades(
        &self,
        files: &dyn TradeFiles,
        input: impl Read,
        whole: bool,
        pass_on: PassOn<'_>,
    ) -> Result<Option<FirstTrade>, FileError> {
        let rows = self.new_rows(Absence::Quiet);
        let mut rows = TradeRows::new(rows, self.window, files.numbered());
        self.each(input, b',', |line, row| {
            if line == 1 && is_header(row) {
                return Ok(true);
            }
            let trade = files.trade(line, row).map_err(reason)?;
            add(&mut rows, &trade, pass_on)
        })?;
        let first = rows.first();
        let end = FileEnd {
            whole: whole && self.period.is_some(),
            period: self.period.map(|period| period.1),
            next: self.next,
        };
        self.finish(rows, end, pass_on)?;
        Ok(first)
    }

    fn finish(&self, rows: TradeRows, end: FileEnd, pass_on: PassOn<'_>) -> Result<(), FileError> {
        let rest = rows.finish(end).map_err(|reason| FileError::Unreadable {
            path: self.path.clone(),
            reason,
        })?;
        for batch in rest.into_iter().flatten() {
            if !pass_on(batch) {
                break;
            }
        }
        Ok(())
    }

    fn stated(
        &self,
        columns: &ColumnMapping,
        input: impl Read,
        pass_on: PassOn<'_>,
    ) -> Result<(), FileError> {
        let mut places = None;
        let mut rows = self.new_rows(columns.absence());
        let trades = self.new_rows(Absence::Quiet);
        let mut trades =
            TradeRows::new(trades, self.window, columns.numbered()).beginning_within_a_candle();
        self.each(input, columns.separator(), |line, row| {
            let places = match &places {
                Some(places) => places,
                None => {
                    let (found, header) = columns.places(row)?;
                    let places = places.insert(found);
                    if header {
                        return Ok(true);
                    }
                    places
                }
            };
            if !places.is_of(row, &self.symbol) {
                return Ok(true);
            }
            if columns.of_trades() {
                let trade = places.trade(line, row).map_err(reason)?;
                return add(&mut trades, &trade, pass_on);
            }
            let (time, whole) = match places.candle(self.interval, row).map_err(reason)? {
                CandleRow::Whole(candle) => (candle.open_time, Some(candle)),
                CandleRow::Incomplete(time) => (time, None),
            };
            if time < self.window.0 || time >= self.window.1 {
                return Ok(true);
            }
            let full = match whole {
                Some(candle) => rows.add(candle)?,
                None => rows.add_unknown(time)?,
            };
            Ok(full.is_none_or(&mut *pass_on))
        })?;
        if columns.of_trades() {
            return self.finish(trades, FileEnd::default(), pass_on);
        }
        if let Some(batch) = rows.take() {
            pass_on(batch);
        }
        Ok(())
    }

    /// Calls `each` with every row and its line, until it answers that no more are wanted.
    fn each(
        &self,
        input: impl Read,
        separator: u8,
        mut each: impl FnMut(u64, &csv::StringRecord) -> Result<bool, String>,
    ) -> Result<(), FileError> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .buffer_capacity(BUFFER)
            .from_reader(input);
        let mut row = csv::StringRecord::new();
        let mut line = 0;
        loop {
            line += 1;
            let failed = |reason: String| FileError::Row {
                path: self.path.clone(),
                line,
                reason,
            };
            match reader.read_record(&mut row) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => return Err(failed(error.to_string())),
            }
            if row.as_slice().len() > LONGEST_COLUMN && row.iter().any(|c| c.len() > LONGEST_COLUMN)
            {
                return Err(failed("a column is too long".to_owned()));
            }
            if !each(line, &row).map_err(failed)? {
                return Ok(());
            }
        }
    }
}

/// Adds a trade. Answers whether more are wanted.
fn add(rows: &mut TradeRows, trade: &Trade, pass_on: PassOn<'_>) -> Result<bool, String> {
    let wanted = rows.add(trade)?.is_none_or(&mut *pass_on);
    Ok(wanted && !rows.is_past(trade))
}

/// Returns whether a first row is a header, as some years' files have one.
fn is_header(row: &csv::StringRecord) -> bool {
    row.get(0).map(str::trim).is_some_and(|first| {
        !first.is_empty() && !first.starts_with(|c: char| c.is_ascii_digit() || c == '-')
    })
}

/// Why a row cannot be read.
fn reason(refusal: VenueRefusal) -> String {
    match refusal {
        VenueRefusal::Unreadable(reason) => reason,
        other => other.to_string(),
    }
}

/// Compares a file with the checksum file next to it. Answers whether there is one.
fn check(path: &Path) -> Result<bool, FileError> {
    let unreadable = |path: &Path, error: io::Error| FileError::Unreadable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut name = path.as_os_str().to_owned();
    name.push(".CHECKSUM");
    let beside = PathBuf::from(name);
    let said = match std::fs::read_to_string(&beside) {
        Ok(said) => said,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
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
        return Ok(true);
    }
    Err(FileError::Checksum {
        path: path.to_owned(),
        expected: expected.chars().take(64).collect(),
        actual,
    })
}
