//! Several files and what is stored as one import: tickers settled, duplicates out, an id for everything.

use std::collections::{BTreeMap, BTreeSet};

use super::ImportOptions;
use super::duplicates::KnownTransactions;
use super::ends;
use super::outcome::{Duplicate, FileOutcome, ImportOutcome, Imported, Question, Refusal, Rows};
use super::reading::Reading;
use super::renames::renamed;
use crate::files::{FileError, check};
use crate::ledger::is_money;
use crate::{Decimal, Kind, Leg, Prices, Transaction};

/// Merges the files' readings into one outcome.
pub(super) fn merge(mut readings: Vec<Reading<'_>>, options: &ImportOptions) -> ImportOutcome {
    let mut known = KnownTransactions::default();
    for stored in &options.known {
        known.add(stored.clone(), stored.id.clone());
    }
    let of_files = || readings.iter().find_map(|reading| reading.currency.clone());
    let currency = options.currency.clone().or_else(of_files);
    let mut questions = BTreeSet::new();
    let mut accepted: Vec<Imported> = Vec::new();
    let mut duplicates: Vec<Vec<Duplicate>> = Vec::new();
    for (file, reading) in readings.iter_mut().enumerate() {
        in_order(&mut reading.booked);
        for imported in &mut reading.booked {
            imported.file = file;
            rename_accounts(&mut imported.transaction, options);
            settle(
                &mut imported.transaction,
                reading.venue,
                options,
                &mut questions,
            );
        }
        in_one_currency(reading, currency.as_deref());
        ends::keep_stored_ends(&mut reading.booked, &options.known);
        let found = known.sift(&mut reading.booked);
        for imported in &mut reading.booked {
            let row = imported.rows.first().copied().unwrap_or_default();
            known.add(
                imported.transaction.clone(),
                format!("{} row {row}", reading.name),
            );
        }
        accepted.append(&mut reading.booked);
        duplicates.push(found);
    }
    for (file, duplicate) in ends::take_out(&mut accepted, &readings, &options.known) {
        duplicates[file].push(duplicate);
    }
    accepted.sort_by_key(|imported| imported.transaction.time);
    name(&mut accepted, &mut readings, options);
    let net = net(&mut accepted, &mut readings);
    let mut prices = Prices::default();
    let timezone = readings
        .iter()
        .find_map(|reading| reading.timezone)
        .unwrap_or(options.timezone);
    readings
        .iter()
        .for_each(|reading| prices.extend(&reading.prices));
    let files = readings
        .into_iter()
        .zip(duplicates)
        .map(|(reading, duplicates)| file(reading, duplicates));
    ImportOutcome {
        files: files.collect(),
        transactions: accepted,
        questions: questions.into_iter().collect(),
        currency,
        timezone,
        prices,
        net,
    }
}

/// By time; what shares an instant keeps the order of the file, which some venues write newest first.
fn in_order(booked: &mut [Imported]) {
    booked.sort_by_key(|imported| imported.rows.first().copied());
    let times = (booked.first(), booked.last());
    if let (Some(first), Some(last)) = times
        && first.transaction.time > last.transaction.time
    {
        booked.reverse();
    }
    booked.sort_by_key(|imported| imported.transaction.time);
}

/// Accounts by the names that the user gave them.
fn rename_accounts(transaction: &mut Transaction, options: &ImportOptions) {
    let Transaction {
        account,
        to_account,
        ..
    } = transaction;
    for name in std::iter::once(account).chain(to_account) {
        if let Some(renamed) = options.accounts.get(name) {
            name.clone_from(renamed);
        }
    }
}

/// Tickers as the user said, or as they were called then; a question for each that means nothing known, or
/// more than one thing. Files of our own name assets, not tickers.
fn settle(
    transaction: &mut Transaction,
    venue: &str,
    options: &ImportOptions,
    questions: &mut BTreeSet<Question>,
) {
    let Transaction {
        time,
        sent,
        received,
        fees,
        ..
    } = transaction;
    let said = |ticker: &str| {
        let of_venue = options.assets.get(&format!("{venue}:{ticker}"));
        of_venue.or_else(|| options.assets.get(ticker))
    };
    for leg in sent.iter_mut().chain(received).chain(fees) {
        let then = renamed(venue, &leg.asset, *time).filter(|_| !venue.is_empty());
        if let Some(then) = then {
            let meanings = options.catalogue.as_ref().map(|all| all.get(then));
            let only = meanings.map(|found| found.filter(|found| found.len() == 1));
            if let Some(asset) = said(then) {
                leg.asset.clone_from(asset);
                continue;
            }
            match only {
                None => {
                    leg.asset = then.to_owned();
                    continue;
                }
                Some(Some(only)) => {
                    leg.asset = only.iter().next().cloned().unwrap_or_default();
                    continue;
                }
                // What it was called then is not known: the ticker itself is asked about.
                Some(None) => {}
            }
        }
        if let Some(asset) = said(&leg.asset) {
            leg.asset.clone_from(asset);
        } else if let Some(catalogue) = &options.catalogue
            && !is_money(&leg.asset)
        {
            let meanings = catalogue.get(&leg.asset);
            match meanings.map(|meanings| (meanings.len(), meanings.first())) {
                Some((1, Some(only))) => leg.asset.clone_from(only),
                _ => {
                    questions.insert(Question {
                        venue: venue.to_owned(),
                        ticker: leg.asset.clone(),
                        candidates: meanings.into_iter().flatten().cloned().collect(),
                    });
                }
            }
        }
    }
}

/// Values are in the currency of the import: those of a file in another are left out.
fn in_one_currency(reading: &mut Reading<'_>, currency: Option<&str>) {
    let (Some(of_file), Some(currency)) = (reading.currency.clone(), currency) else {
        return;
    };
    if of_file == currency {
        return;
    }
    let mut left_out = !std::mem::take(&mut reading.prices).is_empty();
    for imported in &mut reading.booked {
        let transaction = &mut imported.transaction;
        let Transaction {
            sent,
            received,
            fees,
            value,
            basis,
            ..
        } = transaction;
        for own in sent
            .iter_mut()
            .chain(received)
            .chain(fees)
            .map(|leg| &mut leg.value)
            .chain([value, basis])
        {
            left_out |= own.take().is_some();
        }
    }
    if left_out {
        reading.note(format!(
            "values and prices in {of_file} are left out: those of this import are in {currency}"
        ));
    }
}

/// Gives every transaction an id of its own, and refuses what is not one.
fn name(accepted: &mut Vec<Imported>, readings: &mut [Reading<'_>], options: &ImportOptions) {
    let mut known = KnownTransactions::default();
    for stored in &options.known {
        known.name(&mut stored.clone());
    }
    accepted.retain_mut(|imported| {
        known.name(&mut imported.transaction);
        let Err(error) = check(std::slice::from_ref(&imported.transaction)) else {
            return true;
        };
        let reason = match error {
            FileError::Transaction { message, .. } => message,
            other => other.to_string(),
        };
        let refusals = imported
            .rows
            .iter()
            .map(|row| Refusal::row(*row, reason.as_str()));
        readings[imported.file].refused.extend(refusals);
        false
    });
}

/// Change of holdings by asset.
fn net(accepted: &mut Vec<Imported>, readings: &mut [Reading<'_>]) -> BTreeMap<String, Decimal> {
    let mut net: BTreeMap<String, Decimal> = BTreeMap::new();
    accepted.retain(|imported| {
        if let Some(totals) = totals(&net, &imported.transaction) {
            net.extend(totals);
            return true;
        }
        let reason = "with it, the holdings of an asset are more than can be kept exactly";
        let refusals = imported.rows.iter().map(|row| Refusal::row(*row, reason));
        readings[imported.file].refused.extend(refusals);
        false
    });
    net.retain(|_, change| !change.is_zero());
    net.values_mut()
        .for_each(|change| *change = change.normalized());
    net
}

/// Totals that a transaction touches, with its own amounts added.
fn totals(
    net: &BTreeMap<String, Decimal>,
    transaction: &Transaction,
) -> Option<Vec<(String, Decimal)>> {
    // Between own accounts only the fee is gone.
    let stays = transaction.kind == Kind::Transfer;
    let sent = transaction
        .sent
        .iter()
        .filter(|_| !stays)
        .map(|leg| (leg, true));
    let received = transaction.received.iter().map(|leg| (leg, false));
    let fees = transaction.fees.iter().map(|leg| (leg, true));
    let mut totals: Vec<(String, Decimal)> = Vec::new();
    for (
        Leg {
            asset, quantity, ..
        },
        out,
    ) in sent.chain(received).chain(fees)
    {
        let change = if out { -*quantity } else { *quantity };
        if let Some((_, total)) = totals.iter_mut().find(|(touched, _)| touched == asset) {
            *total = total.checked_add(change)?;
        } else {
            let before = net.get(asset).copied().unwrap_or_default();
            totals.push((asset.clone(), before.checked_add(change)?));
        }
    }
    Some(totals)
}

fn file(reading: Reading<'_>, duplicates: Vec<Duplicate>) -> FileOutcome {
    let rows = |by_reason: BTreeMap<String, Vec<u64>>| {
        let sorted = |(why, mut rows): (String, Vec<u64>)| {
            rows.sort_unstable();
            Rows { rows, why }
        };
        by_reason.into_iter().map(sorted).collect()
    };
    let mut refused = reading.refused;
    refused.sort_by_key(|refusal| refusal.row);
    FileOutcome {
        name: reading.name,
        format: reading.format,
        internal: rows(reading.internal),
        ignored: rows(reading.ignored),
        duplicates,
        refused,
        notes: reading.notes,
    }
}
