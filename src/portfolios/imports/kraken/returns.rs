//! Rows of the ledgers that undo each other under two refids: a withdrawal that failed and came back, a coin that was
//! staked before transfers had a subtype.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::ledgers::{Entry, GIVEN_BACK, Group, STAKED};
use crate::Decimal;
use crate::imports::reading::Reading;

/// Rows by refid.
type Groups = BTreeMap<(String, Group), Vec<Entry>>;
/// What moved: of which asset, how much, and for which fee.
type Moved = (Group, String, Decimal, Decimal);

/// Takes out withdrawals and deposits that came back under a refid of their own.
pub(super) fn take_out_failed(groups: &mut Groups, reading: &mut Reading<'_>) {
    let mut out: BTreeMap<Moved, Vec<(String, Group)>> = BTreeMap::new();
    let mut back = Vec::new();
    for (key, entries) in &*groups {
        let [entry] = entries.as_slice() else {
            continue;
        };
        let forth = match key.1 {
            Group::Deposit => entry.amount.is_positive(),
            Group::Withdrawal => entry.amount.is_negative(),
            Group::Trade | Group::Move => continue,
        };
        if forth {
            let what = (key.1, entry.name.clone(), entry.amount, entry.fee);
            out.entry(what).or_default().push(key.clone());
        } else {
            let what = (key.1, entry.name.clone(), -entry.amount, -entry.fee);
            back.push((entry.time, key.clone(), what));
        }
    }
    back.sort_by_key(|(time, ..)| *time);
    for (time, key, what) in back {
        let began = |key: &(String, Group)| {
            let entry = groups.get(key).and_then(|entries| entries.first());
            entry.map(|entry| entry.time).filter(|began| *began <= time)
        };
        let Some(before) = out.get_mut(&what) else {
            continue;
        };
        let latest = (0..before.len()).filter(|at| began(&before[*at]).is_some());
        let Some(latest) = latest.max_by_key(|at| began(&before[*at])) else {
            continue;
        };
        let first = groups.remove(&before.swap_remove(latest));
        let both = first.into_iter().chain(groups.remove(&key)).flatten();
        let rows: Vec<u64> = both.map(|entry| entry.row).collect();
        reading.ignore(&rows, GIVEN_BACK);
    }
}

/// The two rows of a coin that was staked are this near to each other.
const WITHIN: TimeDelta = TimeDelta::days(1);

/// Takes out transfers from a coin's name to its staked name and back: `DOT` and `DOT.S`.
pub(super) fn take_out_staked(groups: &mut Groups, reading: &mut Reading<'_>) {
    let mut open: BTreeMap<(String, Decimal), Vec<(String, Group)>> = BTreeMap::new();
    let mut found = Vec::new();
    for (key, entries) in &*groups {
        let [entry] = entries.as_slice() else {
            continue;
        };
        if key.1 != Group::Move || entry.word != "transfer" {
            continue;
        }
        let others = open
            .entry((entry.asset.clone(), entry.amount.abs()))
            .or_default();
        let undoes = |other: &(String, Group)| {
            let other = groups.get(other).and_then(|entries| entries.first());
            other.is_some_and(|other| {
                other.name != entry.name
                    && other.amount == -entry.amount
                    && (other.time - entry.time).abs() <= WITHIN
            })
        };
        match others.iter().position(undoes) {
            Some(at) => found.push((others.swap_remove(at), key.clone())),
            None => others.push(key.clone()),
        }
    }
    for (one, other) in found {
        let both = groups.remove(&one).into_iter().chain(groups.remove(&other));
        let rows: Vec<u64> = both.flatten().map(|entry| entry.row).collect();
        reading.internal(&rows, STAKED);
    }
}
