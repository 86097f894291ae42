//! The report of transactions, and the export for bulk edits. Costs and gains in them are Koinly's results:
//! none is taken over.

use super::{Movement, book, currency, label, side};
use crate::imports::reading::{Cells, Line, Read, Reader, Reading, users_clock, users_numbers};
use crate::imports::table::{Header, Table};
use crate::imports::times::utc;
use crate::imports::{Format, Source};

pub(in crate::imports) static FORMAT: Format = Format {
    name: "koinly.report",
    venue: "koinly",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "date",
                "type",
                "sending wallet",
                "sent amount",
                "receiving wallet",
                "received amount",
            ])
        },
        read,
    },
};

pub(in crate::imports) static BULK: Format = Format {
    name: "koinly.bulk",
    venue: "koinly",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "id (read-only)",
                "type",
                "from amount",
                "from currency",
                "to amount",
                "to currency",
            ])
        },
        read,
    },
};

struct Columns {
    date: Option<usize>,
    label: Option<usize>,
    from: Option<usize>,
    sent: [Option<usize>; 2],
    to: Option<usize>,
    received: [Option<usize>; 2],
    fee: [Option<usize>; 2],
    value: Option<usize>,
    value_currency: Option<usize>,
    deleted: Option<usize>,
}

impl Columns {
    fn new(header: &Header) -> Self {
        let any = |names: &[&str]| header.any(names);
        Self {
            date: any(&["date", "date (utc)"]),
            label: any(&["label", "tag"]),
            from: any(&["sending wallet", "from wallet (read-only)", "from wallet"]),
            sent: [
                any(&["sent amount", "from amount"]),
                any(&["sent currency", "from currency"]),
            ],
            to: any(&["receiving wallet", "to wallet (read-only)", "to wallet"]),
            received: [
                any(&["received amount", "to amount"]),
                any(&["received currency", "to currency"]),
            ],
            fee: [any(&["fee amount"]), any(&["fee currency"])],
            value: header
                .beginning("net value")
                .or_else(|| any(&["net worth amount"])),
            value_currency: any(&["value currency (read-only)", "net worth currency"]),
            deleted: any(&["deleted"]),
        }
    }
}

/// The currency in the name of a column: `Net Value (GBP)`.
fn named(header: &Header, column: Option<usize>) -> Option<String> {
    let name = header.written.get(column?)?;
    let (_, currency) = name.split_once('(')?;
    let currency = currency.trim_end_matches(')').trim();
    (currency.len() == 3).then(|| currency.to_owned())
}

fn read(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    let columns = Columns::new(header);
    let amounts = [
        columns.sent[0],
        columns.received[0],
        columns.fee[0],
        columns.value,
    ];
    let reader = Reader {
        header,
        numbers: users_numbers(table, &amounts, reading.options).or_point(),
        clock: users_clock(table, columns.date, reading.options, &utc),
    };
    let named = named(header, columns.value);
    reading.currency.clone_from(&named);
    reader.rows(table, reading, |cells, reading| {
        row(cells, header, &columns, named.as_deref(), reading)
    });
}

fn row(
    cells: &Cells<'_>,
    header: &Header,
    columns: &Columns,
    named: Option<&str>,
    reading: &mut Reading<'_>,
) -> Read<Line> {
    if cells.text(columns.deleted).eq_ignore_ascii_case("true") {
        return Ok(Line::Ignore("deleted in Koinly".to_owned()));
    }
    let account = reading.account.clone();
    let wallet = |column| currency(cells.text(column));
    let (from, to) = (wallet(columns.from), wallet(columns.to));
    let or = |one: &'_ str, other: &'_ str| -> String {
        [one, other, &account]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let (from, to) = (or(from, to), or(to, from));
    let movement = Movement {
        row: cells.line(),
        time: cells.time(columns.date)?,
        from: &from,
        to: &to,
        sent: side(cells, columns.sent[0], columns.sent[1], "sent")?,
        received: side(cells, columns.received[0], columns.received[1], "received")?,
        fee: side(cells, columns.fee[0], columns.fee[1], "as fee")?,
        label: label(cells.text(columns.label)),
    };
    let value = cells.amount(columns.value)?;
    let of_value = named.unwrap_or_else(|| currency(cells.text(columns.value_currency)));
    let value = reading.valued(value, of_value);
    Ok(match book(&movement)? {
        Ok(booking) => Line::Book(
            booking
                .value(value)
                .id(cells.text(header.any(&["txhash", "tx hash"])))
                .note(cells.text(header.column("description"))),
        ),
        Err(unknown) => Line::Unknown(unknown),
    })
}
