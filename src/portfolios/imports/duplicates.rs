//! Recognition of duplicates: rows known by what is stored, or by another file of the same import. Within one file
//! nothing is a duplicate: equal rows are two fills of one order, or two payments of one day.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::TimeDelta;

use super::booking::sum;
use super::outcome::{Duplicate, Imported};
use crate::transaction::format_time;
use crate::{Decimal, Kind, Leg, Transaction};

/// Greatest difference between the times at which two reports book one deposit or withdrawal.
const MOVEMENT_WITHIN: TimeDelta = TimeDelta::hours(1);
/// Prefix of the ids of transactions that have none of a venue: they are compared by content.
pub const MADE_ID: &str = "import/";
/// Prefix of the ids of transactions that were entered by hand without one: they are compared by content too.
pub const MANUAL_ID: &str = "manual/";

/// Known transactions, and their origin.
#[derive(Debug, Default)]
pub(super) struct KnownTransactions {
    transactions: Vec<(Transaction, String)>,
    by_id: HashMap<(String, String), Vec<usize>>,
    by_content: HashMap<String, Vec<usize>>,
    by_second: HashMap<(String, i64), Vec<usize>>,
    movements: HashMap<(String, String, String), Vec<usize>>,
    ids: HashSet<String>,
    /// Number of times that each id without a number was given.
    named: HashMap<String, usize>,
}

impl KnownTransactions {
    /// Adds a transaction and where it stands.
    pub(super) fn add(&mut self, transaction: Transaction, place: String) {
        let at = self.transactions.len();
        let account = transaction.account.clone();
        if has_id(&transaction) {
            self.by_id
                .entry((account.clone(), transaction.id.clone()))
                .or_default()
                .push(at);
        }
        self.by_content
            .entry(content(&transaction))
            .or_default()
            .push(at);
        self.by_second
            .entry((account.clone(), transaction.time.timestamp()))
            .or_default()
            .push(at);
        if let Some((asset, total)) = movement(&transaction) {
            self.movements
                .entry((account, asset, total))
                .or_default()
                .push(at);
        }
        self.ids.insert(transaction.id.clone());
        self.transactions.push((transaction, place));
    }

    /// Takes from `booked`, all of one file, what is known.
    pub(super) fn sift(&self, booked: &mut Vec<Imported>) -> Vec<Duplicate> {
        let mut used = vec![false; self.transactions.len()];
        let mut of: Vec<Option<usize>> = vec![None; booked.len()];
        let mut passed = HashMap::new();
        for (imported, of) in booked.iter().zip(&mut of) {
            *of = self.same(&imported.transaction, &used, &mut passed);
            if let Some(at) = *of {
                used[at] = true;
            }
        }
        self.same_trades(booked, &mut of, &mut used);
        for (imported, of) in booked.iter().zip(&mut of) {
            if of.is_none()
                && let Some(at) = self.same_movement(&imported.transaction, &used)
            {
                used[at] = true;
                *of = Some(at);
            }
        }
        let mut duplicates = Vec::new();
        let mut of = of.into_iter();
        booked.retain(|imported| {
            let Some(at) = of.next().flatten() else {
                return true;
            };
            let (rows, of) = (imported.rows.clone(), self.transactions[at].1.clone());
            duplicates.push(Duplicate { rows, of });
            false
        });
        duplicates
    }

    /// The same id where both have one; else the same content, to the digit and the instant.
    /// `passed` says how many of each content are behind, so that many equal rows are no slower than others.
    fn same(
        &self,
        transaction: &Transaction,
        used: &[bool],
        passed: &mut HashMap<String, usize>,
    ) -> Option<usize> {
        let free = |at: &&usize| !used[**at];
        if has_id(transaction) {
            let key = (transaction.account.clone(), transaction.id.clone());
            let same_id = self.by_id.get(&key).into_iter().flatten();
            let same = same_id
                .filter(free)
                .find(|at| same_legs(&self.transactions[**at].0, transaction));
            if same.is_some() {
                return same.copied();
            }
        }
        let key = content(transaction);
        let equal = self.by_content.get(&key)?;
        let passed = passed.entry(key).or_default();
        while equal.get(*passed).is_some_and(|at| used[*at]) {
            *passed += 1;
        }
        equal[*passed..]
            .iter()
            .filter(free)
            .find(|at| !(has_id(transaction) && has_id(&self.transactions[**at].0)))
            .copied()
    }

    /// Trades that two reports of one venue tell with different grain: the sums of a second agree.
    fn same_trades(&self, booked: &[Imported], of: &mut [Option<usize>], used: &mut [bool]) {
        let mut seconds: BTreeMap<(String, i64), Vec<usize>> = BTreeMap::new();
        for (at, imported) in booked.iter().enumerate() {
            let transaction = &imported.transaction;
            if of[at].is_none() && is_trade(transaction) {
                let second = (transaction.account.clone(), transaction.time.timestamp());
                seconds.entry(second).or_default().push(at);
            }
        }
        let known = |at: usize| &self.transactions[at].0;
        for ((account, second), mine) in seconds {
            // A second leg or a fee may carry the second before or after.
            for near in [second, second - 1, second + 1] {
                let Some(theirs) = self.by_second.get(&(account.clone(), near)) else {
                    continue;
                };
                // Pair by pair, then the whole second.
                for key in [pair_of as fn(&Transaction) -> String, |_| String::new()] {
                    let left = mine.iter().copied().filter(|at| of[*at].is_none());
                    let ours = grouped(left, |at| key(&booked[at].transaction));
                    let left = theirs.iter().copied();
                    let left = left.filter(|at| !used[*at] && is_trade(known(*at)));
                    let theirs = grouped(left, |at| key(known(at)));
                    for (name, ours) in ours {
                        let Some(theirs) = theirs.get(&name) else {
                            continue;
                        };
                        if self.agree(booked, &ours, theirs) {
                            ours.iter().for_each(|at| of[*at] = Some(theirs[0]));
                            theirs.iter().for_each(|at| used[*at] = true);
                        }
                    }
                }
            }
        }
    }

    /// True when these trades come to those: one of the two has no ids, and the totals are equal.
    fn agree(&self, booked: &[Imported], ours: &[usize], theirs: &[usize]) -> bool {
        let ours = || ours.iter().map(|at| &booked[*at].transaction);
        let theirs = || theirs.iter().map(|at| &self.transactions[*at].0);
        let total = totals(ours());
        !ours().chain(theirs()).all(has_id) && total.is_some() && total == totals(theirs())
    }

    /// A deposit or withdrawal of the same total, one of the two without an id, at nearly the same time.
    fn same_movement(&self, transaction: &Transaction, used: &[bool]) -> Option<usize> {
        let (asset, total) = movement(transaction)?;
        let candidates = self
            .movements
            .get(&(transaction.account.clone(), asset, total))?;
        let apart = |at: &usize| (self.transactions[*at].0.time - transaction.time).abs();
        candidates
            .iter()
            .copied()
            .filter(|at| !used[*at] && apart(at) <= MOVEMENT_WITHIN)
            .filter(|at| has_id(&self.transactions[*at].0) != has_id(transaction))
            .min_by_key(apart)
    }

    /// An id that no other transaction has: the one of the venue where there is one.
    pub(super) fn name(&mut self, transaction: &mut Transaction) {
        let base = if transaction.id.is_empty() {
            made(transaction)
        } else {
            transaction.id.clone()
        };
        let number = self.named.entry(base.clone()).or_insert(1);
        let mut id = base.clone();
        while self.ids.contains(&id) {
            *number += 1;
            id = format!("{base}#{number}");
        }
        self.ids.insert(id.clone());
        transaction.id = id;
    }
}

/// Places by a key of what is there.
fn grouped(
    places: impl Iterator<Item = usize>,
    key: impl Fn(usize) -> String,
) -> BTreeMap<String, Vec<usize>> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for at in places {
        groups.entry(key(at)).or_default().push(at);
    }
    groups
}

fn has_id(transaction: &Transaction) -> bool {
    let id = transaction.id.as_str();
    !id.is_empty() && !id.starts_with(MADE_ID) && !id.starts_with(MANUAL_ID)
}

/// An id of what a row says, for rows without one.
fn made(transaction: &Transaction) -> String {
    let leg = |sign: &str, leg: &Option<Leg>| {
        leg.as_ref()
            .map(|leg| format!("/{sign}{} {}", leg.quantity.normalized(), leg.asset))
            .unwrap_or_default()
    };
    let (time, kind) = (format_time(&transaction.time), transaction.kind);
    let legs = leg("-", &transaction.sent) + &leg("+", &transaction.received);
    let id = format!("{MADE_ID}{}/{time}/{kind}{legs}", transaction.account);
    id.chars().take(240).collect()
}

fn is_trade(transaction: &Transaction) -> bool {
    matches!(transaction.kind, Kind::Buy | Kind::Sell | Kind::Swap)
}

fn leg_text(leg: &Option<Leg>) -> String {
    leg.as_ref()
        .map(|leg| format!("{} {}", leg.quantity.normalized(), leg.asset))
        .unwrap_or_default()
}

/// Everything that makes two transactions the same without an id.
fn content(transaction: &Transaction) -> String {
    let mut fees: Vec<String> = transaction
        .fees
        .iter()
        .map(|fee| format!("{} {}", fee.quantity.normalized(), fee.asset))
        .collect();
    fees.sort();
    let time = transaction.time.to_utc();
    let (sent, received) = (leg_text(&transaction.sent), leg_text(&transaction.received));
    format!(
        "{}|{time}|{}|{sent}|{received}|{}",
        transaction.account,
        transaction.kind,
        fees.join("+")
    )
}

/// The assets of a trade.
fn pair_of(transaction: &Transaction) -> String {
    let asset = |leg: &Option<Leg>| {
        leg.as_ref()
            .map(|leg| leg.asset.clone())
            .unwrap_or_default()
    };
    format!(
        "{}>{}",
        asset(&transaction.sent),
        asset(&transaction.received)
    )
}

/// One id is one trade, however two reports round its amounts; of a hash that several movements share, the
/// amounts tell which is meant.
fn same_legs(one: &Transaction, other: &Transaction) -> bool {
    if pair_of(one) != pair_of(other) {
        return false;
    }
    let two_legs = one.sent.is_some() && one.received.is_some();
    two_legs
        || (leg_text(&one.sent) == leg_text(&other.sent)
            && leg_text(&one.received) == leg_text(&other.received))
        || (movement(one).is_some() && movement(one) == movement(other))
}

/// Amounts that trades moved, without their fees, by asset and direction.
fn totals<'t>(
    trades: impl Iterator<Item = &'t Transaction>,
) -> Option<BTreeMap<(bool, &'t str), Decimal>> {
    let mut totals: BTreeMap<(bool, &str), Decimal> = BTreeMap::new();
    for trade in trades {
        for (out, leg) in [(true, &trade.sent), (false, &trade.received)] {
            let Some(leg) = leg else { continue };
            let total = totals.entry((out, leg.asset.as_str())).or_default();
            *total = total.checked_add(leg.quantity)?;
        }
    }
    Some(totals)
}

/// Asset and total, its fee in the same asset included, of a deposit or withdrawal.
fn movement(transaction: &Transaction) -> Option<(String, String)> {
    let (leg, out) = match transaction.kind {
        Kind::Deposit => (transaction.received.as_ref()?, false),
        Kind::Withdrawal => (transaction.sent.as_ref()?, true),
        _ => return None,
    };
    let fees = transaction
        .fees
        .iter()
        .filter(|fee| fee.asset == leg.asset)
        .map(|fee| fee.quantity);
    let fees = sum(fees).ok()?;
    let total = if out {
        leg.quantity.checked_add(fees)?
    } else {
        leg.quantity.checked_sub(fees)?
    };
    let sign = if out { "-" } else { "" };
    Some((leg.asset.clone(), format!("{sign}{}", total.normalized())))
}
