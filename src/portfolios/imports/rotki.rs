//! rotki: its export of history events, a row a leg, and the two tables that it imports.

use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

use super::booking::Booking;
use super::numbers::short;
use super::pairing::{Side, pair};
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
    /// Of a coin that was exchanged for its new one.
    OldName,
    NewName,
    Fee,
    Book(Kind, &'static str),
    Internal,
    Ignore(&'static str),
    Unknown,
}

/// Role of a leg by rotki's type and subtype. What is deposited to an exchange comes into its account, and on a
/// chain leaves the wallet.
fn role(kind: &str, subtype: &str, on_chain: bool) -> Role {
    use Role::Book;
    let (into, out) = match on_chain {
        true => (Kind::Withdrawal, Kind::Deposit),
        false => (Kind::Deposit, Kind::Withdrawal),
    };
    match (kind, subtype) {
        ("informational", _) | ("trade", "none" | "") => Role::Ignore("informational"),
        ("receive", "spam") => Role::Ignore("spam"),
        (_, "fee") => Role::Fee,
        ("trade" | "multi trade", "spend") => Role::TradeOut,
        ("trade" | "multi trade", "receive") => Role::TradeIn,
        ("migrate", "spend") => Role::OldName,
        ("migrate", "receive") => Role::NewName,
        ("margin", "profit") => Book(Kind::Reward, "margin gain"),
        ("margin", "loss") => Book(Kind::Loss, "margin loss"),
        ("receive", "payment" | "grant" | "liquidate") => Book(Kind::Reward, ""),
        ("receive", "refund") => Book(Kind::Deposit, "refund"),
        ("receive" | "withdrawal", "generate debt") => Book(Kind::Deposit, "loan"),
        ("spend", "payback debt") => Book(Kind::Withdrawal, "loan repayment"),
        ("receive" | "withdrawal", "bridge") => Book(Kind::Deposit, "bridge"),
        ("spend" | "deposit", "bridge") => Book(Kind::Withdrawal, "bridge"),
        ("spend", "refund") => Book(Kind::Withdrawal, "refund"),
        ("spend", "burn" | "clawback") => Book(Kind::Loss, ""),
        ("renew", _) | ("deploy", "spend") => Book(Kind::Spend, ""),
        ("receive", "airdrop") => Book(Kind::Airdrop, ""),
        ("receive", "reward") | ("staking", "reward" | "mev reward" | "block production") => {
            Book(Kind::Staking, "")
        }
        ("receive", "interest") => Book(Kind::Interest, ""),
        ("receive", "cashback") => Book(Kind::Reward, "cashback"),
        ("receive", "donate" | "gift") => Book(Kind::GiftIn, ""),
        ("receive", "none" | "") | ("exchange transfer", "receive") => Book(Kind::Deposit, ""),
        ("deposit", "deposit asset" | "none" | "") => Book(into, ""),
        ("withdrawal", "remove asset" | "none" | "") => Book(out, ""),
        ("spend", "donate" | "gift") | ("transfer", "donate") => Book(Kind::GiftOut, ""),
        ("spend", "payment") => Book(Kind::Spend, ""),
        ("spend", "none" | "") | ("exchange transfer", "spend") => Book(Kind::Withdrawal, ""),
        ("loss", _) => Book(Kind::Loss, ""),
        // A wrapped coin stands for the one that is deposited.
        (
            "staking",
            "deposit asset" | "remove asset" | "deposit for wrapped" | "redeem wrapped",
        )
        | ("transfer" | "transaction to self", "none" | "")
        | ("deposit", "deposit for wrapped" | "deposit to protocol" | "place order")
        | ("withdrawal", "redeem wrapped" | "withdraw from protocol" | "cancel order" | "refund")
        | ("receive", "receive wrapped" | "return wrapped")
        | ("spend", "return wrapped") => Role::Internal,
        ("adjustment" | "exchange adjustment", "receive") => Book(Kind::Reward, "adjustment"),
        ("adjustment" | "exchange adjustment", "spend") => Book(Kind::Loss, "adjustment"),
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
            Ok(Event {
                role: Role::Ignore(why),
                ..
            }) => reading.ignore(&[row.line], why),
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
    let entry = text("entry_type").to_lowercase();
    let chains = ["evm", "solana", "bitcoin", "zksync", "starknet"];
    let on_chain = chains.iter().any(|chain| entry.starts_with(chain));
    Ok(Event {
        row: cells.line(),
        time: cells.time(header.column("timestamp"))?,
        account: if label.is_empty() {
            place.to_owned()
        } else {
            format!("{place} {label}")
        },
        role: role(&kind, &subtype, on_chain),
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
    let mut booked = Vec::new();
    for (out, back) in [
        (of(Role::TradeOut), of(Role::TradeIn)),
        (of(Role::OldName), of(Role::NewName)),
    ] {
        if out.is_empty() && back.is_empty() {
            continue;
        }
        match exchanged(&out, &back) {
            Ok(bookings) => booked.extend(bookings),
            Err(reason) => {
                for event in out.iter().chain(&back) {
                    let negative = matches!(event.role, Role::TradeOut | Role::OldName);
                    refuse(event, &reason, negative, reading);
                }
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
            Role::TradeOut
            | Role::TradeIn
            | Role::OldName
            | Role::NewName
            | Role::Fee
            | Role::Ignore(_) => {}
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

/// What left for what came: of several, paired by their values.
fn exchanged(out: &[&Event], back: &[&Event]) -> Result<Vec<Booking>, String> {
    let (Some(first), false) = (out.first(), back.is_empty()) else {
        return Err("the legs of this trade do not fit together".to_owned());
    };
    let sides = |events: &[&Event]| -> Vec<Side> {
        let side = |event: &&Event| Side {
            row: event.row,
            asset: event.asset.clone(),
            quantity: event.amount,
        };
        events.iter().map(side).collect()
    };
    let worth = |asset: &str| {
        let mut all = out.iter().chain(back);
        let event = all.find(|event| event.asset == asset && event.value.is_some())?;
        Some(event.value?.to_f64() / event.amount.to_f64())
    };
    let pairs = pair(&sides(out), &sides(back), worth)?;
    let only = pairs.len() == 1;
    let bookings = pairs.into_iter().map(|pair| {
        let (sent, received) = (&pair.sent, &pair.received);
        let legs = ((sent.0.as_str(), sent.1), (received.0.as_str(), received.1));
        let (time, account) = (first.time, &first.account);
        let booking = match first.role {
            Role::OldName => Booking::new(Kind::Migration, time, account, pair.rows)
                .sent(legs.0.0, legs.0.1)
                .received(legs.1.0, legs.1.1),
            _ => Booking::trade(time, account, pair.rows, legs.0, legs.1),
        };
        let value = first.value.or(back[0].value).filter(|_| only);
        let booking = booking.value(value).id(&first.id).note(&first.note);
        match pair.flag {
            Some(flag) => booking.flag(flag),
            None => booking,
        }
    });
    Ok(bookings.collect())
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
