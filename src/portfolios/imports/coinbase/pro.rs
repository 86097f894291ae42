//! Exports of Coinbase Pro, now Exchange: the account, a row a change of a balance, and the fills, which tell the
//! trades of the account again. Trade ids are unique within a product only.

use std::collections::BTreeMap;

use crate::imports::assets::{coinbase, is_quote};
use crate::imports::booking::{Booking, sum};
use crate::imports::numbers::short;
use crate::imports::reading::{
    Cells, Line, Read, Reader, Reading, Unknown, users_clock, venues_numbers,
};
use crate::imports::table::{Header, Table};
use crate::imports::times::utc;
use crate::imports::{Format, Source};
use crate::{Decimal, Kind};

pub(in crate::imports) static FILLS: Format = Format {
    name: "coinbase.pro.fills",
    venue: "coinbase-pro",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "trade id",
                "product",
                "side",
                "created at",
                "size",
                "fee",
                "total",
            ])
        },
        read: fills,
    },
};

pub(in crate::imports) static ACCOUNT: Format = Format {
    name: "coinbase.pro.account",
    venue: "coinbase-pro",
    source: Source::Table {
        recognizes: |header| {
            header.any(TIME).is_some()
                && header.has(&[
                    "type",
                    "amount",
                    "balance",
                    "amount/balance unit",
                    "transfer id",
                    "trade id",
                ])
        },
        read: account,
    },
};

const TIME: &[&str] = &["time", "timestamp"];

fn reader<'a>(table: &'a Table, reading: &Reading<'_>) -> Reader<'a> {
    let amounts = ["amount", "balance", "size", "fee", "total"];
    let time = table.header.any(&["created at", "time", "timestamp"]);
    Reader {
        header: &table.header,
        numbers: venues_numbers(table, &amounts, reading.options),
        clock: users_clock(table, time, reading.options, &utc),
    }
}

fn trade_id(id: &str, product: &str) -> String {
    format!("trade {id} {product}")
}

fn fills(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    reader(table, reading).rows(table, reading, |cells, reading| {
        fill(cells, header, &reading.account).map(Line::Book)
    });
}

fn fill(cells: &Cells<'_>, header: &Header, account: &str) -> Read<Booking> {
    let [id, product, side, time, size, fee, total] = [
        "trade id",
        "product",
        "side",
        "created at",
        "size",
        "fee",
        "total",
    ]
    .map(|name| header.column(name));
    let name = cells.text(product);
    let (base, quote) = name
        .split_once('-')
        .ok_or_else(|| cells.problem(product, format!("\"{}\" is not a pair", short(name))))?;
    let time = cells.time(time)?;
    let size = cells.positive(size)?;
    let amount = cells.needed(total)?.abs();
    let fee = cells.amount(fee)?.unwrap_or(Decimal::ZERO);
    let too_large = || cells.problem(total, "more than can be kept exactly");
    // The total has the fee inside: on top when bought, taken off when sold.
    let rows = vec![cells.line()];
    let booking = match cells.text(side).to_uppercase().as_str() {
        "BUY" => {
            let paid = amount.checked_sub(fee).ok_or_else(too_large)?;
            Booking::trade(
                time,
                account,
                rows,
                (coinbase(quote), paid),
                (coinbase(base), size),
            )
        }
        "SELL" => {
            let got = amount.checked_add(fee).ok_or_else(too_large)?;
            Booking::trade(
                time,
                account,
                rows,
                (coinbase(base), size),
                (coinbase(quote), got),
            )
        }
        other => {
            return Err(cells.problem(
                side,
                format!("\"{}\" is neither BUY nor SELL", short(other)),
            ));
        }
    };
    Ok(booking
        .fee(coinbase(quote), fee)
        .id(&trade_id(cells.text(id), name)))
}

/// A row of the account.
#[derive(Clone)]
struct Entry {
    row: u64,
    time: chrono::DateTime<chrono::Utc>,
    word: String,
    change: Decimal,
    unit: String,
    transfer: String,
}

fn account(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    let reader = reader(table, reading);
    let time = header.any(TIME);
    let [word, amount, unit, transfer, trade, order, portfolio] = [
        "type",
        "amount",
        "amount/balance unit",
        "transfer id",
        "trade id",
        "order id",
        "portfolio",
    ]
    .map(|name| header.column(name));
    let mut trades: BTreeMap<[String; 3], Vec<Entry>> = BTreeMap::new();
    let mut transfers: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
    let mut alone: Vec<Entry> = Vec::new();
    for row in &table.rows {
        let cells = reader.cells(row);
        let entry = || -> Read<Entry> {
            Ok(Entry {
                row: row.line,
                time: cells.time(time)?,
                word: cells.text(word).to_lowercase(),
                change: cells.needed(amount)?,
                unit: coinbase(cells.text(unit)).to_owned(),
                transfer: cells.text(transfer).to_owned(),
            })
        };
        match entry() {
            Err(problem) => reading.refuse(row.line, problem),
            Ok(entry) if entry.change.is_zero() => reading.ignore(&[row.line], "an amount of zero"),
            Ok(entry) => {
                let [trade, order] = [trade, order].map(|column| cells.text(column).to_owned());
                let joins = matches!(entry.word.as_str(), "match" | "fee" | "conversion");
                if !trade.is_empty() && joins {
                    let key = [trade, order, cells.text(portfolio).to_owned()];
                    trades.entry(key).or_default().push(entry);
                } else if !entry.transfer.is_empty() {
                    transfers
                        .entry(entry.transfer.clone())
                        .or_default()
                        .push(entry);
                } else {
                    alone.push(entry);
                }
            }
        }
    }
    for ([id, ..], entries) in trades {
        match traded(&id, &entries, &reading.account) {
            Ok(booking) => reading.book(booking),
            Err(reason) => entries
                .iter()
                .for_each(|entry| refuse(entry, &reason, reading)),
        }
    }
    for entries in transfers.into_values() {
        moved(entries, reading);
    }
    for entry in alone {
        single(&entry, reading);
    }
}

fn refuse(entry: &Entry, reason: &str, reading: &mut Reading<'_>) {
    let unknown = Unknown {
        reason: reason.to_owned(),
        word: entry.word.clone(),
        time: entry.time,
        account: reading.account.clone(),
        asset: entry.unit.clone(),
        change: entry.change,
        fee: None,
    };
    reading.unknown(entry.row, unknown);
}

/// The two legs of a trade or a conversion, and its fee.
fn traded(id: &str, entries: &[Entry], account: &str) -> Result<Booking, String> {
    let (fees, legs): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().partition(|entry| entry.word == "fee");
    let side = |negative: bool| -> Result<Option<(String, Decimal)>, String> {
        let of = || {
            legs.iter()
                .filter(|entry| entry.change.is_negative() == negative)
        };
        let Some(first) = of().next() else {
            return Ok(None);
        };
        if of().any(|entry| entry.unit != first.unit) {
            return Err("a trade with more than two coins".to_owned());
        }
        Ok(Some((
            first.unit.clone(),
            sum(of().map(|entry| entry.change.abs()))?,
        )))
    };
    let (Some(sent), Some(received)) = (side(true)?, side(false)?) else {
        return Err("a match with one leg: the export was cut".to_owned());
    };
    let rows = entries.iter().map(|entry| entry.row).collect();
    let time = entries[0].time;
    let quoted = match fees.first() {
        Some(fee) => fee.unit == sent.0,
        None => is_quote(&sent.0, &received.0),
    };
    let (base, quote) = if quoted {
        (&received.0, &sent.0)
    } else {
        (&sent.0, &received.0)
    };
    let product = format!("{base}-{quote}");
    let mut booking = Booking::trade(
        time,
        account,
        rows,
        (&sent.0, sent.1),
        (&received.0, received.1),
    );
    for fee in fees {
        booking = booking.fee(&fee.unit, -fee.change);
    }
    Ok(booking.id(&trade_id(id, &product)))
}

/// A deposit or a withdrawal and its fee; one that was given back changes nothing.
fn moved(entries: Vec<Entry>, reading: &mut Reading<'_>) {
    let (fees, moves): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.word == "fee");
    let known = moves
        .iter()
        .all(|entry| matches!(entry.word.as_str(), "deposit" | "withdrawal"));
    let one_unit = moves.iter().all(|entry| entry.unit == moves[0].unit);
    if moves.is_empty() || !known || !one_unit {
        for entry in moves.iter().chain(&fees) {
            single(entry, reading);
        }
        return;
    }
    let rows: Vec<u64> = moves.iter().chain(&fees).map(|entry| entry.row).collect();
    let Ok(change) = sum(moves.iter().map(|entry| entry.change)) else {
        return rows
            .iter()
            .for_each(|row| reading.refuse(*row, "more than can be kept exactly"));
    };
    if change.is_zero() {
        reading.ignore(&rows, "failed and was given back");
        return;
    }
    let kinds = (Kind::Deposit, Kind::Withdrawal);
    let first = &moves[0];
    let mut booking = Booking::change(
        kinds,
        first.time,
        &reading.account,
        rows,
        &first.unit,
        change,
    );
    for fee in &fees {
        booking = booking.fee(&fee.unit, -fee.change);
    }
    reading.book(booking.id(&first.transfer));
}

fn single(entry: &Entry, reading: &mut Reading<'_>) {
    let (kinds, tag) = match entry.word.as_str() {
        "deposit" | "withdrawal" => ((Kind::Deposit, Kind::Withdrawal), ""),
        "rebate" => ((Kind::Reward, Kind::Fee), "fee rebate"),
        "fee" => ((Kind::Reward, Kind::Fee), ""),
        "match" | "conversion" => {
            return refuse(
                entry,
                "a trade without an id: its other leg cannot be found",
                reading,
            );
        }
        word => {
            let reason = format!(
                "unknown type \"{}\": say what it is, or skip it",
                short(word)
            );
            return refuse(entry, &reason, reading);
        }
    };
    let booking = Booking::change(
        kinds,
        entry.time,
        &reading.account,
        vec![entry.row],
        &entry.unit,
        entry.change,
    );
    reading.book(booking.tag(tag).id(&entry.transfer));
}
