//! Movements into an account from outside and out of it, and coins that are handed out, renamed or
//! given back.

use chrono::TimeDelta;

use super::entry::{Entry, migration, unknown};
use super::history::History;
use crate::Kind;
use crate::imports::booking::Booking;
use crate::imports::reading::{Reading, Unknown};

/// The most rows that are looked through for each other.
const MOST: usize = 5_000;

/// The new name of a coin comes at most this long after the old one has gone, or before.
const RENAMED_WITHIN: TimeDelta = TimeDelta::days(7);

/// Refuses what is too much to be matched.
fn too_many(entries: &mut Vec<Entry>, reading: &mut Reading<'_>) {
    if entries.len() > MOST {
        for entry in std::mem::take(entries) {
            let reason = format!(
                "more than {MOST} rows of \"{}\": export a shorter time at once",
                entry.word
            );
            reading.refuse(entry.row, reason);
        }
    }
}

impl History {
    /// Books distributions; where something is taken in the same second, a coin was replaced.
    pub(super) fn distributions(&mut self, reading: &mut Reading<'_>) {
        for entries in std::mem::take(&mut self.distributions).into_values() {
            if let [one, other] = entries.as_slice()
                && one.coin != other.coin
                && one.change.is_negative() != other.change.is_negative()
            {
                let (old, new) = if one.change.is_negative() {
                    (one, other)
                } else {
                    (other, one)
                };
                reading.book(migration(old, new, &reading.account));
                continue;
            }
            for entry in &entries {
                let account = &reading.account;
                let kinds = (Kind::Airdrop, Kind::Loss);
                let booking = Booking::change(
                    kinds,
                    entry.time,
                    account,
                    vec![entry.row],
                    &entry.coin,
                    entry.change,
                );
                let taken = entry.change.is_negative();
                reading.book(if taken {
                    booking.flag("taken back by the venue")
                } else {
                    booking
                });
            }
        }
    }

    /// Place of a recovery that took as much of another coin as the new name gives.
    fn recovered(&self, new: &Entry) -> Option<usize> {
        self.recoveries.iter().position(|old| {
            old.user == new.user
                && old.coin != new.coin
                && old.change == -new.change
                && (new.time - old.time).abs() <= RENAMED_WITHIN
        })
    }

    /// Old and new name of a coin, minutes apart.
    pub(super) fn renames(&mut self, reading: &mut Reading<'_>) {
        too_many(&mut self.old_names, reading);
        too_many(&mut self.recoveries, reading);
        self.old_names.sort_by_key(|entry| entry.time);
        self.new_names.sort_by_key(|entry| entry.time);
        let mut old_names: Vec<Option<Entry>> = std::mem::take(&mut self.old_names)
            .into_iter()
            .map(Some)
            .collect();
        for new in std::mem::take(&mut self.new_names) {
            let fits = |old: &Option<Entry>| {
                old.as_ref().is_some_and(|old| {
                    old.user == new.user
                        && old.change.is_negative()
                        && (new.time - old.time).abs() <= RENAMED_WITHIN
                        && (old.coin != new.coin || old.change.abs() != new.change)
                })
            };
            let all = 0..old_names.len();
            let open: Vec<usize> = all.filter(|at| fits(&old_names[*at])).collect();
            // One for one where there is such a one.
            let as_many = open.iter().find(|at| {
                let old = old_names[**at].as_ref();
                old.is_some_and(|old| old.change == -new.change)
            });
            let found = as_many.or(open.first()).copied();
            let several = open.len() > 1 && as_many.is_none();
            let old = found.and_then(|at| old_names[at].take());
            let old = old.or_else(|| {
                let at = self.recovered(&new)?;
                Some(self.recoveries.swap_remove(at))
            });
            match old {
                Some(old) if new.change.is_positive() => {
                    let booking = migration(&old, &new, &reading.account);
                    reading.book(if several {
                        booking.flag("paired by order of the rows")
                    } else {
                        booking
                    });
                }
                _ => {
                    let reason = "the new name of a coin without its old one".to_owned();
                    reading.unknown(
                        new.row,
                        Unknown {
                            reason,
                            ..unknown(&new, reading)
                        },
                    );
                }
            }
        }
        for entry in std::mem::take(&mut self.recoveries) {
            let kinds = (Kind::Deposit, Kind::Withdrawal);
            let (rows, account) = (vec![entry.row], &reading.account);
            let change = entry.change;
            let booking = Booking::change(kinds, entry.time, account, rows, &entry.coin, change);
            reading.book(booking.tag("recovery"));
        }
        for old in old_names.into_iter().flatten() {
            let reason = "the old name of a coin without its new one".to_owned();
            reading.unknown(
                old.row,
                Unknown {
                    reason,
                    ..unknown(&old, reading)
                },
            );
        }
    }

    /// Deposits and withdrawals that were not given back.
    pub(super) fn movements(&mut self, reading: &mut Reading<'_>) {
        too_many(&mut self.returns, reading);
        let mut movements: Vec<Option<Entry>> = std::mem::take(&mut self.movements)
            .into_iter()
            .map(Some)
            .collect();
        for back in std::mem::take(&mut self.returns) {
            let matching = |entry: &&mut Option<Entry>| {
                entry.as_ref().is_some_and(|entry| {
                    entry.user == back.user
                        && entry.coin == back.coin
                        && entry.change == -back.change
                        && entry.time <= back.time
                })
            };
            let before = movements
                .iter_mut()
                .filter(matching)
                .max_by_key(|entry| entry.as_ref().map(|entry| entry.time));
            match before.and_then(Option::take) {
                Some(before) => {
                    reading.ignore(&[before.row, back.row], "failed and was given back")
                }
                None => {
                    let reason = format!(
                        "\"{}\" with the wrong sign, and nothing that it gives back",
                        back.word
                    );
                    reading.unknown(
                        back.row,
                        Unknown {
                            reason,
                            ..unknown(&back, reading)
                        },
                    );
                }
            }
        }
        for entry in movements.into_iter().flatten() {
            let kinds = (Kind::Deposit, Kind::Withdrawal);
            let account = &reading.account;
            let booking = Booking::change(
                kinds,
                entry.time,
                account,
                vec![entry.row],
                &entry.coin,
                entry.change,
            );
            let inside = entry.remark.to_lowercase().contains("fee is included");
            reading.book(if inside {
                booking.flag("network fee inside the amount")
            } else {
                booking
            });
        }
    }
}
