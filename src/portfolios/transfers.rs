//! Withdrawals and deposits that are one transfer between own accounts: found, offered, and booked only when
//! they are accepted. A transfer keeps cost and date of its lots, which a withdrawal and a deposit lose.

use std::collections::{BTreeMap, HashMap};

use chrono::TimeDelta;

use crate::transaction::{Kind, Leg, Transaction};

/// Tolerances within which two sides match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatchOptions {
    /// The longest time from the withdrawal to the deposit.
    pub within: TimeDelta,
    /// Time by which a deposit may precede its withdrawal: clocks and time stamps of venues differ.
    pub before: TimeDelta,
    /// The largest part of a withdrawal that may be missing from the deposit, in percent: the network fee.
    pub most_lost_percent: u8,
    /// The most proposals.
    pub most: usize,
}

impl Default for MatchOptions {
    fn default() -> Self {
        Self {
            within: TimeDelta::hours(24),
            before: TimeDelta::minutes(15),
            most_lost_percent: 10,
            most: 1_000,
        }
    }
}

/// A withdrawal and a deposit that may be one transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The withdrawal's id.
    pub withdrawal: String,
    /// The deposit's id.
    pub deposit: String,
    /// Neither could be matched with anything else, or both name the same transaction hash.
    pub certain: bool,
    /// Both name this hash.
    pub hash: Option<String>,
    /// Transaction that takes the place of both: it has the withdrawal's id.
    pub transfer: Transaction,
}

/// Looks for transfers among the withdrawals and deposits of one portfolio, in order of time.
#[must_use]
pub fn propose(rows: &[Transaction], options: MatchOptions) -> Vec<Proposal> {
    let mut deposits: HashMap<&str, Vec<&Transaction>> = HashMap::new();
    for row in rows.iter().filter(|row| row.kind == Kind::Deposit) {
        if let Some(leg) = &row.received {
            deposits.entry(&leg.asset).or_default().push(row);
        }
    }
    for of_asset in deposits.values_mut() {
        of_asset.sort_by_key(|row| row.time);
    }
    let mut withdrawals: Vec<&Transaction> = rows
        .iter()
        .filter(|row| row.kind == Kind::Withdrawal)
        .collect();
    withdrawals.sort_by_key(|row| row.time);
    let mut pairs: Vec<(&Transaction, &Transaction, Option<String>)> = Vec::new();
    for withdrawal in withdrawals {
        let Some(sent) = &withdrawal.sent else {
            continue;
        };
        let of_asset = deposits
            .get(sent.asset.as_str())
            .map_or(&[][..], Vec::as_slice);
        let from = withdrawal.time - options.before;
        let start = of_asset.partition_point(|row| row.time < from);
        let near = of_asset[start..].iter();
        let near = near.take_while(|row| row.time <= withdrawal.time + options.within);
        for deposit in near.take(options.most) {
            if let Some(hash) = agree(withdrawal, sent, deposit, options) {
                pairs.push((withdrawal, deposit, hash));
            }
        }
        if pairs.len() >= options.most {
            break;
        }
    }
    // A hash settles it for both sides.
    let settled = |row: &str| {
        pairs
            .iter()
            .any(|(a, b, hash)| hash.is_some() && (a.id == row || b.id == row))
    };
    let (open, certain): (Vec<_>, Vec<_>) = pairs
        .iter()
        .filter(|(a, b, hash)| hash.is_some() || !(settled(&a.id) || settled(&b.id)))
        .partition(|(_, _, hash)| hash.is_none());
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for (withdrawal, deposit, _) in open.iter().chain(&certain) {
        *count.entry(&withdrawal.id).or_default() += 1;
        *count.entry(&deposit.id).or_default() += 1;
    }
    let alone = |row: &Transaction| count.get(row.id.as_str()) == Some(&1);
    let mut found: Vec<Proposal> = open
        .iter()
        .chain(&certain)
        .map(|(withdrawal, deposit, hash)| Proposal {
            withdrawal: withdrawal.id.clone(),
            deposit: deposit.id.clone(),
            certain: alone(withdrawal) && alone(deposit),
            hash: hash.clone(),
            transfer: transfer(withdrawal, deposit),
        })
        .collect();
    found.sort_by_key(|proposal| proposal.transfer.time);
    found
}

/// Checks that two can be one; gives the hash that both name, if they do.
fn agree(
    withdrawal: &Transaction,
    sent: &Leg,
    deposit: &Transaction,
    options: MatchOptions,
) -> Option<Option<String>> {
    let received = deposit.received.as_ref()?;
    if withdrawal.account == deposit.account || received.quantity > sent.quantity {
        return None;
    }
    // What came with a cost of its own is no coin of this portfolio.
    if deposit.basis.is_some() || deposit.acquired.is_some() {
        return None;
    }
    let lost = sent.quantity.atoms() - received.quantity.atoms();
    let most = sent.quantity.atoms() / 100 * i128::from(options.most_lost_percent);
    if lost > most {
        return None;
    }
    match (hash_of(withdrawal), hash_of(deposit)) {
        (Some(a), Some(b)) if a == b => Some(Some(a)),
        (Some(_), Some(_)) => None,
        _ => Some(None),
    }
}

/// The hash of a chain's transaction that a note, a tag or the id names: 64 hexadecimal digits, with or
/// without 0x.
fn hash_of(row: &Transaction) -> Option<String> {
    let texts = row.note.iter().chain(&row.tags).chain([&row.id]);
    texts
        .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()))
        .map(|word| word.strip_prefix("0x").unwrap_or(word))
        .find(|word| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(str::to_ascii_lowercase)
}

/// The one transaction that both were: what arrived is sent, what did not is a fee.
fn transfer(withdrawal: &Transaction, deposit: &Transaction) -> Transaction {
    let mut row = withdrawal.clone();
    row.kind = Kind::Transfer;
    row.to_account = Some(deposit.account.clone());
    row.value = None;
    let (Some(sent), Some(received)) = (&mut row.sent, &deposit.received) else {
        return row;
    };
    let lost = sent.quantity.checked_sub(received.quantity);
    sent.quantity = received.quantity;
    sent.value = None;
    let asset = sent.asset.clone();
    if let Some(lost) = lost.filter(|lost| lost.is_positive()) {
        row.fees.push(Leg::new(asset, lost));
    }
    row.fees.extend(deposit.fees.iter().cloned());
    for tag in &deposit.tags {
        if !row.tags.contains(tag) {
            row.tags.push(tag.clone());
        }
    }
    row.note = match (&withdrawal.note, &deposit.note) {
        (Some(a), Some(b)) if a != b => Some(format!("{a}; {b}")),
        (a, b) => a.clone().or_else(|| b.clone()),
    };
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::parse_time;

    fn row(id: &str, time: &str, kind: Kind, account: &str, quantity: &str) -> Transaction {
        let time = parse_time(time).expect("a time");
        let mut row = Transaction::new(id, time, kind, account);
        let leg = Leg::new("BTC", quantity.parse().expect("a quantity"));
        if kind == Kind::Deposit {
            row.received = Some(leg);
        } else {
            row.sent = Some(leg);
        }
        row
    }

    fn out(id: &str, time: &str, quantity: &str) -> Transaction {
        row(id, time, Kind::Withdrawal, "exchange", quantity)
    }

    fn came(id: &str, time: &str, quantity: &str) -> Transaction {
        row(id, time, Kind::Deposit, "vault", quantity)
    }

    #[test]
    fn one_candidate_is_certain_and_becomes_a_transfer_with_its_fee() {
        let rows = [
            out("w", "2024-03-01T10:00:00Z", "1"),
            came("d", "2024-03-01T10:40:00Z", "0.9995"),
        ];
        let found = propose(&rows, MatchOptions::default());
        assert_eq!(found.len(), 1);
        assert!(found[0].certain);
        let transfer = &found[0].transfer;
        assert_eq!((transfer.id.as_str(), transfer.kind), ("w", Kind::Transfer));
        assert_eq!(transfer.to_account.as_deref(), Some("vault"));
        let sent = transfer.sent.as_ref().expect("a leg");
        assert_eq!(sent.quantity.to_string(), "0.9995");
        assert_eq!(transfer.fees[0].quantity.to_string(), "0.0005");
        crate::files::check(std::slice::from_ref(transfer)).expect("makes sense");
    }

    #[test]
    fn what_does_not_fit_is_not_offered() {
        let w = out("w", "2024-03-01T10:00:00Z", "1");
        let mut same_account = came("d", "2024-03-01T11:00:00Z", "1");
        same_account.account = "exchange".to_owned();
        let mut with_basis = came("d", "2024-03-01T11:00:00Z", "1");
        with_basis.basis = Some("5".parse().expect("a number"));
        for deposit in [
            same_account,
            with_basis,
            came("d", "2024-03-02T11:00:00Z", "1"),
            came("d", "2024-03-01T09:00:00Z", "1"),
            came("d", "2024-03-01T11:00:00Z", "1.00000001"),
            came("d", "2024-03-01T11:00:00Z", "0.8"),
        ] {
            let rows = [w.clone(), deposit];
            assert_eq!(propose(&rows, MatchOptions::default()), [], "{:?}", rows[1]);
        }
    }

    #[test]
    fn several_candidates_are_offered_and_none_is_certain() {
        let rows = [
            out("w1", "2024-03-01T10:00:00Z", "1"),
            out("w2", "2024-03-01T10:05:00Z", "1"),
            came("d", "2024-03-01T10:40:00Z", "1"),
        ];
        let found = propose(&rows, MatchOptions::default());
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|proposal| !proposal.certain));
    }

    #[test]
    fn the_same_hash_settles_it_and_another_forbids_it() {
        let (a, b) = ("ab".repeat(32), "cd".repeat(32));
        let mut rows = [
            out("w1", "2024-03-01T10:00:00Z", "1"),
            out("w2", "2024-03-01T10:05:00Z", "1"),
            came("d1", "2024-03-01T10:40:00Z", "1"),
            came("d2", "2024-03-01T10:50:00Z", "1"),
        ];
        rows[0].note = Some(format!("sent, 0x{}", a.to_uppercase()));
        rows[3].tags.push(a.clone());
        rows[1].note = Some(b);
        let found = propose(&rows, MatchOptions::default());
        let pairs: Vec<_> = found
            .iter()
            .map(|of| (of.withdrawal.as_str(), of.deposit.as_str(), of.certain))
            .collect();
        assert_eq!(pairs, [("w1", "d2", true), ("w2", "d1", true)]);
        assert_eq!(found[0].hash.as_ref(), Some(&a));
    }
}
