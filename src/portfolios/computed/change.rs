//! Changes of a computed portfolio: each is made as a whole or not at all.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, FixedOffset};

use crate::computed::{ChangeError, Computed, PriceChange, Recomputed};
use crate::decimal::quoted;
use crate::ledger::Day;
use crate::report::{ReportError, ReportOptions};
use crate::transaction::{Transaction, format_time};

impl Computed {
    /// Replaces the transactions from a time on by others of that time or later. Ids must be unique in
    /// the portfolio, which the caller sees to: only those that are given are checked.
    ///
    /// # Errors
    /// If one of them makes no sense, is from before that time, or has a number that does not fit: then
    /// everything is as it was.
    pub fn replace(
        &mut self,
        from: DateTime<FixedOffset>,
        mut rows: Vec<Transaction>,
    ) -> Result<Recomputed, ChangeError> {
        crate::files::check(&rows)?;
        if let Some(row) = rows.iter().find(|row| row.time < from) {
            return Err(ChangeError::TooEarly {
                id: quoted(&row.id),
                from: format_time(&from),
            });
        }
        rows.sort_by_key(|row| row.time);
        let cut = self.transactions.partition_point(|row| row.time < from);
        let old = self.transactions.split_off(cut);
        let same = old.iter().zip(&rows).take_while(|(a, b)| a == b).count();
        let first = [old.get(same), rows.get(same)];
        let first = first.into_iter().flatten().map(|row| row.time).min();
        self.transactions.extend(rows);
        let Some(time) = first else {
            // Equal numbers may be written in other ways: those that were given are kept.
            return Ok(Recomputed::NOTHING);
        };
        let day = self.day_of(time);
        match self.compute_from(cut + same, day) {
            Ok(recomputed) => Ok(recomputed),
            Err(error) => {
                self.transactions.truncate(cut);
                self.transactions.extend(old);
                self.compute_from(cut + same, day)?;
                Err(error.into())
            }
        }
    }

    /// Adds transactions, or puts them in place of those with the same id. One whose time did not change
    /// keeps its place among those of its instant; others come after them.
    ///
    /// # Errors
    /// As for [`Self::replace`].
    pub fn put(&mut self, rows: Vec<Transaction>) -> Result<Recomputed, ChangeError> {
        crate::files::check(&rows)?;
        let removed: HashSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        let mut from = self.first_of(&removed);
        from = rows.iter().map(|row| row.time).chain(from).min();
        let Some(from) = from else {
            return Ok(Recomputed::NOTHING);
        };
        let cut = self.transactions.partition_point(|row| row.time < from);
        let mut new: HashMap<String, Transaction> = rows
            .iter()
            .map(|row| (row.id.clone(), row.clone()))
            .collect();
        let mut tail: Vec<Transaction> = Vec::new();
        for old in &self.transactions[cut..] {
            if !removed.contains(old.id.as_str()) {
                tail.push(old.clone());
            } else if let Some(row) = new.remove(&old.id) {
                if row.time == old.time {
                    tail.push(row);
                } else {
                    new.insert(row.id.clone(), row);
                }
            }
        }
        tail.extend(rows.iter().filter_map(|row| new.remove(&row.id)));
        self.replace(from, tail)
    }

    /// Takes out the transactions with these ids; those that are not there are passed over.
    ///
    /// # Errors
    /// If a number of what is left does not fit: then everything is as it was.
    pub fn remove(&mut self, ids: &[&str]) -> Result<Recomputed, ChangeError> {
        let removed: HashSet<&str> = ids.iter().copied().collect();
        let Some(from) = self.first_of(&removed) else {
            return Ok(Recomputed::NOTHING);
        };
        let cut = self.transactions.partition_point(|row| row.time < from);
        let tail = self.transactions[cut..].iter();
        let tail = tail.filter(|row| !removed.contains(row.id.as_str()));
        self.replace(from, tail.cloned().collect())
    }

    fn first_of(&self, ids: &HashSet<&str>) -> Option<DateTime<FixedOffset>> {
        let mut rows = self.transactions.iter();
        rows.find(|row| ids.contains(row.id.as_str()))
            .map(|row| row.time)
    }

    /// Changes closing prices. If a transaction was valued at one of them, everything from it on is
    /// computed again; otherwise only the days that they are valid for are valued again.
    ///
    /// # Errors
    /// If a value does not fit: then everything is as it was.
    pub fn change_prices(&mut self, changes: &[PriceChange]) -> Result<Recomputed, ChangeError> {
        let mut before = Vec::with_capacity(changes.len());
        let mut reach = Reach {
            from: None,
            to: Day(0),
            transaction: None,
        };
        for change in changes {
            let old = self.prices.change(&change.asset, change.day, change.price);
            if old != change.price {
                self.extend_reach(&mut reach, change);
            }
            before.push(PriceChange {
                price: old,
                ..change.clone()
            });
        }
        match self.revalue(reach) {
            Ok(recomputed) => Ok(recomputed),
            Err(error) => {
                for change in before.iter().rev() {
                    self.prices.change(&change.asset, change.day, change.price);
                }
                self.revalue(reach)?;
                Err(error.into())
            }
        }
    }

    /// Computes everything again by other options, if they differ. As in [`Self::new`], `year` and `history`
    /// are not used.
    ///
    /// # Errors
    /// If the options contradict one another or a number does not fit: then everything is as it was.
    pub fn change_options(&mut self, options: ReportOptions) -> Result<Recomputed, ChangeError> {
        crate::report::check(&options)?;
        let options = ReportOptions {
            year: None,
            history: false,
            ..options
        };
        if options == self.options {
            return Ok(Recomputed::NOTHING);
        }
        let old = std::mem::replace(&mut self.options, options);
        self.marks.clear();
        match self.compute_from(0, Day(0)) {
            Ok(recomputed) => Ok(recomputed),
            Err(error) => {
                self.options = old;
                self.marks.clear();
                self.compute_from(0, Day(0))?;
                Err(error.into())
            }
        }
    }

    /// Adds the days that a price is valid for and the first transaction that was valued at it.
    fn extend_reach(&self, reach: &mut Reach, change: &PriceChange) {
        let Some(asset) = self.booked.asset_id(&change.asset) else {
            return;
        };
        let from = Day::of(change.day);
        let next = self.prices.of(&change.asset).and_then(|series| {
            let days = series.days();
            days.get(days.partition_point(|&(day, _)| day <= change.day))
        });
        let to = next.map_or(Day(i32::MAX), |&(day, _)| Day(Day::of(day).0 - 1));
        reach.from = Some(reach.from.map_or(from, |day| day.min(from)));
        reach.to = reach.to.max(to);
        let uses = &self.booked.price_uses;
        let start = uses.partition_point(|used| used.day < from);
        let used = uses[start..]
            .iter()
            .take_while(|used| used.day <= to)
            .find(|used| used.asset == asset);
        if let Some(used) = used {
            let first = used.transaction as usize;
            reach.transaction = Some(reach.transaction.map_or(first, |number| number.min(first)));
        }
    }

    fn revalue(&mut self, reach: Reach) -> Result<Recomputed, ReportError> {
        let Some(from) = reach.from else {
            return Ok(Recomputed::NOTHING);
        };
        let mut recomputed = Recomputed::NOTHING;
        if let Some(changed) = reach.transaction {
            let day = self.day_of(self.transactions[changed].time);
            recomputed = self.compute_from(changed, day)?;
        }
        recomputed.days += self.value_days(from, reach.to)?;
        let (tally, realized) = self.tallies();
        self.sum_up(tally, realized)?;
        Ok(recomputed)
    }
}

/// Days and transactions that changes of prices affect.
#[derive(Debug, Clone, Copy)]
struct Reach {
    /// The first day.
    from: Option<Day>,
    /// The last day.
    to: Day,
    /// The first transaction that was valued at one of them.
    transaction: Option<usize>,
}
