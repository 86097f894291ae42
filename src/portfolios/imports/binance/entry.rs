//! A row of the transaction history, and what rows of one second come to.

use chrono::{DateTime, Utc};

use super::rates::Rates;
use crate::imports::booking::Booking;
use crate::imports::pairing::{self, Pair, Side};
use crate::imports::reading::{Reading, Unknown};
use crate::{Decimal, Kind};

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub row: u64,
    pub time: DateTime<Utc>,
    pub user: String,
    pub word: String,
    pub coin: String,
    pub change: Decimal,
    pub remark: String,
}

impl Entry {
    pub(super) fn side(&self) -> Side {
        Side {
            row: self.row,
            asset: self.coin.clone(),
            quantity: self.change.abs(),
        }
    }
}

/// Key shared by the rows of one second of a user's account.
pub(super) type Second = (String, DateTime<Utc>);

pub(super) fn unknown(entry: &Entry, reading: &Reading<'_>) -> Unknown {
    let word = &entry.word;
    Unknown {
        reason: format!("unknown operation \"{word}\": say what it is, or skip it"),
        word: word.clone(),
        time: entry.time,
        account: reading.account.clone(),
        asset: entry.coin.clone(),
        change: entry.change,
        fee: None,
    }
}

pub(super) fn is_whole(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| entry.change.is_negative())
        && entries.iter().any(|entry| entry.change.is_positive())
}

pub(super) fn half(entry: &Entry) -> String {
    let (one, other) = match (
        entry.word.to_lowercase().as_str(),
        entry.change.is_negative(),
    ) {
        ("sell" | "transaction sold", true) => ("a sale", "its revenue"),
        (_, true) => ("a spend", "a buy"),
        ("sell" | "transaction revenue", false) => ("a revenue", "a sale"),
        (_, false) => ("a buy", "a spend"),
    };
    format!("{one} without {other} in the same second")
}

pub(super) fn paired(
    entries: &[Entry],
    rates: &Rates,
    time: DateTime<Utc>,
) -> Result<Vec<Pair>, String> {
    let (out, back): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().partition(|entry| entry.change.is_negative());
    let sides = |entries: Vec<&Entry>| entries.into_iter().map(Entry::side).collect::<Vec<_>>();
    let pairs = pairing::pair(&sides(out), &sides(back), |asset| rates.value(asset, time))?;
    if pairs.iter().any(|pair| pair.sent.0 == pair.received.0) {
        return Err("the same coin left and came".to_owned());
    }
    Ok(pairs)
}

pub(super) fn exchange(time: DateTime<Utc>, account: &str, pair: Pair) -> Booking {
    let Pair {
        rows,
        sent,
        received,
        flag,
    } = pair;
    let booking = Booking::trade(
        time,
        account,
        rows,
        (&sent.0, sent.1),
        (&received.0, received.1),
    );
    match flag {
        Some(flag) => booking.flag(flag),
        None => booking,
    }
}

pub(super) fn migration(old: &Entry, new: &Entry, account: &str) -> Booking {
    let time = old.time.max(new.time);
    Booking::new(Kind::Migration, time, account, vec![old.row, new.row])
        .sent(&old.coin, -old.change)
        .received(&new.coin, new.change)
}
