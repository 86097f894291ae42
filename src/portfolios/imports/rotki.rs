//! rotki: its export of history events, a row a leg, and the two tables that it imports.

use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

use super::booking::Booking;
use super::numbers::short;
use super::reading::{Cells, Line, Read, Reader, Reading, Unknown, users_clock, users_numbers};
use super::table::{Header, Table};
use super::times::{Clock, users_zone, utc};
use super::{Format, Source};
use crate::{Decimal, Kind};

pub(super) static EVENTS: Format = Format {
    name: "rotki.events",
    venue: "rotki",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "timestamp",
                "event_type",
                "event_subtype",
                "location",
                "asset",
                "amount",
            ])
        },
        read: events,
    },
};

pub(super) static GENERIC_TRADES: Format = Format {
    name: "rotki.generic.trades",
    venue: "rotki",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "location",
                "spend currency",
                "receive currency",
                "spend amount",
                "receive amount",
                "timestamp",
            ])
        },
        read: |table, reading| generic(table, reading, trade),
    },
};

pub(super) static GENERIC_EVENTS: Format = Format {
    name: "rotki.generic.events",
    venue: "rotki",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "type",
                "location",
                "currency",
                "amount",
                "fee",
                "fee currency",
                "timestamp",
            ])
        },
        read: |table, reading| generic(table, reading, event),
    },
};

fn generic(
    table: &Table,
    reading: &mut Reading<'_>,
    row: fn(&Cells<'_>, &Header, &Reading<'_>) -> Read<Line>,
) {
    let header = &table.header;
    let names = ["amount", "spend amount", "receive amount", "fee"];
    let amounts = names.map(|name| header.column(name));
    let reader = Reader {
        header,
        numbers: users_numbers(table, &amounts, reading.options).or_point(),
        clock: users_clock(table, header.column("timestamp"), reading.options, &utc),
    };
    reader.rows(table, reading, |cells, reading| row(cells, header, reading));
}

fn location<'c>(cells: &Cells<'c>, header: &Header, reading: &'c Reading<'_>) -> &'c str {
    match cells.text(header.column("location")) {
        "" => &reading.account,
        location => location,
    }
}

fn with_fee(cells: &Cells<'_>, header: &Header, booking: Booking) -> Read<Line> {
    let fee = cells.amount(header.column("fee"))?.unwrap_or(Decimal::ZERO);
    let booking = booking.fee(cells.text(header.column("fee currency")), fee);
    Ok(Line::Book(
        booking.note(cells.text(header.column("description"))),
    ))
}

fn trade(cells: &Cells<'_>, header: &Header, reading: &Reading<'_>) -> Read<Line> {
    let column = |name: &str| header.column(name);
    let time = cells.time(column("timestamp"))?;
    let sent = (
        cells.text(column("spend currency")),
        cells.positive(column("spend amount"))?,
    );
    let received = (
        cells.text(column("receive currency")),
        cells.positive(column("receive amount"))?,
    );
    let account = location(cells, header, reading);
    with_fee(
        cells,
        header,
        Booking::trade(time, account, vec![cells.line()], sent, received),
    )
}

fn event(cells: &Cells<'_>, header: &Header, reading: &Reading<'_>) -> Read<Line> {
    let column = |name: &str| header.column(name);
    let time = cells.time(column("timestamp"))?;
    let (asset, amount) = (
        cells.text(column("currency")),
        cells.positive(column("amount"))?,
    );
    let account = location(cells, header, reading);
    let word = cells.text(column("type"));
    let kind = match word.to_lowercase().as_str() {
        "deposit" => Kind::Deposit,
        "withdrawal" => Kind::Withdrawal,
        "income" => Kind::Reward,
        "loss" => Kind::Loss,
        "spend" => Kind::Spend,
        "staking" => Kind::Staking,
        "airdrop" => Kind::Airdrop,
        "interest" => Kind::Interest,
        "gift" => Kind::GiftIn,
        _ => {
            return Ok(Line::Unknown(Unknown {
                reason: format!(
                    "unknown type \"{}\": say what it is, or skip it",
                    short(word)
                ),
                word: word.to_owned(),
                time,
                account: account.to_owned(),
                asset: asset.to_owned(),
                change: amount,
                fee: None,
            }));
        }
    };
    let out = kind.legs() == crate::transaction::Legs::Sent;
    let change = if out { -amount } else { amount };
    let booking = Booking::change(
        (kind, kind),
        time,
        account,
        vec![cells.line()],
        asset,
        change,
    );
    with_fee(cells, header, booking)
}

/// One leg.
struct Event {
    row: u64,
    time: DateTime<Utc>,
    account: String,
    word: String,
    role: Role,
    asset: String,
    amount: Decimal,
    value: Option<Decimal>,
    id: String,
    note: String,
}

/// Role of a leg in the group it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    TradeOut,
    TradeIn,
    Fee,
    Book(Kind, &'static str),
    Internal,
    Ignore,
    Unknown,
}

/// Role of a leg by rotki's type and subtype.
fn role(kind: &str, subtype: &str) -> Role {
    use Role::Book;
    match (kind, subtype) {
        ("informational", _) => Role::Ignore,
        (_, "fee") => Role::Fee,
        ("trade" | "multi trade", "spend") | ("margin", "spend") => Role::TradeOut,
        ("trade" | "multi trade", "receive") => Role::TradeIn,
        ("receive", "airdrop") => Book(Kind::Airdrop, ""),
        ("receive", "reward") | ("staking", "reward" | "mev reward" | "block production") => {
            Book(Kind::Staking, "")
        }
        ("receive", "interest") => Book(Kind::Interest, ""),
        ("receive", "cashback") => Book(Kind::Reward, "cashback"),
        ("receive", "donate" | "gift") => Book(Kind::GiftIn, ""),
        ("receive", "none" | "")
        | ("deposit", "deposit asset" | "none" | "")
        | ("exchange transfer", "receive") => Book(Kind::Deposit, ""),
        ("spend", "donate" | "gift") | ("transfer", "donate") => Book(Kind::GiftOut, ""),
        ("spend", "payment") => Book(Kind::Spend, ""),
        ("spend", "none" | "")
        | ("withdrawal", "remove asset" | "none" | "")
        | ("exchange transfer", "spend") => Book(Kind::Withdrawal, ""),
        ("loss", _) => Book(Kind::Loss, ""),
        ("staking", "deposit asset" | "remove asset")
        | ("transfer", "none" | "")
        | ("deposit", "deposit for wrapped") => Role::Internal,
        ("adjustment", "receive") => Book(Kind::Reward, "adjustment"),
        ("adjustment", "spend") => Book(Kind::Loss, "adjustment"),
        _ => Role::Unknown,
    }
}

fn events(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    let columns = [header.column("amount"), header.column("fiat_value")];
    let zone = users_zone(reading.options.timezone);
    let clock = users_clock(table, header.column("timestamp"), reading.options, &zone);
    let reader = Reader {
        header,
        numbers: users_numbers(table, &columns, reading.options).or_point(),
        clock: Clock {
            names: true,
            ..clock
        },
    };
    let group = header.any(&["group_identifier", "event_identifier"]);
    let mut groups: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for row in &table.rows {
        let cells = reader.cells(row);
        match leg(&cells, header, group, reading) {
            Ok(event) if event.role == Role::Ignore => reading.ignore(&[row.line], "informational"),
            Ok(event) if event.amount.is_zero() => reading.ignore(&[row.line], "an amount of zero"),
            Ok(event) => {
                // Without an id, a row stands alone.
                let key = if event.id.is_empty() {
                    format!("row {}", row.line)
                } else {
                    event.id.clone()
                };
                groups.entry(key).or_default().push(event);
            }
            Err(problem) => reading.refuse(row.line, problem),
        }
    }
    for events in groups.into_values() {
        book(events, reading);
    }
}

fn leg(
    cells: &Cells<'_>,
    header: &Header,
    group: Option<usize>,
    reading: &Reading<'_>,
) -> Read<Event> {
    let text = |name: &str| cells.text(header.column(name));
    let (kind, subtype) = (
        text("event_type").to_lowercase(),
        text("event_subtype").to_lowercase(),
    );
    let symbol = text("asset_symbol");
    let place = location(cells, header, reading);
    let label = text("location_label");
    Ok(Event {
        row: cells.line(),
        time: cells.time(header.column("timestamp"))?,
        account: if label.is_empty() {
            place.to_owned()
        } else {
            format!("{place} {label}")
        },
        role: role(&kind, &subtype),
        word: format!("{kind}/{subtype}"),
        asset: if symbol.is_empty() {
            text("asset")
        } else {
            symbol
        }
        .to_owned(),
        amount: cells.needed(header.column("amount"))?.abs(),
        value: cells.amount(header.column("fiat_value"))?,
        id: cells.text(group).to_owned(),
        note: text("user_notes").to_owned(),
    })
}

/// The legs of one group: a trade and its fee, or single movements with the fee on the first.
fn book(events: Vec<Event>, reading: &mut Reading<'_>) {
    let (mut fees, legs): (Vec<&Event>, Vec<&Event>) =
        events.iter().partition(|event| event.role == Role::Fee);
    let of = |role: Role| {
        legs.iter()
            .filter(move |event| event.role == role)
            .copied()
            .collect::<Vec<_>>()
    };
    let (out, back) = (of(Role::TradeOut), of(Role::TradeIn));
    let mut booked = Vec::new();
    match (out.as_slice(), back.as_slice()) {
        ([], []) => {}
        ([out], [back]) => {
            let (sent, received) = (
                (out.asset.as_str(), out.amount),
                (back.asset.as_str(), back.amount),
            );
            let booking = Booking::trade(
                out.time,
                &out.account,
                vec![out.row, back.row],
                sent,
                received,
            );
            booked.push(
                booking
                    .value(out.value.or(back.value))
                    .id(&out.id)
                    .note(&out.note),
            );
        }
        _ => {
            for event in out.iter().chain(&back) {
                let negative = event.role == Role::TradeOut;
                refuse(
                    event,
                    "the legs of this trade do not fit together",
                    negative,
                    reading,
                );
            }
        }
    }
    for event in &legs {
        match event.role {
            Role::Internal => {
                reading.internal(&[event.row], "moves between places of the same owner")
            }
            Role::Unknown => {
                let reason = format!(
                    "unknown event \"{}\": say what it is, or skip it",
                    short(&event.word)
                );
                refuse(event, &reason, false, reading);
            }
            Role::Book(kind, tag) => {
                let out = kind.legs() == crate::transaction::Legs::Sent;
                let change = if out { -event.amount } else { event.amount };
                let rows = vec![event.row];
                let booking = Booking::change(
                    (kind, kind),
                    event.time,
                    &event.account,
                    rows,
                    &event.asset,
                    change,
                );
                booked.push(
                    booking
                        .tag(tag)
                        .value(event.value)
                        .id(&event.id)
                        .note(&event.note),
                );
            }
            Role::TradeOut | Role::TradeIn | Role::Fee | Role::Ignore => {}
        }
    }
    let mut booked = booked.into_iter();
    if let Some(mut first) = booked.next() {
        for fee in fees.drain(..) {
            first = first.fee(&fee.asset, fee.amount);
            first.imported.rows.push(fee.row);
        }
        reading.book(first);
    }
    booked.for_each(|booking| reading.book(booking));
    for fee in fees {
        let booking = Booking::new(Kind::Fee, fee.time, &fee.account, vec![fee.row])
            .sent(&fee.asset, fee.amount);
        reading.book(booking.id(&fee.id).note(&fee.note));
    }
}

fn refuse(event: &Event, reason: &str, negative: bool, reading: &mut Reading<'_>) {
    let unknown = Unknown {
        reason: reason.to_owned(),
        word: event.word.clone(),
        time: event.time,
        account: event.account.clone(),
        asset: event.asset.clone(),
        change: if negative {
            -event.amount
        } else {
            event.amount
        },
        fee: None,
    };
    reading.unknown(event.row, unknown);
}
