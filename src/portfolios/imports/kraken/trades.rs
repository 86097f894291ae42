//! The trades. The txid of one is the refid of its rows in the ledgers.

use crate::Decimal;
use crate::imports::assets::kraken_pair;
use crate::imports::booking::Booking;
use crate::imports::numbers::short;
use crate::imports::reading::{Cells, Line, Read, Reader, Reading, users_clock, venues_numbers};
use crate::imports::table::{Header, Table};
use crate::imports::times::utc;
use crate::imports::{Format, Source};

pub(in crate::imports) static FORMAT: Format = Format {
    name: "kraken.trades",
    venue: "kraken",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "txid",
                "ordertxid",
                "pair",
                "time",
                "type",
                "cost",
                "fee",
                "vol",
            ])
        },
        read,
    },
};

fn read(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    let reader = Reader {
        header,
        numbers: venues_numbers(table, &["cost", "fee", "vol", "margin"], reading.options),
        clock: users_clock(table, header.column("time"), reading.options, &utc),
    };
    reader.rows(table, reading, |cells, reading| {
        trade(cells, header, &reading.account)
    });
}

fn trade(cells: &Cells<'_>, header: &Header, account: &str) -> Read<Line> {
    let [id, pair, time, side, cost, fee, volume, margin, misc] = [
        "txid", "pair", "time", "type", "cost", "fee", "vol", "margin", "misc",
    ]
    .map(|name| header.column(name));
    let borrowed = cells.amount(margin)?.is_some_and(Decimal::is_positive);
    let words = cells.text(misc).to_lowercase();
    let position = words
        .split(',')
        .any(|word| matches!(word.trim(), "initiated" | "closing" | "closed" | "settled"));
    if borrowed || position {
        return Ok(Line::Ignore(
            "margin position: nothing was bought; the ledger has what was paid".to_owned(),
        ));
    }
    let name = cells.text(pair);
    let (base, quote) = kraken_pair(name)
        .ok_or_else(|| cells.problem(pair, format!("no known quote in \"{}\"", short(name))))?;
    let time = cells.time(time)?;
    let (volume, cost) = (cells.positive(volume)?, cells.positive(cost)?);
    let (sent, received) = match cells.text(side).to_lowercase().as_str() {
        "buy" => ((quote, cost), (base, volume)),
        "sell" => ((base, volume), (quote, cost)),
        other => {
            return Err(cells.problem(
                side,
                format!("\"{}\" is neither buy nor sell", short(other)),
            ));
        }
    };
    let fee = cells.amount(fee)?.unwrap_or(Decimal::ZERO);
    let booking = Booking::trade(time, account, vec![cells.line()], sent, received);
    Ok(Line::Book(booking.fee(quote, fee).id(cells.text(id))))
}
