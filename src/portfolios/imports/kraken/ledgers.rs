//! The ledgers: every change of every balance, with a refid for what belongs together and the balance after each
//! row, which is a checksum.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::returns::{take_out_failed, take_out_staked};
use crate::imports::assets;
use crate::imports::booking::{Booking, sum};
use crate::imports::numbers::short;
use crate::imports::reading::{Cells, Read, Reader, Reading, Unknown, users_clock, venues_numbers};
use crate::imports::table::{Header, Table};
use crate::imports::times::utc;
use crate::imports::{Format, Source};
use crate::{Decimal, Kind};

pub(in crate::imports) static FORMAT: Format = Format {
    name: "kraken.ledgers",
    venue: "kraken",
    source: Source::Table {
        recognizes: |header| {
            header.has(&[
                "txid", "refid", "time", "type", "asset", "amount", "fee", "balance",
            ])
        },
        read,
    },
};

const ANNOUNCED: &str = "no txid: announced, not booked; the booked row follows";
pub(super) const STAKED: &str = "spot to staking and back is the same coin";
const EARN: &str = "allocation to Earn: holdings do not change";
pub(super) const GIVEN_BACK: &str = "failed and was given back: amount and fee cancel";

/// More rows than this belong to no refid.
const MOST_OF_ONE: usize = 1_000;

/// One booked row.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) row: u64,
    txid: String,
    refid: String,
    pub(super) time: DateTime<Utc>,
    pub(super) word: String,
    subtype: String,
    /// As written, for the balance.
    pub(super) name: String,
    wallet: String,
    pub(super) asset: String,
    pub(super) amount: Decimal,
    pub(super) fee: Decimal,
    balance: Option<Decimal>,
}

fn read(table: &Table, reading: &mut Reading<'_>) {
    let header = &table.header;
    let reader = Reader {
        header,
        numbers: venues_numbers(table, &["amount", "fee", "balance"], reading.options),
        clock: users_clock(table, header.column("time"), reading.options, &utc),
    };
    let mut entries = Vec::with_capacity(table.rows.len());
    let mut seen: HashMap<String, u64> = HashMap::new();
    for row in &table.rows {
        let cells = reader.cells(row);
        if cells.text(header.column("txid")).is_empty() {
            let moves = ["deposit", "withdrawal", "transfer", "staking"];
            let word = cells.text(header.column("type")).to_lowercase();
            if moves.contains(&word.as_str()) && cells.text(header.column("balance")).is_empty() {
                reading.ignore(&[row.line], ANNOUNCED);
            } else {
                reading.refuse(row.line, cells.problem(header.column("txid"), "no txid"));
            }
            continue;
        }
        match entry(&cells, header) {
            Ok(entry) => match seen.insert(entry.txid.clone(), entry.row) {
                Some(_) => reading.ignore(
                    &[row.line],
                    "its txid occurs twice: an id is of one row only",
                ),
                None => entries.push(entry),
            },
            Err(problem) => reading.refuse(row.line, problem),
        }
    }
    // Newest first in some exports; what shares a time keeps the order of the file.
    if entries
        .first()
        .zip(entries.last())
        .is_some_and(|(first, last)| first.time > last.time)
    {
        entries.reverse();
    }
    settle_signs(&mut entries);
    check_balances(&entries, reading);
    book(entries, reading);
}

fn entry(cells: &Cells<'_>, header: &Header) -> Read<Entry> {
    let text = |name: &str| cells.text(header.column(name));
    let name = text("asset");
    if name.is_empty() {
        return Err(cells.problem(header.column("asset"), "no asset"));
    }
    Ok(Entry {
        row: cells.line(),
        txid: text("txid").to_owned(),
        refid: text("refid").to_owned(),
        time: cells.time(header.column("time"))?,
        word: text("type").to_lowercase(),
        subtype: text("subtype").to_lowercase(),
        name: name.to_owned(),
        wallet: text("wallet").to_owned(),
        asset: assets::kraken(name).to_owned(),
        amount: cells.needed(header.column("amount"))?,
        fee: cells.amount(header.column("fee"))?.unwrap_or(Decimal::ZERO),
        balance: cells.amount(header.column("balance"))?,
    })
}

/// In some exports all fees are below zero. The balance tells; without one, that all of them are.
fn settle_signs(entries: &mut [Entry]) {
    let charged: Vec<&Entry> = entries
        .iter()
        .filter(|entry| !entry.fee.is_zero())
        .collect();
    if charged.is_empty() || charged.iter().any(|entry| entry.fee.is_positive()) {
        return;
    }
    let mut before: HashMap<(&str, &str), Decimal> = HashMap::new();
    let (mut taken, mut given) = (0, 0);
    for entry in entries.iter() {
        let Some(balance) = entry.balance else {
            continue;
        };
        if let Some(last) = before.insert((&entry.name, &entry.wallet), balance)
            && !entry.fee.is_zero()
        {
            let moved = last.checked_add(entry.amount);
            taken +=
                usize::from(moved.and_then(|moved| moved.checked_add(entry.fee)) == Some(balance));
            given +=
                usize::from(moved.and_then(|moved| moved.checked_sub(entry.fee)) == Some(balance));
        }
    }
    if taken >= given && (taken > 0 || charged.len() > 1) {
        entries.iter_mut().for_each(|entry| entry.fee = -entry.fee);
    }
}

/// Says where the balance of an asset does not follow from the row before.
fn check_balances(entries: &[Entry], reading: &mut Reading<'_>) {
    let mut before: HashMap<(&str, &str), Decimal> = HashMap::new();
    for entry in entries {
        let Some(balance) = entry.balance else {
            continue;
        };
        let last = before.insert((&entry.name, &entry.wallet), balance);
        let change = entry.amount.checked_sub(entry.fee);
        let expected = last.and_then(|last| last.checked_add(change?));
        if expected.is_some_and(|expected| expected != balance) {
            reading.note(format!(
                "the balance of {} does not follow from the row before at row {}: rows are missing there",
                entry.name, entry.row
            ));
            return;
        }
    }
}

/// Which rows of one refid are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Trade,
    Deposit,
    Withdrawal,
    Move,
}

fn book(entries: Vec<Entry>, reading: &mut Reading<'_>) {
    let mut groups: BTreeMap<(String, Group), Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        let group = match (entry.word.as_str(), entry.subtype.as_str()) {
            ("trade" | "spend" | "receive" | "settled" | "sale" | "conversion", _) => Group::Trade,
            ("earn" | "transfer", "delistingconversion") => Group::Trade,
            ("transfer", "") | ("earn", "migration") => Group::Move,
            ("deposit", _) => Group::Deposit,
            ("withdrawal", _) => Group::Withdrawal,
            _ => {
                single(&entry, reading);
                continue;
            }
        };
        if entry.refid.is_empty() || entry.refid.eq_ignore_ascii_case("unknown") {
            match group {
                Group::Deposit | Group::Withdrawal => movement(vec![entry], reading),
                Group::Move => moved(vec![entry], reading),
                Group::Trade => refuse(
                    &entry,
                    "a trade without a refid: its other leg cannot be found",
                    reading,
                ),
            }
            continue;
        }
        groups
            .entry((entry.refid.clone(), group))
            .or_default()
            .push(entry);
    }
    take_out_failed(&mut groups, reading);
    take_out_staked(&mut groups, reading);
    for ((_, group), entries) in groups {
        if entries.len() > MOST_OF_ONE {
            let reason = format!("more than {MOST_OF_ONE} rows of one refid");
            entries
                .iter()
                .for_each(|entry| refuse(entry, &reason, reading));
            continue;
        }
        match group {
            Group::Trade => trade(entries, Kind::Swap, reading),
            Group::Deposit | Group::Withdrawal => movement(entries, reading),
            Group::Move => moved(entries, reading),
        }
    }
}

fn unknown(entry: &Entry, reason: String, reading: &Reading<'_>) -> Unknown {
    Unknown {
        reason,
        word: entry.word.clone(),
        time: entry.time,
        account: reading.account.clone(),
        asset: entry.asset.clone(),
        change: entry.amount,
        fee: Some((entry.asset.clone(), entry.fee)),
    }
}

fn refuse(entry: &Entry, reason: &str, reading: &mut Reading<'_>) {
    reading.unknown(entry.row, unknown(entry, reason.to_owned(), reading));
}

/// Change of each asset over rows that belong together, in the order of the file.
fn changes(entries: &[Entry]) -> Result<Vec<(String, Decimal)>, String> {
    let mut assets: Vec<&str> = Vec::new();
    for entry in entries {
        if !assets.contains(&entry.asset.as_str()) {
            assets.push(&entry.asset);
        }
    }
    let of = |asset: &str| {
        sum(entries
            .iter()
            .filter(|entry| entry.asset == asset)
            .map(|entry| entry.amount))
    };
    assets
        .into_iter()
        .map(|asset| Ok((asset.to_owned(), of(asset)?)))
        .collect()
}

fn rows(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.row).collect()
}

fn with_fees(mut booking: Booking, entries: &[Entry]) -> Booking {
    for entry in entries {
        booking = booking.fee(&entry.asset, entry.fee);
    }
    booking
}

/// Rows of one trade: several wallets give several rows of one asset, a tokenised asset two that cancel.
fn trade(entries: Vec<Entry>, kind: Kind, reading: &mut Reading<'_>) {
    let first = &entries[0];
    let changes = match changes(&entries) {
        Ok(changes) => changes,
        Err(reason) => {
            return entries
                .iter()
                .for_each(|entry| refuse(entry, &reason, reading));
        }
    };
    // Fee credits are paid with, not traded.
    let named = changes.iter().filter(|(asset, _)| asset != "KFEE").count();
    let moved: Vec<_> = changes
        .into_iter()
        .filter(|(_, change)| !change.is_zero())
        .collect();
    let account = reading.account.clone();
    let booking = match moved.as_slice() {
        [(one, change), (other, back)] if change.is_negative() != back.is_negative() => {
            let (sent, received) = if change.is_negative() {
                ((one.as_str(), -*change), (other.as_str(), *back))
            } else {
                ((other.as_str(), -*back), (one.as_str(), *change))
            };
            let mut booking = Booking::trade(first.time, &account, rows(&entries), sent, received);
            if kind == Kind::Migration {
                booking.imported.transaction.kind = kind;
            }
            booking
        }
        // The other leg is there and too small to be counted.
        [(asset, change)] if named > 1 => {
            let kinds = (Kind::Reward, Kind::Loss);
            Booking::change(kinds, first.time, &account, rows(&entries), asset, *change)
                .tag("dust")
                .flag("the other leg of this trade is zero")
        }
        [] => return reading.ignore(&rows(&entries), "a trade of which nothing was filled"),
        [_] => {
            let reason = "a trade with one leg: the export was cut between two rows of one refid, or the other leg \
                          is too small to be there; say what it is to book it";
            return entries
                .iter()
                .for_each(|entry| refuse(entry, reason, reading));
        }
        _ => {
            let reason = "a trade of more than two assets";
            return entries
                .iter()
                .for_each(|entry| refuse(entry, reason, reading));
        }
    };
    reading.book(with_fees(booking, &entries).id(&entries[0].refid));
}

/// A deposit or a withdrawal. One that failed comes back with the sign and the fee reversed.
fn movement(entries: Vec<Entry>, reading: &mut Reading<'_>) {
    let first = &entries[0];
    let one_asset = entries.iter().all(|entry| entry.asset == first.asset);
    let amount = sum(entries.iter().map(|entry| entry.amount));
    let fee = sum(entries.iter().map(|entry| entry.fee));
    let (true, Ok(amount), Ok(fee)) = (one_asset, amount, fee) else {
        let reason = "several assets in one deposit or withdrawal";
        return entries
            .iter()
            .for_each(|entry| refuse(entry, reason, reading));
    };
    if amount.is_zero() && fee.is_zero() {
        return reading.ignore(&rows(&entries), GIVEN_BACK);
    }
    let account = &reading.account;
    // A fee that is given back comes with the amount.
    let (amount, fee) = match amount.checked_sub(fee).filter(|_| fee.is_negative()) {
        Some(all) if !amount.is_zero() => (all, Decimal::ZERO),
        _ => (amount, fee),
    };
    let booking = if amount.is_zero() {
        Booking::change(
            (Kind::Reward, Kind::Fee),
            first.time,
            account,
            rows(&entries),
            &first.asset,
            -fee,
        )
    } else {
        // Fee credits are given, not paid in.
        let credit = first.asset == "KFEE" && first.word == "deposit";
        let kinds = match credit {
            true => (Kind::Airdrop, Kind::Loss),
            false => (Kind::Deposit, Kind::Withdrawal),
        };
        let booking = Booking::change(
            kinds,
            first.time,
            account,
            rows(&entries),
            &first.asset,
            amount,
        );
        booking
            .fee(&first.asset, fee)
            .tag(if credit { "fee credit" } else { "" })
    };
    let wrong_way = amount.is_positive() == (first.word == "withdrawal") && !amount.is_zero();
    let booking = if wrong_way {
        booking.flag(format!("a {} with the other sign", first.word))
    } else {
        booking
    };
    reading.book(booking.id(&first.refid));
}

/// Transfers without a subtype: a coin handed out, replaced, or taken away.
fn moved(entries: Vec<Entry>, reading: &mut Reading<'_>) {
    let changes = match changes(&entries) {
        Ok(changes) => changes,
        Err(reason) => {
            return entries
                .iter()
                .for_each(|entry| refuse(entry, &reason, reading));
        }
    };
    if entries.len() > 1 {
        if changes.iter().all(|(_, change)| change.is_zero()) {
            return reading.internal(&rows(&entries), STAKED);
        }
        if let [(_, one), (_, other)] = changes.as_slice()
            && one.is_negative() != other.is_negative()
        {
            return trade(entries, Kind::Migration, reading);
        }
    }
    for entry in &entries {
        if entry.word == "earn" {
            reading.internal(&[entry.row], EARN);
            continue;
        }
        let kinds = (Kind::Airdrop, Kind::Loss);
        change(entry, kinds, "", &entry.refid, reading);
    }
}

fn change(entry: &Entry, kinds: (Kind, Kind), tag: &str, id: &str, reading: &mut Reading<'_>) {
    if entry.amount.is_zero() && entry.fee.is_zero() {
        return reading.ignore(&[entry.row], "an amount of zero");
    }
    let account = &reading.account;
    let booking = if entry.amount.is_zero() {
        let kinds = (Kind::Reward, Kind::Fee);
        Booking::change(
            kinds,
            entry.time,
            account,
            vec![entry.row],
            &entry.asset,
            -entry.fee,
        )
    } else {
        let rows = vec![entry.row];
        Booking::change(kinds, entry.time, account, rows, &entry.asset, entry.amount)
            .fee(&entry.asset, entry.fee)
    };
    reading.book(booking.tag(tag).id(id));
}

/// Rows that stand alone.
fn single(entry: &Entry, reading: &mut Reading<'_>) {
    let income = |kind| (kind, Kind::Loss);
    let (kinds, tag) = match (entry.word.as_str(), entry.subtype.as_str()) {
        ("transfer", "spottostaking" | "stakingfromspot" | "stakingtospot" | "spotfromstaking") => {
            return reading.internal(&[entry.row], STAKED);
        }
        ("transfer", "spottofutures" | "spotfromfutures") => return to_futures(entry, reading),
        (
            "earn",
            "allocation" | "autoallocation" | "autoallocate" | "deallocation" | "autodeallocation",
        ) => {
            return reading.internal(&[entry.row], EARN);
        }
        // Without a subtype, a fee tells a reward from a move.
        ("earn", "") if entry.fee.is_zero() => return reading.internal(&[entry.row], EARN),
        ("earn", "" | "reward" | "bonus") | ("staking", _) => (income(Kind::Staking), ""),
        ("earn" | "transfer", "airdrop") | ("airdrop", _) => (income(Kind::Airdrop), ""),
        ("adjustment", _) => (income(Kind::Reward), "adjustment"),
        ("margin", _) if entry.amount.is_zero() => (income(Kind::Reward), "margin fee"),
        ("margin", _) if entry.amount.is_negative() => (income(Kind::Reward), "margin loss"),
        ("margin", _) => (income(Kind::Reward), "margin gain"),
        ("rollover", _) => (income(Kind::Reward), "margin rollover"),
        ("invite bonus" | "invite_bonus", _) => (income(Kind::Reward), "referral"),
        ("dividend", _) => (income(Kind::Reward), "dividend"),
        ("reward" | "credit", _) => (income(Kind::Reward), ""),
        ("fork", _) => (income(Kind::Fork), ""),
        (word, subtype) => {
            let reason = if word == "earn" || word == "transfer" {
                format!(
                    "unknown subtype \"{}\" of {word}: say what it is, or skip it",
                    short(subtype)
                )
            } else {
                format!(
                    "unknown type \"{}\": say what it is, or skip it",
                    short(word)
                )
            };
            return refuse(entry, &reason, reading);
        }
    };
    // The refid of these is that of the trade that opened the position.
    let own = matches!(entry.word.as_str(), "margin" | "rollover") || entry.refid.is_empty();
    change(
        entry,
        kinds,
        tag,
        if own { &entry.txid } else { &entry.refid },
        reading,
    );
}

fn to_futures(entry: &Entry, reading: &mut Reading<'_>) {
    let futures = format!("{}-futures", reading.account);
    let (from, to) = match entry.amount.is_negative() {
        true => (reading.account.as_str(), futures.as_str()),
        false => (futures.as_str(), reading.account.as_str()),
    };
    let booking = Booking::new(Kind::Transfer, entry.time, from, vec![entry.row])
        .sent(&entry.asset, entry.amount.abs())
        .to(to)
        .fee(&entry.asset, entry.fee)
        .id(&entry.refid);
    reading.book(booking);
}
