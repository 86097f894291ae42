//! The transaction history: every change of every balance, one a row, without ids. What belongs together
//! shares a second, or nearly so.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::entry::{Entry, Second, exchange, half, is_whole, paired, unknown};
use super::operations::{Family, Operation, operation};
use super::rates::Rates;
use super::{ahead, reader, time_column};
use crate::imports::assets;
use crate::imports::booking::{Booking, sum};
use crate::imports::pairing::Pair;
use crate::imports::reading::{Cells, Read, Reading, Unknown};
use crate::imports::table::{Header, Table};
use crate::imports::{Format, Source};
use crate::{Decimal, Kind};

pub(in crate::imports) static FORMAT: Format = Format {
    name: "binance.transactions",
    venue: "binance",
    source: Source::Table { recognizes, read },
};

fn recognizes(header: &Header) -> bool {
    header.has(&["account", "operation", "coin", "change"]) && time_column(header).is_some()
}

/// Rows read of a file before they are put together.
#[derive(Default)]
pub(super) struct History {
    legs: BTreeMap<Second, BTreeMap<Family, Vec<Entry>>>,
    fees: BTreeMap<Second, Vec<Entry>>,
    /// Conversions by user and word.
    pairs: BTreeMap<[String; 2], BTreeMap<DateTime<Utc>, Vec<Entry>>>,
    pub(super) distributions: BTreeMap<Second, Vec<Entry>>,
    /// Deposits and withdrawals, and those with the other sign, which cancel one each.
    pub(super) movements: Vec<Entry>,
    pub(super) returns: Vec<Entry>,
    pub(super) old_names: Vec<Entry>,
    pub(super) new_names: Vec<Entry>,
    pub(super) recoveries: Vec<Entry>,
    trades: BTreeMap<Second, Vec<Trade>>,
    internal: BTreeMap<String, Vec<Decimal>>,
}

/// A trade before its fees are known.
struct Trade {
    time: DateTime<Utc>,
    pair: Pair,
    fees: Vec<Entry>,
}

fn read(table: &Table, reading: &mut Reading<'_>) {
    let seconds = ahead(&table.header);
    let zone = |time: chrono::NaiveDateTime| Some((time - TimeDelta::seconds(seconds)).and_utc());
    let reader = reader(table, reading.options, &zone);
    let columns = Columns::new(&table.header);
    let mut history = History::default();
    for row in &table.rows {
        let cells = reader.cells(row);
        match columns.entry(&cells) {
            Ok(entry) if entry.change.is_zero() => {
                reading.ignore(&[entry.row], "an amount of zero")
            }
            Ok(entry) => history.sort(entry, cells.text(columns.account), reading),
            Err(problem) => reading.refuse(row.line, problem),
        }
    }
    history.finish(reading);
}

/// Several of one second, where their remarks tell them apart: each of them is whole then.
fn by_remark(entries: Vec<Entry>) -> Vec<Vec<Entry>> {
    let mut groups: BTreeMap<&str, Vec<Entry>> = BTreeMap::new();
    for entry in &entries {
        let group = groups.entry(entry.remark.as_str()).or_default();
        group.push(entry.clone());
    }
    if groups.values().all(|group| is_whole(group)) {
        return groups.into_values().collect();
    }
    vec![entries]
}

/// Rows by second, of which the second side may carry the next one.
fn halves_joined(seconds: BTreeMap<DateTime<Utc>, Vec<Entry>>) -> Vec<(DateTime<Utc>, Vec<Entry>)> {
    let mut joined = Vec::with_capacity(seconds.len());
    let mut seconds = seconds.into_iter().peekable();
    while let Some((time, mut entries)) = seconds.next() {
        let other = seconds.next_if(|(next, other)| {
            *next - time <= TimeDelta::seconds(1)
                && !is_whole(&entries)
                && !is_whole(other)
                && other[0].change.is_negative() != entries[0].change.is_negative()
        });
        entries.extend(other.into_iter().flat_map(|(_, other)| other));
        joined.push((time, entries));
    }
    joined
}

struct Columns {
    time: Option<usize>,
    user: Option<usize>,
    account: Option<usize>,
    word: Option<usize>,
    coin: Option<usize>,
    change: Option<usize>,
    remark: Option<usize>,
}

impl Columns {
    fn new(header: &Header) -> Self {
        Self {
            time: time_column(header),
            user: header.any(&["user_id", "user id"]),
            account: header.column("account"),
            word: header.column("operation"),
            coin: header.column("coin"),
            change: header.column("change"),
            remark: header.column("remark"),
        }
    }

    fn entry(&self, cells: &Cells<'_>) -> Read<Entry> {
        let coin = cells.text(self.coin);
        if coin.is_empty() {
            return Err(cells.problem(self.coin, "no coin"));
        }
        Ok(Entry {
            row: cells.line(),
            time: cells.time(self.time)?,
            user: cells.text(self.user).to_owned(),
            word: cells.text(self.word).to_owned(),
            coin: assets::binance(coin).to_owned(),
            change: cells.needed(self.change)?,
            remark: cells.text(self.remark).to_owned(),
        })
    }
}

impl History {
    /// Books what stands alone and keeps what belongs to other rows.
    fn sort(&mut self, entry: Entry, account: &str, reading: &mut Reading<'_>) {
        let second = (entry.user.clone(), entry.time);
        let out = entry.change.is_negative();
        let futures = account.to_lowercase().contains("futures");
        let Some(operation) = operation(&entry.word, &entry.remark, futures) else {
            return reading.unknown(entry.row, unknown(&entry, reading));
        };
        let kinds = match operation {
            Operation::Leg(family) => {
                return self
                    .legs
                    .entry(second)
                    .or_default()
                    .entry(family)
                    .or_default()
                    .push(entry);
            }
            Operation::Fee if out => return self.fees.entry(second).or_default().push(entry),
            Operation::Fee => (Kind::Reward, Kind::Fee, "fee rebate"),
            Operation::Pair(_) | Operation::Dust | Operation::FeeDeduction => {
                let word = entry.word.to_lowercase();
                let word = word.trim_end_matches(" - from").trim_end_matches(" - to");
                let key = [entry.user.clone(), word.to_owned()];
                let seconds = self.pairs.entry(key).or_default();
                return seconds.entry(entry.time).or_default().push(entry);
            }
            Operation::Distribution => {
                return self.distributions.entry(second).or_default().push(entry);
            }
            Operation::Deposit if out => return self.returns.push(entry),
            Operation::Withdrawal if !out => return self.returns.push(entry),
            Operation::Deposit | Operation::Withdrawal => return self.movements.push(entry),
            Operation::Renamed => return self.old_names.push(entry),
            Operation::RenamedTo => return self.new_names.push(entry),
            Operation::Recovery => return self.recoveries.push(entry),
            Operation::Internal(why) => {
                self.internal
                    .entry(entry.coin)
                    .or_default()
                    .push(entry.change);
                return reading.internal(&[entry.row], why);
            }
            Operation::Income(kind, tag) => (kind, Kind::Loss, tag),
            Operation::Gift => (Kind::GiftIn, Kind::GiftOut, ""),
            Operation::Result(tag) => (Kind::Reward, Kind::Loss, tag),
            Operation::Charge(tag) => (Kind::Reward, Kind::Fee, tag),
            Operation::Moved(tag) => (Kind::Deposit, Kind::Withdrawal, tag),
            Operation::Spending => (Kind::Reward, Kind::Spend, "card"),
        };
        let (income, outgo, tag) = kinds;
        let taken_back = out && matches!(operation, Operation::Income(..));
        let booking = Booking::change(
            (income, outgo),
            entry.time,
            &reading.account,
            vec![entry.row],
            &entry.coin,
            entry.change,
        );
        let booking = booking.tag(tag);
        reading.book(if taken_back {
            booking.flag("taken back by the venue")
        } else {
            booking
        });
    }

    fn finish(mut self, reading: &mut Reading<'_>) {
        let rates = self.trades(reading);
        self.conversions(&rates, reading);
        self.distributions(reading);
        self.renames(reading);
        self.movements(reading);
        self.fees(reading);
        for trade in std::mem::take(&mut self.trades).into_values().flatten() {
            let Trade { time, pair, fees } = trade;
            let mut booking = exchange(time, &reading.account, pair);
            for fee in fees {
                booking = booking.fee(&fee.coin, -fee.change);
                booking.imported.rows.push(fee.row);
            }
            reading.book(booking);
        }
        for (coin, changes) in &self.internal {
            if let Ok(left) = sum(changes.iter().copied())
                && !left.is_zero()
            {
                reading.note(format!(
                    "what went into savings and other wallets of this account and came back differs by {left} {coin}: \
                     it is still there, came before this file, or was earned"
                ));
            }
        }
    }

    /// Puts the legs of each second together.
    fn trades(&mut self, reading: &mut Reading<'_>) -> Rates {
        let mut halves: Vec<(Second, Vec<Entry>)> = Vec::new();
        let legs = std::mem::take(&mut self.legs);
        let mut whole: Vec<(Second, Vec<Entry>)> = Vec::new();
        for (second, families) in legs {
            let mut left: Vec<Entry> = Vec::new();
            for (family, entries) in families {
                let old = family <= Family::Related;
                if is_whole(&entries) {
                    whole.push((second.clone(), entries));
                } else if old {
                    left.extend(entries);
                } else {
                    halves.push((second.clone(), entries));
                }
            }
            if is_whole(&left) {
                whole.push((second, left));
            } else if !left.is_empty() {
                halves.push((second, left));
            }
        }
        // The second leg may carry the next second.
        let mut left: Vec<(Second, Vec<Entry>)> = Vec::new();
        let mut halves = halves.into_iter().peekable();
        while let Some((second, mut entries)) = halves.next() {
            let other = halves.next_if(|((user, time), other)| {
                *user == second.0
                    && *time - second.1 <= TimeDelta::seconds(1)
                    && other[0].change.is_negative() != entries[0].change.is_negative()
            });
            match other {
                Some((_, other)) => {
                    entries.extend(other);
                    whole.push((second, entries));
                }
                None => left.push((second, entries)),
            }
        }
        let rates = Rates::of(&whole, &self.pairs);
        for (second, entries) in whole {
            let time = second.1;
            match paired(&entries, &rates, time) {
                Ok(pairs) => {
                    let trades = pairs.into_iter().map(|pair| Trade {
                        time,
                        pair,
                        fees: Vec::new(),
                    });
                    self.trades.entry(second).or_default().extend(trades);
                }
                Err(reason) => self.refuse_half(&second, &entries, &reason, reading),
            }
        }
        for (second, entries) in left {
            let reason = half(&entries[0]);
            self.refuse_half(&second, &entries, &reason, reading);
        }
        rates
    }

    fn refuse_half(
        &mut self,
        second: &Second,
        entries: &[Entry],
        reason: &str,
        reading: &mut Reading<'_>,
    ) {
        for entry in entries {
            reading.unknown(
                entry.row,
                Unknown {
                    reason: reason.to_owned(),
                    ..unknown(entry, reading)
                },
            );
        }
        if self.trades.contains_key(second) {
            return;
        }
        for fee in self.fees.remove(second).unwrap_or_default() {
            let reason = "the fee of that trade".to_owned();
            reading.unknown(
                fee.row,
                Unknown {
                    reason,
                    ..unknown(&fee, reading)
                },
            );
        }
    }

    /// Conversions: the same word on both sides of one second, or of two that follow each other.
    fn conversions(&mut self, rates: &Rates, reading: &mut Reading<'_>) {
        let all = std::mem::take(&mut self.pairs);
        let all = all.into_iter().flat_map(|([_, word], seconds)| {
            let seconds = halves_joined(seconds).into_iter();
            let groups = seconds.flat_map(|(time, entries)| {
                by_remark(entries)
                    .into_iter()
                    .map(move |group| (time, group))
            });
            groups
                .map(move |(time, entries)| (word.clone(), time, entries))
                .collect::<Vec<_>>()
        });
        for (word, time, entries) in all {
            let (tag, dust) = match operation(&word, "", false) {
                Some(Operation::Pair(tag)) => (tag, false),
                Some(Operation::FeeDeduction) => ("fee deduction", false),
                _ => ("dust", true),
            };
            if !is_whole(&entries) {
                for entry in &entries {
                    if tag == "fee deduction" {
                        let kinds = (Kind::Reward, Kind::Fee);
                        let (rows, account) = (vec![entry.row], &reading.account);
                        let (coin, change) = (&entry.coin, entry.change);
                        let booking = Booking::change(kinds, time, account, rows, coin, change);
                        reading.book(booking.tag(tag));
                        continue;
                    }
                    // Paid with a card: the money never was in the account.
                    if tag == "card" && entry.change.is_positive() {
                        self.movements.push(entry.clone());
                        continue;
                    }
                    let reason = format!(
                        "one side of \"{}\" without the other in the same second",
                        entry.word
                    );
                    reading.unknown(
                        entry.row,
                        Unknown {
                            reason,
                            ..unknown(entry, reading)
                        },
                    );
                }
                continue;
            }
            match paired(&entries, rates, time) {
                Ok(pairs) => {
                    for pair in pairs {
                        let booking = exchange(time, &reading.account, pair);
                        reading.book(
                            if dust || matches!(tag, "staking-token" | "fee deduction") {
                                booking.tag(tag)
                            } else {
                                booking
                            },
                        );
                    }
                }
                Err(reason) => {
                    for entry in &entries {
                        reading.unknown(
                            entry.row,
                            Unknown {
                                reason: reason.clone(),
                                ..unknown(entry, reading)
                            },
                        );
                    }
                }
            }
        }
    }

    /// Gives each fee to the trade it follows in the file, in its second or the one before or after.
    fn fees(&mut self, reading: &mut Reading<'_>) {
        for ((user, time), fees) in std::mem::take(&mut self.fees) {
            let neighbour =
                [0, -1, 1].map(|seconds| (user.clone(), time + TimeDelta::seconds(seconds)));
            let second = neighbour
                .into_iter()
                .find(|second| self.trades.contains_key(second));
            for fee in fees {
                let trades = second
                    .as_ref()
                    .and_then(|second| self.trades.get_mut(second));
                let near = |trade: &&mut Trade| {
                    let before = trade.pair.rows.iter().filter(|row| **row < fee.row).max();
                    (
                        before.copied(),
                        std::cmp::Reverse(trade.pair.rows.iter().min().copied()),
                    )
                };
                let trade = trades.and_then(|trades| match trades.as_mut_slice() {
                    [only] => Some(only),
                    several => several.iter_mut().max_by_key(near),
                });
                match trade {
                    Some(trade) => trade.fees.push(fee),
                    None => {
                        let account = &reading.account;
                        let booking = Booking::new(Kind::Fee, fee.time, account, vec![fee.row]);
                        let booking = booking.sent(&fee.coin, -fee.change);
                        reading.book(booking.flag("a fee without a trade in its second"));
                    }
                }
            }
        }
    }
}
