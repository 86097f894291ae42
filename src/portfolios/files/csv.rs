//! Files of transactions as a table: a row a transaction; further fees in rows of kind `+fee`.

use std::collections::HashMap;
use std::str::FromStr;

use csv::{Position, StringRecord};

use super::prices_csv::row_error;
use super::{FileError, check};
use crate::decimal::{Decimal, quoted};
use crate::transaction::{Leg, NamedLot, Transaction, format_time, parse_time};

/// The columns, in the order in which they are written.
pub const CSV_HEADER: [&str; 19] = [
    "id",
    "time",
    "kind",
    "account",
    "to_account",
    "sent_asset",
    "sent_quantity",
    "sent_value",
    "received_asset",
    "received_quantity",
    "received_value",
    "fee_asset",
    "fee_quantity",
    "fee_value",
    "value",
    "basis",
    "acquired",
    "note",
    "tags",
];
/// A last column that is only there where a transaction names the lots it takes from.
const LOTS: &str = "lots";
/// The kind of a row that holds a further fee.
const FURTHER_FEE: &str = "+fee";
/// Columns a table cannot do without.
const REQUIRED: [&str; 4] = ["id", "time", "kind", "account"];

/// Reads a table of transactions.
///
/// # Errors
/// If it is none, or wrong anywhere: with row and column.
pub fn read_csv(bytes: &[u8]) -> Result<Vec<Transaction>, FileError> {
    let text = super::text(bytes)?;
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let header = reader.headers().map_err(|error| row_error(&error))?.clone();
    let columns = columns(&header)?;
    let mut transactions: Vec<Transaction> = Vec::new();
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| row_error(&error))?
    {
        let row = Row {
            number: record.position().map_or(0, Position::line),
            columns: &columns,
            record: &record,
        };
        if row.text("kind") == FURTHER_FEE {
            row.further_fee(transactions.last_mut())?;
        } else {
            transactions.push(row.transaction()?);
            rows.push(row.number);
        }
    }
    check(&transactions).map_err(|error| match error {
        FileError::Transaction {
            number, message, ..
        } => FileError::Row {
            row: rows[number - 1],
            column: String::new(),
            message,
        },
        other => other,
    })?;
    Ok(transactions)
}

fn columns(header: &StringRecord) -> Result<HashMap<&'static str, usize>, FileError> {
    let mut columns = HashMap::new();
    let wrong = |message: String| FileError::Row {
        row: 1,
        column: String::new(),
        message,
    };
    for (index, name) in header.iter().enumerate() {
        let known = CSV_HEADER
            .into_iter()
            .chain([LOTS])
            .find(|&known| known == name)
            .ok_or_else(|| {
                let names = CSV_HEADER.join(",");
                wrong(format!("{} is no column: use {names}", quoted(name)))
            })?;
        if columns.insert(known, index).is_some() {
            return Err(wrong(format!("the column {known} is there twice")));
        }
    }
    match REQUIRED.iter().find(|name| !columns.contains_key(*name)) {
        Some(missing) => Err(wrong(format!("the column {missing} is missing"))),
        None => Ok(columns),
    }
}

/// A row being read.
struct Row<'a> {
    number: u64,
    columns: &'a HashMap<&'static str, usize>,
    record: &'a StringRecord,
}

impl Row<'_> {
    /// The text of a column, empty where the table does not have it.
    fn text(&self, column: &str) -> &str {
        self.columns
            .get(column)
            .and_then(|&index| self.record.get(index))
            .unwrap_or_default()
    }

    fn optional(&self, column: &str) -> Option<&str> {
        Some(self.text(column)).filter(|text| !text.is_empty())
    }

    fn wrong(&self, column: &str, message: impl Into<String>) -> FileError {
        FileError::Row {
            row: self.number,
            column: column.to_owned(),
            message: message.into(),
        }
    }

    fn parsed<T: FromStr<Err = String>>(&self, column: &str) -> Result<Option<T>, FileError> {
        self.optional(column)
            .map(|text| {
                text.parse()
                    .map_err(|message: String| self.wrong(column, message))
            })
            .transpose()
    }

    fn number(&self, column: &str) -> Result<Option<Decimal>, FileError> {
        self.optional(column)
            .map(|text| {
                text.parse()
                    .map_err(|error| self.wrong(column, format!("{}: {error}", quoted(text))))
            })
            .transpose()
    }

    fn leg(&self, side: &str) -> Result<Option<Leg>, FileError> {
        let [asset, quantity, value] =
            ["asset", "quantity", "value"].map(|part| format!("{side}_{part}"));
        let amounts = (self.number(&quantity)?, self.number(&value)?);
        match (self.optional(&asset), amounts) {
            (None, (None, None)) => Ok(None),
            (None, _) => Err(self.wrong(&asset, "it is empty, but there is an amount")),
            (Some(_), (None, _)) => {
                Err(self.wrong(&quantity, "it is empty, but there is an asset"))
            }
            (Some(asset), (Some(quantity), value)) => Ok(Some(Leg {
                asset: asset.to_owned(),
                quantity,
                value,
            })),
        }
    }

    fn transaction(&self) -> Result<Transaction, FileError> {
        let time = parse_time(self.text("time")).map_err(|message| self.wrong("time", message))?;
        let kind = self
            .parsed("kind")?
            .ok_or_else(|| self.wrong("kind", "it is empty"))?;
        let mut row = Transaction::new(self.text("id"), time, kind, self.text("account"));
        row.to_account = self.optional("to_account").map(str::to_owned);
        row.sent = self.leg("sent")?;
        row.received = self.leg("received")?;
        row.fees.extend(self.leg("fee")?);
        row.value = self.number("value")?;
        row.basis = self.number("basis")?;
        row.acquired = self.parsed("acquired")?;
        row.note = self.optional("note").map(str::to_owned);
        row.tags = split(self.text("tags"));
        for named in split(self.text(LOTS)) {
            let lot = named.rsplit_once(':').and_then(|(lot, quantity)| {
                let quantity = quantity.parse().ok()?;
                let lot = lot.to_owned();
                Some(NamedLot { lot, quantity })
            });
            row.lots.push(lot.ok_or_else(|| {
                self.wrong(
                    LOTS,
                    format!(
                        "{} is not a lot and a quantity, like t1:0.5",
                        quoted(&named)
                    ),
                )
            })?);
        }
        Ok(row)
    }

    fn further_fee(&self, of: Option<&mut Transaction>) -> Result<(), FileError> {
        let transaction = of
            .filter(|transaction| transaction.id == self.text("id"))
            .ok_or_else(|| self.wrong("id", "a further fee does not follow its transaction"))?;
        let allowed = ["id", "kind", "fee_asset", "fee_quantity", "fee_value"];
        // Who fills in time and account repeats what the transaction says.
        let repeated = ["time", "account"];
        let other = self
            .columns
            .keys()
            .filter(|name| !allowed.contains(name) && !repeated.contains(name))
            .find(|name| self.optional(name).is_some());
        if let Some(other) = other {
            return Err(self.wrong(
                other,
                "a row of a further fee has only id, kind and the fee",
            ));
        }
        let fee = self
            .leg("fee")?
            .ok_or_else(|| self.wrong("fee_asset", "a row of a further fee has no fee"))?;
        transaction.fees.push(fee);
        Ok(())
    }
}

/// Writes a table of transactions.
#[must_use]
pub fn write_csv(transactions: &[Transaction]) -> String {
    let with_lots = transactions.iter().any(|row| !row.lots.is_empty());
    let mut out = String::new();
    let mut header: Vec<String> = CSV_HEADER.map(str::to_owned).to_vec();
    header.extend(with_lots.then(|| LOTS.to_owned()));
    push_row(&mut out, &header);
    let number =
        |number: Option<Decimal>| number.map(|number| number.to_string()).unwrap_or_default();
    let leg = |leg: Option<&Leg>| {
        let asset = leg.map(|leg| leg.asset.clone()).unwrap_or_default();
        let quantity = number(leg.map(|leg| leg.quantity));
        [asset, quantity, number(leg.and_then(|leg| leg.value))]
    };
    for row in transactions {
        let mut cells = vec![
            row.id.clone(),
            format_time(&row.time),
            row.kind.name().to_owned(),
            row.account.clone(),
            row.to_account.clone().unwrap_or_default(),
        ];
        cells.extend(leg(row.sent.as_ref()));
        cells.extend(leg(row.received.as_ref()));
        cells.extend(leg(row.fees.first()));
        cells.extend([number(row.value), number(row.basis)]);
        cells.push(row.acquired.map(|at| at.to_string()).unwrap_or_default());
        cells.push(row.note.clone().unwrap_or_default());
        cells.push(join(row.tags.iter().cloned()));
        if with_lots {
            cells.push(join(
                row.lots
                    .iter()
                    .map(|named| format!("{}:{}", named.lot, named.quantity)),
            ));
        }
        push_row(&mut out, &cells);
        for fee in row.fees.iter().skip(1) {
            let mut cells = vec![String::new(); header.len()];
            cells[0].clone_from(&row.id);
            FURTHER_FEE.clone_into(&mut cells[2]);
            for (cell, text) in cells[11..14].iter_mut().zip(leg(Some(fee))) {
                *cell = text;
            }
            push_row(&mut out, &cells);
        }
    }
    out
}

fn push_row(out: &mut String, cells: &[String]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(cell);
        }
    }
    out.push('\n');
}

/// Texts joined by `;`; one within a text is written `\;`, and `\` is written `\\`.
fn join(texts: impl Iterator<Item = String>) -> String {
    let escaped: Vec<_> = texts
        .map(|text| text.replace('\\', "\\\\").replace(';', "\\;"))
        .collect();
    escaped.join(";")
}

fn split(joined: &str) -> Vec<String> {
    if joined.is_empty() {
        return Vec::new();
    }
    let mut texts = vec![String::new()];
    let mut characters = joined.chars();
    while let Some(character) = characters.next() {
        let current = texts.len() - 1;
        match character {
            ';' => texts.push(String::new()),
            '\\' => texts[current].extend(characters.next()),
            other => texts[current].push(other),
        }
    }
    texts
}
