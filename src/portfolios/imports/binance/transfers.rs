//! Reports of deposits and withdrawals, of coins and of money. Of the older ones and those of money only the
//! name of the file says which they are; where it does not, the user must.

use chrono::TimeDelta;

use super::{ahead, reader, time_column};
use crate::imports::assets;
use crate::imports::booking::Booking;
use crate::imports::numbers::short;
use crate::imports::reading::{Cells, Line, Read, Reading};
use crate::imports::table::{Header, Table};
use crate::imports::{Choice, Format, Source};
use crate::{Decimal, Kind};

pub(in crate::imports) static DEPOSITS: Format = Format {
    name: "binance.deposits",
    venue: "binance",
    source: Source::Table {
        recognizes: |header| {
            is_of_coins(header) && header.any(&["fee", "transactionfee"]).is_none()
        },
        read: |table, reading| read(table, reading, Some(Kind::Deposit)),
    },
};

pub(in crate::imports) static WITHDRAWALS: Format = Format {
    name: "binance.withdrawals",
    venue: "binance",
    source: Source::Table {
        recognizes: |header| is_of_coins(header) && header.column("fee").is_some(),
        read: |table, reading| read(table, reading, Some(Kind::Withdrawal)),
    },
};

/// Deposits or withdrawals.
pub(in crate::imports) static OLD: Format = Format {
    name: "binance.transfers.v1",
    venue: "binance",
    source: Source::Table {
        recognizes: |header| is_of_coins(header) && header.column("transactionfee").is_some(),
        read: |table, reading| read(table, reading, None),
    },
};

/// Deposits or withdrawals of money.
pub(in crate::imports) static FIAT: Format = Format {
    name: "binance.fiat",
    venue: "binance",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "coin",
                "amount",
                "status",
                "payment method",
                "indicated amount",
                "fee",
            ]) && time_column(header).is_some()
        },
        read: |table, reading| read(table, reading, None),
    },
};

fn is_of_coins(header: &Header) -> bool {
    header.has(&["coin", "amount", "address", "txid", "status"]) && time_column(header).is_some()
}

fn read(table: &Table, reading: &mut Reading<'_>, kind: Option<Kind>) {
    let header = &table.header;
    let seconds = ahead(header);
    let zone = |time: chrono::NaiveDateTime| Some((time - TimeDelta::seconds(seconds)).and_utc());
    let kind = kind.or_else(|| said(reading));
    reader(table, reading.options, &zone).rows(table, reading, |cells, reading| {
        transfer(cells, header, kind, reading)
    });
}

/// Kind of the rows by the name of the file, or else by the user's choice.
fn said(reading: &Reading<'_>) -> Option<Kind> {
    let name = reading.name.to_lowercase();
    match (name.contains("deposit"), name.contains("withdraw")) {
        (true, false) => return Some(Kind::Deposit),
        (false, true) => return Some(Kind::Withdrawal),
        _ => {}
    }
    match reading.options.operations.get(reading.format) {
        Some(Choice::Book(kind @ (Kind::Deposit | Kind::Withdrawal))) => Some(*kind),
        _ => None,
    }
}

fn transfer(
    cells: &Cells<'_>,
    header: &Header,
    kind: Option<Kind>,
    reading: &Reading<'_>,
) -> Read<Line> {
    let status = cells.text(header.column("status"));
    if !["completed", "successful", "success"].contains(&status.to_lowercase().as_str()) {
        return Ok(Line::Ignore(format!("status {}", short(status))));
    }
    let time = cells.time(time_column(header))?;
    let coin = assets::binance(cells.text(header.column("coin")));
    let amount = cells.positive(header.column("amount"))?;
    let fee = cells
        .amount(header.any(&["fee", "transactionfee"]))?
        .unwrap_or(Decimal::ZERO);
    let rows = vec![cells.line()];
    let booking = match kind {
        // What was sent is the indicated amount; what arrived is less by the fee.
        Some(Kind::Deposit) => {
            let gross = cells
                .amount(header.column("indicated amount"))?
                .unwrap_or(amount);
            Booking::new(Kind::Deposit, time, &reading.account, rows).received(coin, gross)
        }
        Some(_) => Booking::new(Kind::Withdrawal, time, &reading.account, rows).sent(coin, amount),
        None => {
            let format = reading.format;
            let reason = "nothing in this file says whether it has deposits or withdrawals: put one of these words \
                          into its name";
            return Err(format!("{reason}, or say what \"{format}\" is").into());
        }
    };
    let id = cells.text(header.any(&["txid", "order id"]));
    Ok(Line::Book(booking.fee(coin, fee).id(id)))
}
