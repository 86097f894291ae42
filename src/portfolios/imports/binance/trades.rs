//! Reports of spot trades, a row a fill: the old one with its coins in columns of their own or in the market's
//! name, and the new one with units glued to the numbers.

use chrono::TimeDelta;

use super::{ahead, reader, time_column};
use crate::Decimal;
use crate::imports::assets::{self, binance_pair};
use crate::imports::booking::Booking;
use crate::imports::numbers::{Numbers, short, unit};
use crate::imports::reading::{Cells, Line, Read, Reading};
use crate::imports::table::{Header, Table};
use crate::imports::{Format, Source};

pub(in crate::imports) static OLD: Format = Format {
    name: "binance.trades.v1",
    venue: "binance",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "market", "type", "price", "amount", "total", "fee", "fee coin",
            ])
        },
        read: |table, reading| read(table, reading, old),
    },
};

pub(in crate::imports) static NEW: Format = Format {
    name: "binance.trades.v2",
    venue: "binance",
    source: Source::Table {
        recognizes: |header| header.has(&["pair", "side", "price", "executed", "amount", "fee"]),
        read: |table, reading| read(table, reading, new),
    },
};

type Row = fn(&Cells<'_>, &Header, &str) -> Read<Line>;

fn read(table: &Table, reading: &mut Reading<'_>, row: Row) {
    let seconds = ahead(&table.header);
    let zone = |time: chrono::NaiveDateTime| Some((time - TimeDelta::seconds(seconds)).and_utc());
    reader(table, reading.options, &zone).rows(table, reading, |cells, reading| {
        row(cells, &table.header, &reading.account)
    });
}

/// True when it is a purchase.
fn buys(cells: &Cells<'_>, column: Option<usize>) -> Read<bool> {
    match cells.text(column).to_uppercase().as_str() {
        "BUY" => Ok(true),
        "SELL" => Ok(false),
        other => Err(cells.problem(
            column,
            format!("\"{}\" is neither BUY nor SELL", short(other)),
        )),
    }
}

fn fill(
    cells: &Cells<'_>,
    header: &Header,
    account: &str,
    buys: bool,
    (base, size): (&str, Decimal),
    (quote, total): (&str, Decimal),
) -> Read<Booking> {
    let time = cells.time(time_column(header))?;
    let (base, quote) = (
        (assets::binance(base), size),
        (assets::binance(quote), total),
    );
    let (sent, received) = if buys { (quote, base) } else { (base, quote) };
    Ok(Booking::trade(
        time,
        account,
        vec![cells.line()],
        sent,
        received,
    ))
}

fn old(cells: &Cells<'_>, header: &Header, account: &str) -> Read<Line> {
    let [market, kind, fee_coin] = ["market", "type", "fee coin"].map(|name| header.column(name));
    let buys = buys(cells, kind)?;
    let coin = cells.text(fee_coin);
    // A fee is taken from what is received, or in BNB: then it says nothing of the pair.
    let (base, quote) = match (coin, buys) {
        ("BNB", _) => ("", ""),
        (coin, true) => (coin, ""),
        (coin, false) => ("", coin),
    };
    let (base, quote) = binance_pair(cells.text(market), base, quote).ok_or_else(|| {
        cells.problem(
            market,
            format!("no known quote in \"{}\"", short(cells.text(market))),
        )
    })?;
    let size = cells.positive(header.column("amount"))?;
    let total = cells.positive(header.column("total"))?;
    let fee = cells.amount(header.column("fee"))?.unwrap_or(Decimal::ZERO);
    let booking = fill(cells, header, account, buys, (base, size), (quote, total))?;
    Ok(Line::Book(booking.fee(assets::binance(coin), fee)))
}

fn new(cells: &Cells<'_>, header: &Header, account: &str) -> Read<Line> {
    let [pair, side, executed, amount, fee] =
        ["pair", "side", "executed", "amount", "fee"].map(|name| header.column(name));
    let buys = buys(cells, side)?;
    let (base, size, quote, total) = split(cells, pair, executed, amount)?;
    let booking = fill(cells, header, account, buys, (&base, size), (&quote, total))?;
    let text = cells.text(fee);
    if text.is_empty() {
        return Ok(Line::Book(booking));
    }
    let glued = [base.as_str(), &quote, "BNB"].into_iter().find_map(|coin| {
        let number = text.strip_suffix(coin)?;
        Some((number, coin))
    });
    let (number, coin) = glued
        .filter(|(number, _)| is_number(number))
        .or_else(|| unit(text))
        .unwrap_or((text, ""));
    let number = Numbers::POINT
        .read(number)
        .map_err(|reason| cells.problem(fee, reason))?;
    Ok(Line::Book(booking.fee(
        assets::binance(coin),
        number.unwrap_or(Decimal::ZERO),
    )))
}

/// Base and quote with their amounts: the split of the pair's name for which both units fit.
fn split(
    cells: &Cells<'_>,
    pair: Option<usize>,
    executed: Option<usize>,
    amount: Option<usize>,
) -> Read<(String, Decimal, String, Decimal)> {
    let name = cells.text(pair);
    let (size, total) = (cells.text(executed), cells.text(amount));
    let bare: String = name
        .chars()
        .filter(|c| !matches!(c, '/' | '-' | '_'))
        .collect();
    let mut fits: Vec<(&str, &str)> = (1..bare.len())
        .filter_map(|at| bare.split_at_checked(at))
        .filter(|(base, quote)| {
            size.strip_suffix(base).is_some_and(is_number)
                && total.strip_suffix(quote).is_some_and(is_number)
        })
        .collect();
    if fits.len() > 1
        && let Some(known) = binance_pair(name, "", "")
    {
        fits.retain(|fit| *fit == known);
    }
    let [(base, quote)] = fits.as_slice() else {
        let shown = (short(size), short(total), short(name));
        let reason = format!(
            "\"{}\" and \"{}\" do not have the units of \"{}\"",
            shown.0, shown.1, shown.2
        );
        return Err(cells.problem(executed, reason));
    };
    let number = |text: &str, unit: &str, column| {
        let read = Numbers::POINT.read(text.strip_suffix(unit).unwrap_or(text));
        let read = read.map_err(|reason| cells.problem(column, reason))?;
        read.filter(|amount| amount.is_positive())
            .ok_or_else(|| cells.problem(column, "no amount"))
    };
    let (size, total) = (number(size, base, executed)?, number(total, quote, amount)?);
    Ok(((*base).to_owned(), size, (*quote).to_owned(), total))
}

fn is_number(text: &str) -> bool {
    matches!(Numbers::POINT.read(text), Ok(Some(_)))
}
