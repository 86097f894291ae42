//! Exports of Binance: the transaction history with every change of a balance, and reports of trades,
//! conversions, deposits and withdrawals that tell parts of it again.

pub(super) mod convert;
mod entry;
pub(super) mod history;
mod movements;
mod operations;
mod rates;
pub(super) mod trades;
pub(super) mod transfers;

use super::ImportOptions;
use super::reading::{Reader, users_clock, venues_numbers};
use super::table::Table;
use super::times::offset;

/// Columns with an amount and nothing else.
const AMOUNTS: &[&str] = &[
    "change",
    "amount",
    "total",
    "fee",
    "transactionfee",
    "indicated amount",
];

/// Reads rows as Binance writes them: decimal points, and UTC unless the time's header names another offset.
fn reader<'a>(
    table: &'a Table,
    options: &ImportOptions,
    zone: &'a dyn Fn(chrono::NaiveDateTime) -> Option<chrono::DateTime<chrono::Utc>>,
) -> Reader<'a> {
    Reader {
        header: &table.header,
        numbers: venues_numbers(table, AMOUNTS, options),
        clock: users_clock(table, time_column(&table.header), options, zone),
    }
}

/// The column of the time: `Date(UTC)`, `UTC_Time`, `Time`, `Date(UTC+8)`.
fn time_column(header: &super::table::Header) -> Option<usize> {
    header
        .any(&["utc_time", "utc time", "time", "date"])
        .or_else(|| header.beginning("date("))
        .or_else(|| header.beginning("time("))
        .or_else(|| header.beginning("date (utc"))
        .or_else(|| header.beginning("time (utc"))
}

/// Seconds that the header of the time is ahead of UTC.
fn ahead(header: &super::table::Header) -> i64 {
    let name = time_column(header).and_then(|column| header.written.get(column));
    let zone = name
        .and_then(|name| name.split_once("(UTC"))
        .map(|(_, zone)| zone.trim_end_matches(')'));
    zone.and_then(offset)
        .map_or(0, |offset| i64::from(offset.local_minus_utc()))
}
