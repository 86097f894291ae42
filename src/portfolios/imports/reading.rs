//! Outcome of one file's rows while its format reads them.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

use super::booking::Booking;
use super::numbers::{Numbers, short};
use super::outcome::{Imported, Refusal};
use super::table::{Header, Row, Table};
use super::times::{Clock, order};
use super::{Choice, ImportOptions};
use crate::ledger::is_money;
use crate::transaction::Legs;
use crate::{Decimal, Kind, Prices};

/// Why a row cannot be imported as it is.
#[derive(Debug)]
pub(super) struct Problem {
    column: Option<String>,
    reason: String,
}

impl From<String> for Problem {
    fn from(reason: String) -> Self {
        Self {
            column: None,
            reason,
        }
    }
}

impl From<&str> for Problem {
    fn from(reason: &str) -> Self {
        Self::from(reason.to_owned())
    }
}

pub(super) type Read<T> = Result<T, Problem>;

/// Outcome of one row.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, made and taken apart at once"
)]
pub(super) enum Line {
    Book(Booking),
    Internal(&'static str),
    Ignore(String),
    Unknown(Unknown),
}

/// A row whose word is not known, or that cannot be booked without the user.
#[derive(Debug)]
pub(super) struct Unknown {
    /// Why it is refused unless the user says what it is.
    pub reason: String,
    /// Word that the user can map.
    pub word: String,
    pub time: DateTime<Utc>,
    pub account: String,
    pub asset: String,
    /// Below zero where it went out.
    pub change: Decimal,
    pub fee: Option<(String, Decimal)>,
}

/// The rows of one file, sorted by what they are.
#[derive(Debug)]
pub(super) struct Reading<'o> {
    pub options: &'o ImportOptions,
    pub name: String,
    pub format: &'static str,
    pub venue: &'static str,
    pub account: String,
    pub currency: Option<String>,
    pub booked: Vec<Imported>,
    pub internal: BTreeMap<String, Vec<u64>>,
    pub ignored: BTreeMap<String, Vec<u64>>,
    pub refused: Vec<Refusal>,
    pub notes: Vec<String>,
    /// Zone and prices that came with the file.
    pub timezone: Option<Tz>,
    pub prices: Prices,
}

impl<'o> Reading<'o> {
    pub(super) fn new(
        name: &str,
        format: &'static str,
        venue: &'static str,
        options: &'o ImportOptions,
    ) -> Self {
        Self {
            options,
            name: name.to_owned(),
            format,
            venue,
            account: options.account.clone().unwrap_or_else(|| venue.to_owned()),
            currency: None,
            booked: Vec::new(),
            internal: BTreeMap::new(),
            ignored: BTreeMap::new(),
            refused: Vec::new(),
            notes: Vec::new(),
            timezone: None,
            prices: Prices::default(),
        }
    }

    /// The file as a whole cannot be read: a note where it is not even known what it is.
    pub(super) fn fail(&mut self, reason: String) {
        if self.format == "unknown" {
            self.notes.push(reason);
        } else {
            self.refused.push(Refusal {
                row: None,
                column: None,
                reason,
            });
        }
    }

    /// Outcome of a file that ends within a row.
    pub(super) fn torn(mut self, torn: Refusal) -> Self {
        self.booked.clear();
        self.internal.clear();
        self.ignored.clear();
        self.refused = vec![torn];
        self
    }

    /// Takes out of a table what no format needs to see: cut rows, empty rows and those the user skips.
    pub(super) fn prepare(&mut self, mut table: Table) -> Table {
        self.refused.append(&mut table.torn);
        for line in std::mem::take(&mut table.empty) {
            self.ignore(&[line], "an empty row, or the header again");
        }
        if !self.options.rows.is_empty() {
            let skipped: Vec<u64> = table
                .rows
                .extract_if(.., |row| {
                    self.options.rows.get(&(self.name.clone(), row.line)) == Some(&Choice::Skip)
                })
                .map(|row| row.line)
                .collect();
            self.refused.retain(|refusal| {
                let row = refusal.row.map(|row| (self.name.clone(), row));
                row.is_none_or(|row| self.options.rows.get(&row) != Some(&Choice::Skip))
            });
            if !skipped.is_empty() {
                self.ignore(&skipped, SKIPPED);
            }
        }
        table
    }

    pub(super) fn refuse(&mut self, row: u64, problem: impl Into<Problem>) {
        let Problem { column, reason } = problem.into();
        self.refused.push(Refusal {
            row: Some(row),
            column,
            reason,
        });
    }

    pub(super) fn internal(&mut self, rows: &[u64], why: &str) {
        self.internal
            .entry(why.to_owned())
            .or_default()
            .extend(rows);
    }

    pub(super) fn ignore(&mut self, rows: &[u64], why: &str) {
        self.ignored.entry(why.to_owned()).or_default().extend(rows);
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// A value, where it is in the currency of the file: the first that is seen.
    pub(super) fn valued(&mut self, value: Option<Decimal>, currency: &str) -> Option<Decimal> {
        if currency.is_empty() || value.is_none() {
            return None;
        }
        let of_file = self.currency.get_or_insert_with(|| currency.to_owned());
        if of_file == currency {
            return value;
        }
        let of_file = of_file.clone();
        self.note(format!(
            "values in {currency} are left out: those of this file are in {of_file}"
        ));
        None
    }

    pub(super) fn book(&mut self, booking: Booking) {
        let Booking {
            mut imported,
            problem,
        } = booking;
        if let Some(reason) = problem {
            for &row in &imported.rows {
                self.refuse(row, reason.as_str());
            }
            return;
        }
        imported.rows.sort_unstable();
        let unknown_cost = imported.transaction.kind == Kind::Deposit
            && imported
                .transaction
                .received
                .as_ref()
                .is_some_and(|leg| !is_money(&leg.asset));
        if unknown_cost {
            imported.flags.push("unknown cost".to_owned());
        }
        self.booked.push(imported);
    }

    /// Books, sorts or refuses one row.
    pub(super) fn line(&mut self, row: u64, line: Read<Line>) {
        match line {
            Ok(Line::Book(booking)) => self.book(booking),
            Ok(Line::Internal(why)) => self.internal(&[row], why),
            Ok(Line::Ignore(why)) => self.ignore(&[row], &why),
            Ok(Line::Unknown(unknown)) => self.unknown(row, unknown),
            Err(problem) => self.refuse(row, problem),
        }
    }

    /// User's choice for a row with this word.
    pub(super) fn choice(&self, row: u64, word: &str) -> Option<Choice> {
        let rows = &self.options.rows;
        let by_row = if rows.is_empty() {
            None
        } else {
            rows.get(&(self.name.clone(), row))
        };
        by_row
            .or_else(|| self.options.operations.get(word))
            .copied()
    }

    pub(super) fn unknown(&mut self, row: u64, unknown: Unknown) {
        let kind = match self.choice(row, &unknown.word) {
            None => return self.refuse(row, unknown.reason),
            Some(Choice::Skip) => return self.ignore(&[row], SKIPPED),
            Some(Choice::Book(kind)) => kind,
        };
        if goes_out(kind) != Some(unknown.change.is_negative()) {
            let Unknown { change, asset, .. } = unknown;
            return self.refuse(
                row,
                format!("{change} {asset} cannot be booked as a {kind}"),
            );
        }
        let Unknown {
            time,
            account,
            asset,
            change,
            ..
        } = unknown;
        let mut booking = Booking::change((kind, kind), time, &account, vec![row], &asset, change);
        if let Some((asset, fee)) = unknown.fee {
            booking = booking.fee(&asset, fee);
        }
        self.book(booking.tag(&unknown.word));
    }
}

const SKIPPED: &str = "skipped as you said";

/// True when a kind has what it moves as sent. `None` for kinds with two legs.
fn goes_out(kind: Kind) -> Option<bool> {
    match kind.legs() {
        Legs::SentAndReceived => None,
        Legs::Sent => Some(true),
        Legs::Received => Some(false),
    }
}

/// Reader of a file's cells.
pub(super) struct Reader<'a> {
    pub header: &'a Header,
    pub numbers: Numbers,
    pub clock: Clock<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn cells(&'a self, row: &'a Row) -> Cells<'a> {
        Cells { reader: self, row }
    }

    /// Reads every row by itself.
    pub(super) fn rows(
        &self,
        table: &Table,
        reading: &mut Reading<'_>,
        mut read: impl FnMut(&Cells<'_>, &mut Reading<'_>) -> Read<Line>,
    ) {
        for row in &table.rows {
            let line = read(&self.cells(row), reading);
            reading.line(row.line, line);
        }
    }
}

/// The cells of one row.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    reader: &'a Reader<'a>,
    pub row: &'a Row,
}

impl<'a> Cells<'a> {
    pub(super) fn text(&self, column: Option<usize>) -> &'a str {
        self.row.cell(column)
    }

    pub(super) fn header(&self) -> &'a Header {
        self.reader.header
    }

    pub(super) fn line(&self) -> u64 {
        self.row.line
    }

    /// A problem with what stands in a column.
    pub(super) fn problem(&self, column: Option<usize>, reason: impl Into<String>) -> Problem {
        let name = column
            .and_then(|column| self.reader.header.written.get(column))
            .cloned();
        Problem {
            column: name,
            reason: reason.into(),
        }
    }

    pub(super) fn amount(&self, column: Option<usize>) -> Read<Option<Decimal>> {
        let read = self.reader.numbers.read(self.text(column));
        read.map_err(|reason| self.problem(column, reason))
    }

    /// An amount that must be there.
    pub(super) fn needed(&self, column: Option<usize>) -> Read<Decimal> {
        self.amount(column)?
            .ok_or_else(|| self.problem(column, "no amount"))
    }

    /// An amount that must be there and above zero.
    pub(super) fn positive(&self, column: Option<usize>) -> Read<Decimal> {
        let amount = self.needed(column)?;
        if amount.is_positive() {
            return Ok(amount);
        }
        let text = short(self.text(column));
        Err(self.problem(column, format!("\"{text}\" is not above zero")))
    }

    pub(super) fn time(&self, column: Option<usize>) -> Read<DateTime<Utc>> {
        let read = self.reader.clock.time(self.text(column));
        read.map_err(|reason| self.problem(column, reason))
    }
}

/// The clock of a file whose times are in the user's own zone and order.
pub(super) fn users_clock<'a>(
    table: &Table,
    column: Option<usize>,
    options: &ImportOptions,
    local: &'a dyn Fn(NaiveDateTime) -> Option<DateTime<Utc>>,
) -> Clock<'a> {
    let shown = order(table.rows.iter().map(|row| row.cell(column)));
    Clock {
        local,
        order: shown.or(options.date_order),
        names: false,
    }
}

/// The amounts of a file of a venue that writes a point before the decimals, unless a spreadsheet saved it with commas.
pub(super) fn venues_numbers(table: &Table, names: &[&str], options: &ImportOptions) -> Numbers {
    let columns: Vec<_> = names.iter().map(|name| table.header.column(name)).collect();
    users_numbers(table, &columns, options).or_point()
}

/// The amounts of a file in the user's own style.
pub(super) fn users_numbers(
    table: &Table,
    columns: &[Option<usize>],
    options: &ImportOptions,
) -> Numbers {
    let cells = table
        .rows
        .iter()
        .flat_map(|row| columns.iter().map(|column| row.cell(*column)));
    Numbers::of(cells, options.decimal_comma)
}
