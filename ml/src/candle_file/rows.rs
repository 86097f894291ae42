//! The rows of a file: a candle and its time each, as far as they can be read, and what they are
//! together.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::cells::{self, DecimalMark, is_empty, shortened};
use super::layout::{Layout, PRICE_NAMES, plain};
use super::lines::Line;
use super::preamble::Table;
use super::times::{self, Stamp};
use super::{CandleFileError, FileReport, MAX_ROWS};
use crate::bar::{Bar, Interval};
use crate::series::{Series, common_offset, is_too_large_a_share};

/// The rows read so far.
pub(super) struct Rows {
    path: PathBuf,
    layout: Layout,
    separator: u8,
    mark: DecimalMark,
    /// Value so far of each column that is the same in all rows.
    series: Vec<Option<String>>,
    stamps: Vec<Stamp>,
    bars: Vec<Bar>,
    lines: Vec<u64>,
    read: usize,
    /// Rows whose time is the one in the column of closing times.
    equals_close_time: usize,
    incomplete: usize,
    /// Rows that say of themselves that they are not complete, and the line of the first.
    unfinished: usize,
    first_unfinished: Option<u64>,
    unreadable: usize,
    first_unreadable: Option<String>,
    unclosed_quotes: usize,
    first_unclosed_quote: Option<u64>,
}

/// Why a row is not used.
enum Unusable {
    Incomplete,
    Unreadable(String),
    NotFinite { column: String, value: String },
}

type Cells<'a> = [Cow<'a, str>];

impl Rows {
    pub(super) fn new(path: &Path, table: Table) -> Self {
        Self {
            path: path.to_owned(),
            series: vec![None; table.layout.series.len()],
            layout: table.layout,
            separator: table.separator,
            mark: table.mark,
            stamps: Vec::new(),
            bars: Vec::new(),
            lines: Vec::new(),
            read: 0,
            equals_close_time: 0,
            incomplete: 0,
            unfinished: 0,
            first_unfinished: None,
            unreadable: 0,
            first_unreadable: None,
            unclosed_quotes: 0,
            first_unclosed_quote: None,
        }
    }

    /// Takes a line of the table.
    pub(super) fn take(&mut self, line: &Line) -> Result<(), CandleFileError> {
        let number = line.number;
        let Some(text) = &line.text else {
            self.leave_out(format!("line {number}: it is not UTF-8 text"));
            return Ok(());
        };
        // What a program that died, or DOS, left at the end.
        let text = text.trim_end_matches(['\0', '\u{1a}']);
        if text.trim_matches([' ', '\t']).is_empty() {
            return Ok(());
        }
        if self.read >= MAX_ROWS {
            return Err(CandleFileError::TooLong {
                path: self.path.clone(),
            });
        }
        let Ok(cells) = cells::split(text, self.separator) else {
            self.unclosed_quotes += 1;
            self.first_unclosed_quote.get_or_insert(number);
            self.leave_out(format!("a quote opened in line {number} is never closed"));
            return Ok(());
        };
        match self.bar(&cells) {
            Ok((stamp, bar)) => {
                self.one_series(&cells, number)?;
                self.read += 1;
                match self.is_complete(&cells) {
                    Ok(true) => {}
                    Ok(false) => {
                        self.unfinished += 1;
                        self.first_unfinished.get_or_insert(number);
                        return Ok(());
                    }
                    Err(cell) => {
                        self.read -= 1;
                        self.leave_out(format!(
                            "line {number}: whether the candle is complete is {cell}, not true or false"
                        ));
                        return Ok(());
                    }
                }
                self.stamps.push(stamp);
                self.bars.push(bar);
                self.lines.push(number);
                let close_time = self.layout.close_time.and_then(|place| cells.get(place));
                if close_time.is_some() && close_time == cells.get(self.layout.time) {
                    self.equals_close_time += 1;
                }
            }
            Err(Unusable::Incomplete | Unusable::Unreadable(_))
                if self.is_header(&cells, number)? => {}
            Err(Unusable::Incomplete) => {
                self.read += 1;
                self.incomplete += 1;
            }
            Err(Unusable::Unreadable(why)) => self.leave_out(format!("line {number}: {why}")),
            Err(Unusable::NotFinite { column, value }) => {
                return Err(CandleFileError::NotFinite {
                    path: self.path.clone(),
                    line: number,
                    column,
                    value,
                });
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, why: String) {
        self.read += 1;
        self.unreadable += 1;
        self.first_unreadable.get_or_insert(why);
    }

    /// Returns whether a row repeats the header, as files do that were put together of several.
    fn is_header(&self, cells: &Cells<'_>, line: u64) -> Result<bool, CandleFileError> {
        match Layout::of_header(cells) {
            Ok(header) if header.is_like(&self.layout) => Ok(true),
            Ok(_) => Err(CandleFileError::OtherHeader {
                path: self.path.clone(),
                line,
            }),
            Err(_) => Ok(false),
        }
    }

    /// Refuses candles of another instrument or interval than those before.
    fn one_series(&mut self, cells: &Cells<'_>, line: u64) -> Result<(), CandleFileError> {
        for (known, (place, column)) in self.series.iter_mut().zip(&self.layout.series) {
            let Some(cell) = cells.get(*place).filter(|cell| !is_empty(cell)) else {
                continue;
            };
            match known {
                // Dumps of several years spell one symbol as BTC/USDT and as BTCUSDT.
                Some(known) if *known == **cell || plain(known) == plain(cell) => {}
                Some(known) => {
                    return Err(CandleFileError::SeveralSymbols {
                        path: self.path.clone(),
                        column: column.clone(),
                        first: shortened(known),
                        second: shortened(cell),
                        line,
                    });
                }
                None => *known = Some(cell.clone().into_owned()),
            }
        }
        Ok(())
    }

    /// Reads a row's mark of completeness; a row without one is complete. `Err` has text that is
    /// neither.
    fn is_complete(&self, cells: &Cells<'_>) -> Result<bool, String> {
        let cell = self.layout.complete.and_then(|place| cells.get(place));
        let Some(cell) = cell.map(|cell| cell.trim()).filter(|cell| !is_empty(cell)) else {
            return Ok(true);
        };
        match cell.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => Ok(true),
            "false" | "f" | "no" | "n" | "0" | "0.0" => Ok(false),
            _ => Err(shortened(cell)),
        }
    }

    fn bar(&self, cells: &Cells<'_>) -> Result<(Stamp, Bar), Unusable> {
        let cell = |place: usize| {
            cells
                .get(place)
                .map(|cell| &**cell)
                .filter(|cell| !is_empty(cell))
        };
        let time = cell(self.layout.time).ok_or(Unusable::Incomplete)?;
        let stamp = match self.layout.time_of_day.and_then(cell) {
            Some(of_day) => Stamp::joined(time, of_day),
            None => Stamp::parse(time),
        };
        let stamp =
            stamp.map_err(|why| Unusable::Unreadable(format!("{} is {why}", shortened(time))))?;
        // Some dumps write a candle without a trade as four times NaN.
        let is_nan = |place: usize| cell(place).is_none_or(|cell| cell.eq_ignore_ascii_case("nan"));
        if self.layout.prices.into_iter().all(is_nan) {
            return Err(Unusable::Incomplete);
        }
        let mut prices = [0.0; 4];
        for ((price, place), name) in prices.iter_mut().zip(self.layout.prices).zip(PRICE_NAMES) {
            let text = cell(place).ok_or(Unusable::Incomplete)?;
            *price = finite(name, text, cells::number(text, self.mark))?;
        }
        let volume = self.layout.volume.as_ref();
        let volume = volume
            .and_then(|(place, name)| Some((name, cell(*place)?)))
            .map_or(Ok(0.0), |(name, text)| {
                finite(name, text, cells::volume(text, self.mark))
            })?;
        if cells
            .iter()
            .skip(self.layout.columns)
            .any(|cell| !cell.is_empty())
        {
            return Err(Unusable::Unreadable(format!(
                "it has {} values for {} columns: does the separator stand within numbers?",
                cells.len(),
                self.layout.columns
            )));
        }
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

    /// The series of all rows.
    pub(super) fn into_series(
        mut self,
        interval: Interval,
        junk: bool,
    ) -> Result<(Series, FileReport), CandleFileError> {
        let times = times::resolve(&self.stamps, interval);
        let closing_times = self.closing_times(&times.millis, interval);
        let unit_changes_in = times.changes_at.map(|row| self.lines[row]);
        let rows = std::mem::take(&mut self.bars);
        let (mut bars, mut lines) = (Vec::with_capacity(rows.len()), Vec::new());
        for (row, bar) in rows.into_iter().enumerate() {
            match times.millis[row] {
                Some(millis) => {
                    bars.push(Bar {
                        open_time: millis - closing_times,
                        ..bar
                    });
                    lines.push(self.lines[row]);
                }
                None => {
                    let why = self.stamps[row].refusal();
                    self.unreadable += 1;
                    self.first_unreadable
                        .get_or_insert(format!("line {}: {why}", self.lines[row]));
                }
            }
        }
        if is_too_large_a_share(self.unreadable, self.read) {
            return Err(CandleFileError::Unreadable {
                path: self.path,
                unreadable: self.unreadable,
                rows: self.read,
                first: self.first_unreadable.unwrap_or_default(),
            });
        }
        let (series, report) =
            Series::build(interval, bars).map_err(|cause| CandleFileError::Series {
                path: self.path.clone(),
                line: cause.row().and_then(|row| lines.get(row - 1).copied()),
                unfinished: self.unfinished,
                cause,
            })?;
        Ok((
            series,
            FileReport {
                time_column: self.layout.time_name,
                time_unit: times.unit,
                unit_changes_in,
                closing_times: closing_times != 0,
                volume_column: self.layout.volume.map(|(_, name)| name),
                incomplete: self.incomplete,
                unfinished: self.unfinished,
                first_unfinished: self.first_unfinished,
                unreadable: self.unreadable,
                first_unreadable: self.first_unreadable,
                unclosed_quotes: self.unclosed_quotes,
                first_unclosed_quote: self.first_unclosed_quote,
                junk,
                series: report,
            },
        ))
    }

    /// Offset of the candles' times from their opening, in milliseconds: an interval, less what
    /// exchanges take off it, if these are the times at which they closed.
    fn closing_times(&self, millis: &[Option<i64>], interval: Interval) -> i64 {
        const MINUTE: i64 = 60_000;
        let common = common_offset(millis.iter().flatten().copied(), interval);
        let is_close_time = self.layout.closes
            || (!self.layout.opens && self.equals_close_time * 2 > self.stamps.len());
        match MINUTE - common.rem_euclid(MINUTE) {
            less @ (1 | 1_000) => interval.millis() - less,
            _ if is_close_time => interval.millis(),
            _ => 0,
        }
    }
}

fn finite(column: &str, text: &str, value: Option<f64>) -> Result<f64, Unusable> {
    match value {
        Some(value) if value.is_finite() => Ok(value),
        Some(_) => Err(Unusable::NotFinite {
            column: column.to_owned(),
            value: shortened(text).trim_matches('"').to_owned(),
        }),
        None => Err(Unusable::Unreadable(format!(
            "{column} is {}, not a number",
            shortened(text)
        ))),
    }
}
