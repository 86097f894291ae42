//! The United Kingdom's share matching (HMRC's Cryptoassets Manual, CRYPTO22200 and following). An
//! asset's purchases of a day are one, and so are its sales. A sale takes from purchases of the same
//! day, then from those of the following 30 days, the earliest first, then from the section 104 pool. A
//! later day's own sales have the first claim on its purchases. Pools know no accounts.

use std::collections::BTreeMap;

use crate::cost_basis::marks::{BasisMark, BasisTally, Stock};
use crate::cost_basis::pool::Pool;
use crate::cost_basis::walk::sort_by_name;
use crate::cost_basis::{CostBasis, Disposal, Holding, LotName, Slice};
use crate::ledger::{Action, AssetId, Cause, Dated, Day, Flag, Ledger, Posting, Problem};
use crate::money::Money;

/// Purchases on day 30 after a sale count, those on day 31 do not.
const AHEAD: i32 = 30;

/// An asset's purchases and sales of one day.
struct DayOf {
    day: Day,
    /// Remainder of the day's purchases.
    bought: Pool,
    sales: Option<Sales>,
}

/// An asset's disposals of one day.
struct Sales {
    /// The first posting.
    order: usize,
    transactions: Vec<u32>,
    cause: Cause,
    quantity: i128,
    /// None if one of them has no price.
    proceeds: Option<Money>,
    /// Quantity that is not matched yet, in units of 10⁻¹⁸.
    left: i128,
    slices: Vec<Slice>,
}

impl Sales {
    fn take(&mut self, from: &mut Pool, lot: LotName, acquired: Option<Day>) {
        let part = from.take(self.left);
        self.left -= part.quantity();
        let slice = |quantity, basis| Slice {
            lot,
            quantity,
            basis,
            acquired,
        };
        if part.known > 0 {
            self.slices.push(slice(part.known, Some(part.cost)));
        }
        if part.unknown > 0 {
            self.slices.push(slice(part.unknown, None));
        }
    }
}

/// Continues from the first posting of a day, or begins. A change of a day reaches back to the sales of
/// the 30 days before it: what is continued from must be before those.
pub(super) fn continue_from(
    ledger: &Ledger<'_>,
    until: Option<Day>,
    from: Option<&BasisMark>,
    outcome: &mut CostBasis,
    marks_at: &[(usize, Day)],
) -> Vec<Option<BasisMark>> {
    let start = from.map_or(0, |mark| mark.posting);
    let mut days = by_day(ledger, start);
    for days in &mut days {
        match_same_day(days);
    }
    if let Some(mark) = from {
        claim_earlier(outcome, mark.day, &mut days);
    }
    for days in &mut days {
        match_30_days(days);
    }
    let mut pools = match from.map(|mark| &mark.stock) {
        Some(Stock::Shares(pools)) => pools.clone(),
        _ => Vec::new(),
    };
    pools.resize(ledger.assets.len(), Pool::default());
    let mut walk = PoolWalk {
        ledger,
        pools,
        next: vec![0; ledger.assets.len()],
        outcome: std::mem::take(outcome),
    };
    let mut remaining = None;
    let mut tally = from.map(|mark| mark.tally).unwrap_or_default();
    let mut marks = Vec::with_capacity(marks_at.len());
    let mut marks_at = marks_at.iter().copied().peekable();
    let mut posting = start;
    for postings in ledger.postings[start..].chunk_by(|a, b| a.day == b.day) {
        let day = postings[0].day;
        while let Some(at) = marks_at.next_if(|&(at, _)| at == posting) {
            marks.push(Some(walk.mark(at, &mut tally)));
        }
        if until.is_some_and(|until| day > until) && remaining.is_none() {
            remaining = Some(walk.remaining());
        }
        walk.day(postings, &mut days);
        posting += postings.len();
    }
    marks.extend(marks_at.map(|at| Some(walk.mark(at, &mut tally))));
    walk.outcome.remaining = remaining.unwrap_or_else(|| walk.remaining());
    *outcome = walk.outcome;
    marks
}

/// Takes from the purchases of the days that follow what sales before them were matched with.
fn claim_earlier(outcome: &CostBasis, from: Day, days: &mut [Vec<DayOf>]) {
    let earlier = outcome.disposals.iter().rev();
    for disposal in earlier.take_while(|disposal| from.0 - disposal.day.0 <= AHEAD) {
        let of_asset = &mut days[disposal.asset.0 as usize];
        for slice in &outcome.slices[disposal.slices.clone()] {
            if let (LotName::ThirtyDays, Some(bought_on)) = (slice.lot, slice.acquired)
                && let Ok(at) = of_asset.binary_search_by_key(&bought_on, |of_day| of_day.day)
            {
                let bought = &mut of_asset[at].bought;
                match slice.basis {
                    Some(basis) => {
                        bought.known -= slice.quantity;
                        bought.cost -= basis;
                    }
                    None => bought.unknown -= slice.quantity,
                }
            }
        }
    }
}

/// Purchases and sales of each asset by day, from a posting on.
fn by_day(ledger: &Ledger<'_>, start: usize) -> Vec<Vec<DayOf>> {
    let mut assets: Vec<Vec<DayOf>> = ledger.assets.iter().map(|_| Vec::new()).collect();
    for (order, posting) in ledger.postings.iter().enumerate().skip(start) {
        match posting.action {
            Action::Acquire {
                place,
                quantity,
                cost,
                brought: false,
                ..
            } => {
                let day = day_of(&mut assets[place.asset.0 as usize], posting.day);
                day.bought.add(quantity, cost);
            }
            Action::Dispose {
                place,
                quantity,
                proceeds,
                cause,
            } => {
                let day = day_of(&mut assets[place.asset.0 as usize], posting.day);
                let sales = day.sales.get_or_insert_with(|| Sales {
                    order,
                    transactions: Vec::new(),
                    cause,
                    quantity: 0,
                    proceeds: Some(Money::ZERO),
                    left: 0,
                    slices: Vec::new(),
                });
                sales.transactions.push(posting.transaction);
                sales.quantity += quantity;
                sales.left += quantity;
                sales.proceeds = sales.proceeds.zip(proceeds).map(|(a, b)| a + b);
            }
            _ => {}
        }
    }
    assets
}

fn day_of(days: &mut Vec<DayOf>, day: Day) -> &mut DayOf {
    if days.last().is_none_or(|last| last.day != day) {
        days.push(DayOf {
            day,
            bought: Pool::default(),
            sales: None,
        });
    }
    let last = days.len() - 1;
    &mut days[last]
}

fn match_same_day(days: &mut [DayOf]) {
    for day in days {
        if let Some(sales) = &mut day.sales {
            sales.take(&mut day.bought, LotName::SameDay, Some(day.day));
        }
    }
}

fn match_30_days(days: &mut [DayOf]) {
    for index in 0..days.len() {
        let (past, future) = days.split_at_mut(index + 1);
        let DayOf { day, sales, .. } = &mut past[index];
        let Some(sales) = sales else {
            continue;
        };
        for later in future {
            if sales.left == 0 || later.day.0 - day.0 > AHEAD {
                break;
            }
            sales.take(&mut later.bought, LotName::ThirtyDays, Some(later.day));
        }
    }
}

/// The days in order, with the pools between them.
struct PoolWalk<'a> {
    ledger: &'a Ledger<'a>,
    pools: Vec<Pool>,
    /// For each asset, which of its days comes next.
    next: Vec<usize>,
    outcome: CostBasis,
}

impl PoolWalk<'_> {
    fn mark(&self, (posting, day): (usize, Day), tally: &mut BasisTally) -> BasisMark {
        let stock = Stock::Shares(self.pools.clone());
        let mark = BasisMark::new(stock, posting, day, &self.outcome, *tally);
        *tally = mark.tally;
        mark
    }

    /// One day: what came joins the pools, renamed assets change theirs, then sales take the rest of
    /// what they need, and what left without a gain leaves.
    fn day(&mut self, postings: &[Posting], days: &mut [Vec<DayOf>]) {
        let day = postings[0].day;
        let mut sales: BTreeMap<usize, (AssetId, Sales)> = BTreeMap::new();
        for posting in postings {
            let (Action::Acquire { place, .. } | Action::Dispose { place, .. }) = posting.action
            else {
                continue;
            };
            let index = place.asset.0 as usize;
            if let Action::Acquire {
                quantity,
                cost,
                brought: true,
                ..
            } = posting.action
            {
                self.pools[index].add(quantity, cost);
            }
            let of_asset = days[index].get_mut(self.next[index]);
            if let Some(of_day) = of_asset.filter(|of_day| of_day.day == day) {
                self.next[index] += 1;
                let bought = of_day.bought;
                self.pools[index].add(bought.known, Some(bought.cost));
                self.pools[index].add(bought.unknown, None);
                if let Some(of_day) = of_day.sales.take() {
                    sales.insert(of_day.order, (place.asset, of_day));
                }
            }
        }
        for posting in postings {
            if let Action::Migrate {
                from,
                to,
                sent,
                received,
            } = posting.action
            {
                self.migrate(posting, from.asset, to, sent, received);
            }
        }
        for (asset, mut of_day) in sales.into_values() {
            let pool = &mut self.pools[asset.0 as usize];
            of_day.take(pool, LotName::Section104, None);
            self.dispose(day, asset, of_day);
        }
        for posting in postings {
            if let Action::Remove {
                place,
                quantity,
                as_fee,
            } = posting.action
            {
                let part = self.pools[place.asset.0 as usize].take(quantity);
                self.missing(posting.transaction, place.asset, quantity - part.quantity());
                let dated = Dated {
                    transaction: posting.transaction,
                    day,
                    amount: part.cost,
                };
                if as_fee {
                    self.outcome.fees_at_cost.push(dated);
                } else {
                    self.outcome.removed.push(dated);
                }
            }
        }
    }

    fn migrate(
        &mut self,
        posting: &Posting,
        from: AssetId,
        to: AssetId,
        sent: i128,
        received: i128,
    ) {
        let part = self.pools[from.0 as usize].take(sent);
        let missing = sent - part.quantity();
        self.missing(posting.transaction, from, missing);
        let unknown = super::scaled(received, part.unknown + missing, sent);
        let pool = &mut self.pools[to.0 as usize];
        pool.add(unknown, None);
        pool.add(received - unknown, Some(part.cost));
    }

    fn dispose(&mut self, day: Day, asset: AssetId, sales: Sales) {
        let first = self.outcome.slices.len();
        let known = |slice: &Slice| slice.basis.map(|basis| (slice.quantity, basis));
        let (mut quantity, mut basis) = (0, Money::ZERO);
        for (part, cost) in sales.slices.iter().filter_map(known) {
            quantity += part;
            basis += cost;
        }
        self.outcome.slices.extend(sales.slices);
        if sales.left > 0 {
            self.outcome.slices.push(Slice {
                lot: LotName::Missing,
                quantity: sales.left,
                basis: None,
                acquired: None,
            });
            let last = sales.transactions.last().copied().unwrap_or_default();
            self.missing(last, asset, sales.left);
        }
        let known_proceeds = sales
            .proceeds
            .and_then(|all| all.share(quantity, sales.quantity));
        self.outcome.disposals.push(Disposal {
            day,
            transactions: sales.transactions,
            asset,
            account: None,
            cause: sales.cause,
            quantity: sales.quantity,
            proceeds: sales.proceeds,
            basis,
            gain: known_proceeds.map(|proceeds| proceeds - basis),
            unknown: sales.quantity - quantity,
            slices: first..self.outcome.slices.len(),
        });
    }

    fn missing(&mut self, transaction: u32, asset: AssetId, quantity: i128) {
        if quantity > 0 {
            self.outcome.flags.push(Flag {
                transaction: Some(transaction),
                asset,
                problem: Problem::MissingAcquisition { quantity },
            });
        }
    }

    fn remaining(&self) -> Vec<Holding> {
        let number = |index: usize| AssetId(u32::try_from(index).unwrap_or(u32::MAX));
        let mut holdings: Vec<_> = self
            .pools
            .iter()
            .enumerate()
            .filter(|(_, pool)| pool.quantity() > 0)
            .map(|(index, pool)| Holding {
                asset: number(index),
                account: None,
                quantity: pool.quantity(),
                basis: pool.cost,
                unknown: pool.unknown,
            })
            .collect();
        sort_by_name(self.ledger, &mut holdings);
        holdings
    }
}
