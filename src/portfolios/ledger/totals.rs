//! Sums that no cost-basis method changes, by day: money that came and went, income, fees, holdings.

use crate::ledger::{AssetId, Day};
use crate::money::Money;

/// An amount of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// The transaction's number in the file.
    pub transaction: u32,
    /// The day.
    pub day: Day,
    /// The amount.
    pub amount: Money,
}

/// A change of what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The day.
    pub day: Day,
    /// Of which asset.
    pub asset: AssetId,
    /// By how much, in units of 10⁻¹⁸.
    pub quantity: i128,
}

/// Sums by day; each list is in order of time.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// The first day with a transaction.
    pub first_day: Option<Day>,
    /// The last day with one.
    pub last_day: Option<Day>,
    /// Contributions from outside at their cost, less what was spent. Coins that leave without a gain
    /// leave with the cost of their lots, which only the method knows.
    pub contributed: Vec<Dated>,
    /// Flows across the portfolio's border at market value, for performance.
    pub flows: Vec<Dated>,
    /// Days with a flow whose value is not known.
    pub unvalued_flows: Vec<Day>,
    /// Income at its value.
    pub income: Vec<Dated>,
    /// Every fee at its value.
    pub fees: Vec<Dated>,
    /// Fees that are nobody's cost: of transfers, deposits, withdrawals, and by themselves.
    pub other_fees: Vec<Dated>,
    /// Value given in swaps less the value received, where they differ.
    pub swap_differences: Vec<Dated>,
    /// Deposits of money that the file does not have and that its purchases imply.
    pub implied: Vec<Dated>,
    /// Changes of holdings, those of an asset on one day together; never below zero.
    pub changes: Vec<Change>,
    /// Money of the base currency at the end.
    pub cash: i128,
}

/// Lengths that the lists of [`Totals`] had reached.
#[derive(Debug, Clone)]
pub(crate) struct TotalsMark {
    first_day: Option<Day>,
    last_day: Option<Day>,
    lists: [usize; 7],
    unvalued_flows: usize,
    changes: usize,
    cash: i128,
}

/// The sums of the lists up to some point, so that they need not be added up again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// Number of entries of each list that are in its sum.
    counted: [usize; 7],
    sums: [Money; 7],
}

/// Number of a day's assets that are searched for one that changes again.
const RECENT: usize = 64;

impl Totals {
    /// More or less is held of an asset.
    pub(super) fn change(&mut self, day: Day, asset: AssetId, quantity: i128) {
        let recent = self.changes.iter_mut().rev().take(RECENT);
        let mut of_day = recent.take_while(|change| change.day == day);
        if let Some(change) = of_day.find(|change| change.asset == asset) {
            change.quantity += quantity;
        } else {
            self.changes.push(Change {
                day,
                asset,
                quantity,
            });
        }
    }

    const fn lists(&self) -> [&Vec<Dated>; 7] {
        [
            &self.contributed,
            &self.flows,
            &self.income,
            &self.fees,
            &self.other_fees,
            &self.swap_differences,
            &self.implied,
        ]
    }

    pub(crate) fn mark(&self) -> TotalsMark {
        TotalsMark {
            first_day: self.first_day,
            last_day: self.last_day,
            lists: self.lists().map(Vec::len),
            unvalued_flows: self.unvalued_flows.len(),
            changes: self.changes.len(),
            cash: self.cash,
        }
    }

    pub(crate) fn cut(&mut self, mark: &TotalsMark) {
        let lists = [
            &mut self.contributed,
            &mut self.flows,
            &mut self.income,
            &mut self.fees,
            &mut self.other_fees,
            &mut self.swap_differences,
            &mut self.implied,
        ];
        for (list, length) in lists.into_iter().zip(mark.lists) {
            list.truncate(length);
        }
        self.first_day = mark.first_day;
        self.last_day = mark.last_day;
        self.unvalued_flows.truncate(mark.unvalued_flows);
        self.changes.truncate(mark.changes);
        self.cash = mark.cash;
    }
}

impl Tally {
    /// Adds what the lists have gained.
    pub(crate) fn advance(&mut self, totals: &Totals) {
        for (number, list) in totals.lists().into_iter().enumerate() {
            let sum = list[self.counted[number]..]
                .iter()
                .map(|dated| dated.amount);
            self.sums[number] += sum.sum();
            self.counted[number] = list.len();
        }
    }

    pub(crate) const fn contributed(&self) -> Money {
        self.sums[0]
    }

    pub(crate) const fn income(&self) -> Money {
        self.sums[2]
    }

    pub(crate) const fn fees(&self) -> Money {
        self.sums[3]
    }

    pub(crate) const fn other_fees(&self) -> Money {
        self.sums[4]
    }

    pub(crate) const fn swap_differences(&self) -> Money {
        self.sums[5]
    }

    pub(crate) const fn implied(&self) -> Money {
        self.sums[6]
    }
}
