//! Points that a computation can be continued from: many near the end, where most changes are, fewer
//! before, and never more lots in all of them than a fixed number.

use crate::cost_basis::{BasisMark, MOST_LOTS};
use crate::ledger::{BookedMark, Day};

/// Transactions between two marks at least.
const APART: usize = 16;
/// Marks lie an eighth of what is left to the end apart, so that a change repeats at most that much more
/// than it must.
const SHARE: usize = 8;

/// Everything before the first transaction of a day.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    /// That transaction's number.
    pub(super) transaction: usize,
    /// That day.
    pub(super) day: Day,
    pub(super) booked: BookedMark,
    pub(super) basis: BasisMark,
}

/// A mark of the booking whose lots are not known yet.
pub(super) struct Pending {
    pub(super) transaction: usize,
    pub(super) day: Day,
    pub(super) booked: BookedMark,
}

impl From<Mark> for Pending {
    fn from(mark: Mark) -> Self {
        Self {
            transaction: mark.transaction,
            day: mark.day,
            booked: mark.booked,
        }
    }
}

impl Pending {
    pub(super) fn with(self, basis: BasisMark) -> Mark {
        Mark {
            transaction: self.transaction,
            day: self.day,
            booked: self.booked,
            basis,
        }
    }
}

/// A mark may lie here: far enough from the one before it, for its distance to the end.
pub(super) const fn is_due(transaction: usize, last: usize, count: usize) -> bool {
    let wanted = (count - transaction) / SHARE;
    let wanted = if wanted < APART { APART } else { wanted };
    transaction >= last + wanted
}

/// Leaves out marks that lie too close for their distance to the end, and old ones if all keep too many
/// lots.
pub(super) fn thin(marks: &mut Vec<Mark>, count: usize) {
    let mut last = usize::MAX;
    let mut kept: Vec<Mark> = Vec::with_capacity(marks.len());
    for mark in marks.drain(..).rev() {
        let wanted = ((count - mark.transaction) / (2 * SHARE)).max(APART / 2);
        if last == usize::MAX || mark.transaction + wanted <= last {
            last = mark.transaction;
            kept.push(mark);
        }
    }
    let mut lots = 0;
    for mark in kept {
        lots += mark.basis.lots();
        if marks.is_empty() || lots <= 2 * MOST_LOTS {
            marks.push(mark);
        }
    }
    marks.reverse();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_dense_at_the_end_and_few_in_all() {
        for count in [0, 1, 17, 2_000, 200_000, 1_000_000] {
            let (mut last, mut marks) = (0, Vec::new());
            for transaction in 1..count {
                if is_due(transaction, last, count) {
                    last = transaction;
                    marks.push(transaction);
                }
            }
            assert!(marks.len() < 100, "{count}: {}", marks.len());
            for changed in 1..count {
                let from = marks[..marks.partition_point(|&mark| mark <= changed)].last();
                let repeated = changed - from.copied().unwrap_or(0);
                assert!(
                    repeated <= APART + (count - changed + APART) / (SHARE - 1),
                    "{changed} of {count}"
                );
            }
        }
    }
}
