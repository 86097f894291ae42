//! Our own files of transactions, as a table and as a document.

use super::reading::Reading;
use super::table::Table;
use super::{Format, Imported, Refusal, Source};
use crate::files::{FileError, read_csv, read_json};
use crate::{Kind, Transaction};

pub(super) static TABLE: Format = Format {
    name: "coinsphere.transactions.csv",
    venue: "",
    source: Source::Table {
        recognizes: |header| {
            let legs = ["sent_", "received_"];
            header.has(&["id", "time", "kind", "account"])
                && legs.iter().any(|leg| header.beginning(leg).is_some())
        },
        read: table,
    },
};

pub(super) static DOCUMENT: Format = Format {
    name: "coinsphere.transactions",
    venue: "",
    source: Source::Document {
        recognizes: |probe| probe.is_format(crate::transaction::FORMAT) || probe.has_transactions(),
        read: document,
    },
};

fn table(table: &Table, reading: &mut Reading<'_>) {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Where each row begins in what is written, to name rows of the file.
    let mut lines = Vec::with_capacity(table.rows.len());
    let mut line = 2;
    let mut written = writer.write_record(&table.header.written);
    for row in &table.rows {
        lines.push((line, row.line));
        line += 1 + row
            .raw()
            .map(|cell| cell.matches('\n').count() as u64)
            .sum::<u64>();
        written = written.and_then(|()| writer.write_record(row.raw()));
    }
    let bytes = written
        .ok()
        .and_then(|()| writer.into_inner().ok())
        .unwrap_or_default();
    let of_file = |written: u64| {
        let at = lines.partition_point(|(line, _)| *line <= written);
        at.checked_sub(1).map_or(1, |at| lines[at].1)
    };
    match read_csv(&bytes) {
        Ok(transactions) => {
            let kind = table.header.column("kind");
            let mut rows: Vec<Vec<u64>> = Vec::with_capacity(transactions.len());
            for row in &table.rows {
                match rows.last_mut() {
                    Some(last) if row.cell(kind) == "+fee" => last.push(row.line),
                    _ => rows.push(vec![row.line]),
                }
            }
            keep(transactions.into_iter().zip(rows), reading);
        }
        Err(error) => refuse(error, of_file, reading),
    }
}

fn document(text: &str, reading: &mut Reading<'_>) {
    match read_json(text.as_bytes()) {
        Ok(file) => {
            reading.currency = Some(file.currency).filter(|currency| !currency.is_empty());
            reading.timezone = Some(file.timezone);
            reading.prices = file.prices;
            keep(
                file.transactions
                    .into_iter()
                    .zip((1..).map(|number| vec![number])),
                reading,
            );
        }
        Err(error) => refuse(error, |row| row, reading),
    }
}

fn keep(transactions: impl Iterator<Item = (Transaction, Vec<u64>)>, reading: &mut Reading<'_>) {
    for (transaction, rows) in transactions {
        let unknown_cost = transaction.kind == Kind::Deposit
            && transaction.basis.is_none()
            && transaction.value.is_none()
            && transaction
                .received
                .as_ref()
                .is_some_and(|leg| leg.value.is_none() && !crate::ledger::is_money(&leg.asset));
        let flags = if unknown_cost {
            vec!["unknown cost".to_owned()]
        } else {
            Vec::new()
        };
        reading.booked.push(Imported {
            file: 0,
            rows,
            flags,
            transaction,
        });
    }
}

fn refuse(error: FileError, of_file: impl Fn(u64) -> u64, reading: &mut Reading<'_>) {
    let refusal = match error {
        FileError::NotTheFormat(reason) => Refusal {
            row: None,
            column: None,
            reason,
        },
        FileError::Json { path, message } => {
            let number = path
                .strip_prefix("transactions[")
                .and_then(|rest| rest.split_once(']'));
            let number = number.and_then(|(number, _)| number.parse::<u64>().ok());
            Refusal {
                row: number.map(|number| number + 1),
                column: Some(path),
                reason: message,
            }
        }
        FileError::Row {
            row,
            column,
            message,
        } => {
            let column = Some(column).filter(|column| !column.is_empty());
            Refusal {
                row: Some(of_file(row)),
                column,
                reason: message,
            }
        }
        FileError::Transaction {
            number, message, ..
        } => Refusal {
            row: Some(number as u64),
            column: None,
            reason: message,
        },
    };
    reading.booked.clear();
    reading.refused.push(refusal);
}
