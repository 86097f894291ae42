//! The two ends of one transfer between own accounts: a report of the one account tells it as a transfer, that of
//! the other as a deposit or a withdrawal. It counts once, in one import and over several.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, FixedOffset, TimeDelta};

use super::outcome::{Duplicate, Imported};
use super::reading::Reading;
use crate::{Kind, Leg, Transaction};

/// Greatest difference between the times at which the two ends of one transfer are booked.
const WITHIN: TimeDelta = TimeDelta::hours(24);

/// Where something arrived or left, which way, and how much of what.
type End = (String, bool, String);

fn end(account: &str, arrived: bool, leg: &Leg) -> End {
    // One account by its old name and its new one.
    let account = match account {
        "coinbase-exchange" => "coinbase-pro",
        account => account,
    };
    let amount = format!("{} {}", leg.quantity.normalized(), leg.asset);
    (account.to_owned(), arrived, amount)
}

/// The end that a deposit or a withdrawal tells.
fn told(transaction: &Transaction) -> Option<End> {
    let Transaction {
        account,
        sent,
        received,
        ..
    } = transaction;
    match transaction.kind {
        Kind::Deposit => received.as_ref().map(|leg| end(account, true, leg)),
        Kind::Withdrawal => sent.as_ref().map(|leg| end(account, false, leg)),
        _ => None,
    }
}

/// Both ends of a transfer, that of the arrival first.
fn both(transaction: &Transaction) -> Option<[End; 2]> {
    let (Kind::Transfer, Some(to), Some(leg)) =
        (transaction.kind, &transaction.to_account, &transaction.sent)
    else {
        return None;
    };
    Some([end(to, true, leg), end(&transaction.account, false, leg)])
}

/// Places of transactions by the ends that they tell.
#[derive(Default)]
struct Places(HashMap<End, Vec<(usize, DateTime<FixedOffset>)>>);

impl Places {
    fn add(&mut self, end: End, at: usize, time: DateTime<FixedOffset>) {
        self.0.entry(end).or_default().push((at, time));
    }

    /// Takes the place nearest in time that `fits`.
    fn take(
        &mut self,
        end: &End,
        time: DateTime<FixedOffset>,
        fits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let places = self.0.get_mut(end)?;
        let apart = |other: DateTime<FixedOffset>| (other - time).abs();
        let near = places.iter().enumerate();
        let near = near.filter(|(_, (at, other))| apart(*other) <= WITHIN && fits(*at));
        let (nearest, _) = near.min_by_key(|(_, (_, other))| apart(*other))?;
        Some(places.swap_remove(nearest).0)
    }
}

/// Turns transfers of which one end is stored as a deposit or a withdrawal into the other end.
pub(super) fn keep_stored_ends(booked: &mut [Imported], known: &[Transaction]) {
    let mut stored = Places::default();
    let mut transfers = HashSet::new();
    for (at, transaction) in known.iter().enumerate() {
        if let Some(end) = told(transaction) {
            stored.add(end, at, transaction.time);
        } else if let Some(both) = both(transaction) {
            transfers.insert((both, transaction.time));
        }
    }
    if stored.0.is_empty() {
        return;
    }
    for imported in booked {
        let transaction = &mut imported.transaction;
        let Some(ends) = both(transaction) else {
            continue;
        };
        let time = transaction.time;
        if transfers.contains(&(ends.clone(), time)) {
            continue;
        }
        let [arrival, departure] = ends;
        if stored.take(&arrival, time, |_| true).is_some() {
            transaction.kind = Kind::Withdrawal;
            transaction.to_account = None;
        } else if stored.take(&departure, time, |_| true).is_some() {
            transaction.kind = Kind::Deposit;
            transaction.received = transaction.sent.take();
            if let Some(to) = transaction.to_account.take() {
                transaction.account = to;
            }
            // The fee left with the stored end.
            transaction.fees.clear();
        } else {
            continue;
        }
        let flag = "one end of a transfer whose other end is stored: join them to keep its lots";
        imported.flags.push(flag.to_owned());
    }
}

/// Takes out deposits and withdrawals that are the other end of a transfer that is stored, or that another file has.
pub(super) fn take_out(
    accepted: &mut Vec<Imported>,
    readings: &[Reading<'_>],
    known: &[Transaction],
) -> Vec<(usize, Duplicate)> {
    let mut ends = Places::default();
    for (at, imported) in accepted.iter().enumerate() {
        if let Some(end) = told(&imported.transaction) {
            ends.add(end, at, imported.transaction.time);
        }
    }
    let mut gone: HashMap<usize, String> = HashMap::new();
    for transaction in known {
        for end in both(transaction).into_iter().flatten() {
            if let Some(at) = ends.take(&end, transaction.time, |_| true) {
                gone.insert(at, transaction.id.clone());
            }
        }
    }
    for at in 0..accepted.len() {
        let Imported {
            file,
            rows,
            transaction,
            ..
        } = &accepted[at];
        let row = rows.first().copied().unwrap_or_default();
        let place = format!("{} row {row}", readings[*file].name);
        let (file, time) = (*file, transaction.time);
        for (arrives, end) in [true, false]
            .into_iter()
            .zip(both(transaction).into_iter().flatten())
            .collect::<Vec<_>>()
        {
            let other_file = |other: usize| accepted[other].file != file;
            if let Some(other) = ends.take(&end, time, other_file) {
                gone.insert(other, place.clone());
                // By the name that the other file has for the account.
                let name = accepted[other].transaction.account.clone();
                let transfer = &mut accepted[at].transaction;
                if arrives {
                    transfer.to_account = Some(name);
                } else {
                    transfer.account = name;
                }
            }
        }
    }
    let mut duplicates: Vec<_> = gone.iter().collect();
    duplicates.sort_unstable();
    let duplicates = duplicates.into_iter().map(|(at, of)| {
        let Imported { file, rows, .. } = &accepted[*at];
        let (rows, of) = (rows.clone(), of.clone());
        (*file, Duplicate { rows, of })
    });
    let duplicates = duplicates.collect();
    let mut at = 0..;
    accepted.retain(|_| at.next().is_none_or(|at| !gone.contains_key(&at)));
    duplicates
}
