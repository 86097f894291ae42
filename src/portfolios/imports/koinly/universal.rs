//! The universal import format.

use super::{Movement, book, currency, label, side};
use crate::imports::reading::{Cells, Line, Read, Reader, Reading, users_clock, users_numbers};
use crate::imports::table::{Header, Table};
use crate::imports::times::utc;
use crate::imports::{Format, Source};

pub(in crate::imports) static FORMAT: Format = Format {
    name: "koinly.universal",
    venue: "koinly",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "date",
                "sent amount",
                "sent currency",
                "received amount",
                "received currency",
            ]) && header.column("type").is_none()
        },
        read,
    },
};

fn read(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    let amounts = [
        "sent amount",
        "received amount",
        "fee amount",
        "net worth amount",
    ];
    let columns = amounts.map(|name| header.column(name));
    let reader = Reader {
        header,
        numbers: users_numbers(table, &columns, reading.options).or_point(),
        clock: users_clock(table, header.column("date"), reading.options, &utc),
    };
    reader.rows(table, reading, |cells, reading| row(cells, header, reading));
}

fn row(cells: &Cells<'_>, header: &Header, reading: &mut Reading<'_>) -> Read<Line> {
    let column = |name: &str| header.column(name);
    let account = reading.account.clone();
    let movement = Movement {
        row: cells.line(),
        time: cells.time(column("date"))?,
        from: &account,
        to: &account,
        sent: side(
            cells,
            column("sent amount"),
            column("sent currency"),
            "sent",
        )?,
        received: side(
            cells,
            column("received amount"),
            column("received currency"),
            "received",
        )?,
        fee: side(
            cells,
            column("fee amount"),
            column("fee currency"),
            "as fee",
        )?,
        label: label(cells.text(header.any(&["label", "tag"]))),
    };
    let value = cells.amount(column("net worth amount"))?;
    let value = reading.valued(value, currency(cells.text(column("net worth currency"))));
    Ok(match book(&movement)? {
        Ok(booking) => Line::Book(
            booking
                .value(value)
                .id(cells.text(header.any(&["txhash", "tx hash"])))
                .note(cells.text(column("description"))),
        ),
        Err(unknown) => Line::Unknown(unknown),
    })
}
