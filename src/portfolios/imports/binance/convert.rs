//! The report of conversions: both sides with their units, and a status.

use chrono::TimeDelta;

use super::{ahead, reader, time_column};
use crate::Decimal;
use crate::imports::assets;
use crate::imports::booking::Booking;
use crate::imports::numbers::{Numbers, short, unit};
use crate::imports::reading::{Cells, Line, Read, Reading};
use crate::imports::table::Table;
use crate::imports::{Format, Source};

pub(in crate::imports) static FORMAT: Format = Format {
    name: "binance.convert",
    venue: "binance",
    source: Source::Table {
        recognizes: |header| {
            header.has(&["pair", "type", "sell", "buy", "status"]) && time_column(header).is_some()
        },
        read,
    },
};

fn read(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    let seconds = ahead(header);
    let zone = |time: chrono::NaiveDateTime| Some((time - TimeDelta::seconds(seconds)).and_utc());
    let [sell, buy, status] = ["sell", "buy", "status"].map(|name| header.column(name));
    reader(table, reading.options, &zone).rows(table, reading, |cells, reading| {
        let status = cells.text(status);
        if !status.eq_ignore_ascii_case("successful") && !status.eq_ignore_ascii_case("success") {
            return Ok(Line::Ignore(format!("status {}", short(status))));
        }
        let time = cells.time(time_column(header))?;
        let (sold, bought) = (amount(cells, sell)?, amount(cells, buy)?);
        Ok(Line::Book(Booking::trade(
            time,
            &reading.account,
            vec![cells.line()],
            sold,
            bought,
        )))
    });
}

/// `0.01 BTC`.
fn amount<'c>(cells: &Cells<'c>, column: Option<usize>) -> Read<(&'c str, Decimal)> {
    let text = cells.text(column);
    let (number, coin) = text
        .rsplit_once(' ')
        .or_else(|| unit(text))
        .ok_or_else(|| {
            cells.problem(
                column,
                format!("\"{}\" is not an amount and a coin", short(text)),
            )
        })?;
    let number = Numbers::POINT
        .read(number)
        .map_err(|reason| cells.problem(column, reason))?;
    let number = number.ok_or_else(|| cells.problem(column, "no amount"))?;
    Ok((assets::binance(coin), number))
}
