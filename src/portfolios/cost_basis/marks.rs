//! Where a method can be continued from: the lots as they were, and how far its outcome had come.

use crate::cost_basis::lots::Lots;
use crate::cost_basis::pool::{Pool, Pools};
use crate::cost_basis::walk::{Books, Walk};
use crate::cost_basis::{CostBasis, Holding, LotName, Method, OpenLot, Scope, uk};
use crate::ledger::{Dated, Day, Ledger};
use crate::money::Money;

/// The lots of a method at some point.
#[derive(Debug, Clone)]
pub(super) enum Stock {
    Lots(Lots),
    Pools(Pools),
    /// By asset.
    Shares(Vec<Pool>),
}

/// State of a method before the first posting of a day.
#[derive(Debug, Clone)]
pub(crate) struct BasisMark {
    pub(super) stock: Stock,
    pub(super) posting: usize,
    pub(super) day: Day,
    disposals: usize,
    slices: usize,
    removed: usize,
    fees_at_cost: usize,
    flags: usize,
    /// The sums up to there.
    pub(crate) tally: BasisTally,
}

/// The sums of a method's outcome up to some point.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct BasisTally {
    disposals: usize,
    removals: usize,
    fees: usize,
    pub(crate) realized: Money,
    pub(crate) removed: Money,
    pub(crate) fees_at_cost: Money,
}

impl BasisTally {
    /// Adds what the outcome has gained.
    pub(crate) fn advance(&mut self, outcome: &CostBasis) {
        let sum = |list: &[Dated]| list.iter().map(|dated| dated.amount).sum::<Money>();
        let gains = outcome.disposals[self.disposals..].iter();
        self.realized += gains.filter_map(|disposal| disposal.gain).sum();
        self.removed += sum(&outcome.removed[self.removals..]);
        self.fees_at_cost += sum(&outcome.fees_at_cost[self.fees..]);
        self.disposals = outcome.disposals.len();
        self.removals = outcome.removed.len();
        self.fees = outcome.fees_at_cost.len();
    }
}

impl BasisMark {
    pub(super) fn new(
        stock: Stock,
        posting: usize,
        day: Day,
        outcome: &CostBasis,
        mut tally: BasisTally,
    ) -> Self {
        tally.advance(outcome);
        Self {
            stock,
            posting,
            day,
            disposals: outcome.disposals.len(),
            slices: outcome.slices.len(),
            removed: outcome.removed.len(),
            fees_at_cost: outcome.fees_at_cost.len(),
            flags: outcome.flags.len(),
            tally,
        }
    }

    /// The first posting after it.
    pub(crate) const fn posting(&self) -> usize {
        self.posting
    }

    /// Number of lots it keeps, as a measure of its memory.
    pub(crate) fn lots(&self) -> usize {
        match &self.stock {
            Stock::Lots(lots) => lots.count(),
            Stock::Pools(pools) => pools.count(),
            Stock::Shares(pools) => pools.len(),
        }
    }
}

impl CostBasis {
    /// Forgets everything after a mark.
    pub(crate) fn cut(&mut self, mark: &BasisMark) {
        self.disposals.truncate(mark.disposals);
        self.slices.truncate(mark.slices);
        self.removed.truncate(mark.removed);
        self.fees_at_cost.truncate(mark.fees_at_cost);
        self.flags.truncate(mark.flags);
    }
}

/// Lots that all marks of one run together keep at most.
pub(crate) const MOST_LOTS: usize = 100_000;

/// A store of so many lots is kept at this mark of so many: one in a few, counted from the end, so that
/// all of them stay within the limit. The newest always is.
pub(super) const fn is_kept(number: usize, of: usize, lots: usize) -> bool {
    let every = (lots * of).div_ceil(MOST_LOTS);
    every <= 1 || (of - 1 - number).is_multiple_of(every)
}

/// Continues a method from a mark, to which the outcome has been cut back, or from the beginning. Gives
/// back a mark for each posting that is asked for: the first of a day or after it, ascending;
/// none where it would keep too many lots.
pub(crate) fn continue_from(
    ledger: &Ledger<'_>,
    method: Method,
    scope: Scope,
    until: Option<Day>,
    from: Option<&BasisMark>,
    outcome: &mut CostBasis,
    marks_at: &[(usize, Day)],
) -> Vec<Option<BasisMark>> {
    let start = from.map_or(0, |mark| mark.posting);
    let tally = from.map(|mark| mark.tally).unwrap_or_default();
    match method {
        Method::Uk => uk::continue_from(ledger, until, from, outcome, marks_at),
        Method::Average => {
            let pools = match from.map(|mark| &mark.stock) {
                Some(Stock::Pools(pools)) => pools.clone(),
                _ => Pools::default(),
            };
            Walk::new(ledger, scope, until, start, tally).run(pools, outcome, marks_at)
        }
        Method::Fifo | Method::Lifo | Method::Hifo | Method::Specific => {
            let lots = match from.map(|mark| &mark.stock) {
                Some(Stock::Lots(lots)) => lots.clone(),
                _ => Lots::new(method),
            };
            Walk::new(ledger, scope, until, start, tally).run(lots, outcome, marks_at)
        }
    }
}

/// The lots that are left at the end, in the order in which the method takes them; of pools, the pools.
pub(crate) fn open_lots(
    ledger: &Ledger<'_>,
    method: Method,
    scope: Scope,
    from: Option<&BasisMark>,
    remaining: &[Holding],
) -> Vec<OpenLot> {
    let mut lots = match method {
        Method::Uk => remaining
            .iter()
            .flat_map(|of| of.as_pool(LotName::Section104))
            .collect(),
        Method::Average => remaining
            .iter()
            .flat_map(|of| of.as_pool(LotName::Average))
            .collect(),
        Method::Fifo | Method::Lifo | Method::Hifo | Method::Specific => {
            let lots = match from.map(|mark| &mark.stock) {
                Some(Stock::Lots(lots)) => lots.clone(),
                _ => Lots::new(method),
            };
            let start = from.map_or(0, |mark| mark.posting);
            Walk::new(ledger, scope, None, start, BasisTally::default()).lots_at_end(lots)
        }
    };
    if scope == Scope::Portfolio {
        for lot in &mut lots {
            lot.account = None;
        }
    }
    lots
}

impl Holding {
    /// Its pool: the part with a known cost, and the part without.
    fn as_pool(&self, lot: LotName) -> impl Iterator<Item = OpenLot> {
        let part = |quantity, cost| OpenLot {
            asset: self.asset,
            account: self.account,
            lot,
            acquired: None,
            quantity,
            cost,
        };
        let known = part(self.quantity - self.unknown, Some(self.basis));
        let parts = [known, part(self.unknown, None)];
        parts.into_iter().filter(|part| part.quantity > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_stores_of_lots_are_kept_only_now_and_then() {
        let kept = |lots| (0..60).filter(|&number| is_kept(number, 60, lots)).count();
        assert_eq!(kept(100), 60);
        for lots in [5_000, 20_000, 200_000, 1_000_000] {
            assert!(
                kept(lots) * lots <= MOST_LOTS.max(lots),
                "{lots}: {}",
                kept(lots)
            );
            assert!(is_kept(59, 60, lots));
        }
    }
}
