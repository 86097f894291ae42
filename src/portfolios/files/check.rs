//! Conditions that every transaction must satisfy, whichever file it came from.

use std::collections::HashSet;

use chrono::Datelike;

use super::{FileError, MAX_TRANSACTIONS};
use crate::decimal::{Decimal, quoted};
use crate::transaction::{Acquired, Kind, Leg, Legs, Transaction};

/// The most characters of an id, an account or an asset.
const MAX_NAME: usize = 256;
/// The most characters of a note or a tag.
const MAX_NOTE: usize = 10_000;
/// The most fees, named lots or tags of one transaction.
const MAX_PARTS: usize = 1_000;
/// The years in which a transaction can be.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2199;

/// Checks all transactions of a file.
///
/// # Errors
/// The first transaction that is wrong, and what is wrong with it.
pub fn check(transactions: &[Transaction]) -> Result<(), FileError> {
    if transactions.len() > MAX_TRANSACTIONS {
        return Err(FileError::NotTheFormat(format!(
            "{} transactions, more than the {MAX_TRANSACTIONS} that are read",
            transactions.len()
        )));
    }
    let mut ids = HashSet::with_capacity(transactions.len());
    for (index, transaction) in transactions.iter().enumerate() {
        let refuse = |message| FileError::Transaction {
            id: quoted(&transaction.id),
            number: index + 1,
            message,
        };
        if !ids.insert(transaction.id.as_str()) {
            return Err(refuse("its id occurs twice".to_owned()));
        }
        check_one(transaction).map_err(refuse)?;
    }
    Ok(())
}

/// Checks one transaction by itself.
fn check_one(transaction: &Transaction) -> Result<(), String> {
    let kind = transaction.kind;
    name("id", &transaction.id)?;
    name("account", &transaction.account)?;
    year("time", transaction.time.year())?;
    let (sent, received) = (&transaction.sent, &transaction.received);
    match (kind.legs(), sent, received) {
        (Legs::SentAndReceived, Some(_), Some(_))
        | (Legs::Sent, Some(_), None)
        | (Legs::Received, None, Some(_)) => {}
        (Legs::SentAndReceived, ..) => {
            return Err(format!(
                "a {kind} needs what was sent and what was received"
            ));
        }
        (Legs::Sent, ..) => return Err(format!("a {kind} needs what was sent, and nothing else")),
        (Legs::Received, ..) => {
            return Err(format!(
                "a {kind} needs what was received, and nothing else"
            ));
        }
    }
    let legs = [("sent", sent), ("received", received)];
    for (side, part) in legs {
        if let Some(part) = part {
            leg(side, part)?;
        }
    }
    if kind == Kind::Swap || kind == Kind::Buy || kind == Kind::Sell || kind == Kind::Migration {
        let same = |sent: &Leg, received: &Leg| sent.asset == received.asset;
        if sent
            .iter()
            .zip(received)
            .any(|(sent, received)| same(sent, received))
        {
            return Err(format!("a {kind} sends and receives the same asset"));
        }
    }
    parts("fees", transaction.fees.len())?;
    for fee in &transaction.fees {
        leg("fees", fee)?;
    }
    not_negative("value", transaction.value)?;
    destination(transaction)?;
    brought_along(transaction)?;
    named_lots(transaction)?;
    if let Some(note) = &transaction.note {
        length("note", note, MAX_NOTE)?;
    }
    parts("tags", transaction.tags.len())?;
    for tag in &transaction.tags {
        if tag.is_empty() {
            return Err("tags: one is empty".to_owned());
        }
        length("tags", tag, MAX_NOTE)?;
    }
    Ok(())
}

fn destination(transaction: &Transaction) -> Result<(), String> {
    match (transaction.kind, &transaction.to_account) {
        (Kind::Transfer, Some(to)) => {
            name("to_account", to)?;
            if *to == transaction.account {
                return Err("a transfer goes to the account it comes from".to_owned());
            }
            Ok(())
        }
        (Kind::Transfer, None) => Err("a transfer needs to_account".to_owned()),
        (kind, Some(_)) => Err(format!("a {kind} has no to_account")),
        (_, None) => Ok(()),
    }
}

fn brought_along(transaction: &Transaction) -> Result<(), String> {
    let kind = transaction.kind;
    if !kind.brings_basis() {
        if transaction.basis.is_some() {
            return Err(format!("a {kind} has no basis of its own"));
        }
        if transaction.acquired.is_some() {
            return Err(format!("a {kind} has no acquired date of its own"));
        }
    }
    not_negative("basis", transaction.basis)?;
    match transaction.acquired {
        Some(Acquired::Day(day)) => {
            year("acquired", day.year())?;
            // A day of the portfolio's zone: at most a day ahead of the transaction's own clock.
            if day > transaction.time.date_naive() + chrono::Days::new(1) {
                return Err("acquired is after the transaction's time".to_owned());
            }
        }
        Some(Acquired::Moment(time)) => {
            year("acquired", time.year())?;
            if time > transaction.time {
                return Err("acquired is after the transaction's time".to_owned());
            }
        }
        None => {}
    }
    Ok(())
}

fn named_lots(transaction: &Transaction) -> Result<(), String> {
    if transaction.lots.is_empty() {
        return Ok(());
    }
    parts("lots", transaction.lots.len())?;
    let Some(sent) = &transaction.sent else {
        return Err(format!("a {} takes from no lots", transaction.kind));
    };
    let mut sum = Decimal::ZERO;
    for named in &transaction.lots {
        name("lots.lot", &named.lot)?;
        if !named.quantity.is_positive() {
            return Err(format!(
                "lots: the quantity of {} must be above zero",
                quoted(&named.lot)
            ));
        }
        sum = sum
            .checked_add(named.quantity)
            .ok_or("lots: their sum is more than can be kept exactly")?;
    }
    if sum > sent.quantity {
        return Err(format!(
            "lots: they name {sum}, more than the {} that were sent",
            sent.quantity
        ));
    }
    Ok(())
}

fn leg(side: &str, leg: &Leg) -> Result<(), String> {
    name(&format!("{side}.asset"), &leg.asset)?;
    if !leg.quantity.is_positive() {
        return Err(format!(
            "{side}.quantity: {} is not above zero",
            leg.quantity
        ));
    }
    not_negative(&format!("{side}.value"), leg.value)
}

fn not_negative(field: &str, number: Option<Decimal>) -> Result<(), String> {
    match number {
        Some(number) if number.is_negative() => Err(format!("{field}: {number} is below zero")),
        _ => Ok(()),
    }
}

fn year(field: &str, year: i32) -> Result<(), String> {
    if YEARS.contains(&year) {
        return Ok(());
    }
    let (first, last) = (YEARS.start(), YEARS.end());
    Err(format!(
        "{field}: the year {year} is not within {first} to {last}"
    ))
}

fn name(field: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{field} is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{field}: {} has control characters", quoted(text)));
    }
    if text.trim() != text {
        return Err(format!(
            "{field}: {} begins or ends with a space",
            quoted(text)
        ));
    }
    length(field, text, MAX_NAME)
}

fn length(field: &str, text: &str, most: usize) -> Result<(), String> {
    if text.chars().nth(most).is_some() {
        return Err(format!("{field} has more than {most} characters"));
    }
    Ok(())
}

fn parts(field: &str, count: usize) -> Result<(), String> {
    if count > MAX_PARTS {
        return Err(format!("{field}: {count}, more than {MAX_PARTS}"));
    }
    Ok(())
}
