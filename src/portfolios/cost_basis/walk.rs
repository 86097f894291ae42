//! The walk through a ledger that every method but the United Kingdom's shares: postings in order, each
//! taking from and putting into the books of lots.

use std::collections::{HashMap, HashSet};

use crate::cost_basis::lots::Lots;
use crate::cost_basis::marks::{BasisMark, BasisTally, Stock, is_kept};
use crate::cost_basis::{
    CostBasis, Disposal, Holding, LotName, OpenLot, Piece, Scope, Slice, scaled,
};
use crate::ledger::{
    AccountId, Acquisition, Action, Cause, Dated, Day, Flag, Ledger, Place, Posting, Problem,
};
use crate::money::Money;
use crate::transaction::NamedLot;

/// Lots by place.
pub(super) trait Books {
    /// A copy to continue from.
    fn stock(&mut self) -> Stock;

    /// True where transactions may name the lots that they take; the other methods have an order of their own.
    fn names_lots(&self) -> bool {
        false
    }

    /// Number of lots, as a measure of what a copy costs.
    fn count(&self) -> usize;

    /// Adds a lot, or a part of one that is there already.
    fn put(&mut self, place: Place, piece: Piece);

    /// Takes a lot that is named by the transaction that acquired it; gives back how much of it is
    /// not there.
    fn take_named(
        &mut self,
        place: Place,
        transaction: u32,
        wanted: &NamedLot,
        taken: &mut Vec<Piece>,
    ) -> i128;

    /// Takes a quantity in the method's order; gives back how much is not there.
    fn take(&mut self, place: Place, quantity: i128, taken: &mut Vec<Piece>) -> i128;

    /// Every place with its quantity, known cost and quantity without one.
    fn holdings(&self) -> Vec<(Place, i128, Money, i128)>;
}

/// A walk.
pub(super) struct Walk<'a> {
    ledger: &'a Ledger<'a>,
    scope: Scope,
    until: Option<Day>,
    /// The first posting.
    start: usize,
    tally: BasisTally,
    outcome: CostBasis,
    /// The transactions whose lots are named, by id.
    numbers: HashMap<&'a str, u32>,
    taken: Vec<Piece>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        ledger: &'a Ledger<'a>,
        scope: Scope,
        until: Option<Day>,
        start: usize,
        tally: BasisTally,
    ) -> Self {
        Self {
            ledger,
            scope,
            until,
            start,
            tally,
            outcome: CostBasis::default(),
            numbers: named(ledger, start),
            taken: Vec::new(),
        }
    }

    /// Walks on to the end, adding to the outcome.
    pub(super) fn run<B: Books>(
        mut self,
        mut books: B,
        outcome: &mut CostBasis,
        marks_at: &[(usize, Day)],
    ) -> Vec<Option<BasisMark>> {
        self.outcome = std::mem::take(outcome);
        let mut remaining = None;
        let mut marks = Vec::with_capacity(marks_at.len());
        let of = marks_at.len();
        let mut marks_at = marks_at.iter().copied().peekable();
        let first = u32::try_from(self.start).unwrap_or(u32::MAX);
        for (sequence, posting) in (first..).zip(&self.ledger.postings[self.start..]) {
            while let Some(at) = marks_at.next_if(|&(at, _)| at == sequence as usize) {
                marks.push(self.mark(&mut books, at, marks.len(), of));
            }
            if self.until.is_some_and(|until| posting.day > until) && remaining.is_none() {
                remaining = Some(self.remaining(&books));
            }
            self.step(
                &mut books,
                sequence,
                posting.transaction,
                posting.day,
                &posting.action,
            );
        }
        for at in marks_at {
            marks.push(self.mark(&mut books, at, marks.len(), of));
        }
        self.outcome.remaining = remaining.unwrap_or_else(|| self.remaining(&books));
        *outcome = self.outcome;
        marks
    }

    /// The lots that are left at the end.
    pub(super) fn lots_at_end(mut self, mut lots: Lots) -> Vec<OpenLot> {
        let first = u32::try_from(self.start).unwrap_or(u32::MAX);
        for (sequence, posting) in (first..).zip(&self.ledger.postings[self.start..]) {
            let Posting {
                transaction,
                day,
                action,
            } = posting;
            self.step(&mut lots, sequence, *transaction, *day, action);
        }
        lots.open()
    }

    fn mark<B: Books>(
        &mut self,
        books: &mut B,
        (posting, day): (usize, Day),
        number: usize,
        of: usize,
    ) -> Option<BasisMark> {
        if !is_kept(number, of, books.count()) {
            return None;
        }
        let mark = BasisMark::new(books.stock(), posting, day, &self.outcome, self.tally);
        self.tally = mark.tally;
        Some(mark)
    }

    fn step<B: Books>(
        &mut self,
        books: &mut B,
        sequence: u32,
        transaction: u32,
        day: Day,
        action: &Action,
    ) {
        match *action {
            Action::Acquire {
                place,
                quantity,
                cost,
                acquired,
                ..
            } => {
                let piece = Piece {
                    lot: LotName::Transaction(transaction),
                    acquired,
                    sequence,
                    quantity,
                    cost,
                    unit: (cost.unwrap_or_default(), quantity),
                };
                books.put(self.scoped(place), piece);
            }
            Action::Dispose {
                place,
                quantity,
                proceeds,
                cause,
            } => {
                self.take(books, place, quantity, transaction, cause);
                self.dispose(place, quantity, proceeds, cause, transaction, day);
            }
            Action::Remove {
                place,
                quantity,
                as_fee,
            } => {
                let cause = if as_fee {
                    Cause::OtherFee
                } else {
                    Cause::Spend
                };
                self.take(books, place, quantity, transaction, cause);
                let amount = self.taken.iter().filter_map(|piece| piece.cost).sum();
                let dated = Dated {
                    transaction,
                    day,
                    amount,
                };
                if as_fee {
                    self.outcome.fees_at_cost.push(dated);
                } else {
                    self.outcome.removed.push(dated);
                }
            }
            Action::Move { from, to, quantity } => {
                if self.scope == Scope::Account {
                    let missing = self.take(books, from, quantity, transaction, Cause::Spend);
                    let place = Place {
                        account: to,
                        ..from
                    };
                    for piece in self.taken.drain(..) {
                        books.put(place, piece);
                    }
                    self.put_unknown(books, place, missing, transaction, sequence, day);
                }
            }
            Action::Migrate {
                from,
                to,
                sent,
                received,
            } => {
                let missing = self.take(books, from, sent, transaction, Cause::Spend);
                let place = self.scoped(Place { asset: to, ..from });
                let rest = self.migrate(books, place, sent, received, missing);
                self.put_unknown(books, place, rest, transaction, sequence, day);
            }
        }
    }

    /// Takes lots out of a place: those the transaction names, then in the method's order. Gives back
    /// how much was not there, which is flagged.
    fn take<B: Books>(
        &mut self,
        books: &mut B,
        place: Place,
        quantity: i128,
        transaction: u32,
        cause: Cause,
    ) -> i128 {
        self.taken.clear();
        let scoped = self.scoped(place);
        let row = &self.ledger.transactions[transaction as usize];
        let mut left = quantity;
        // Lots are named for what was sent, not for fees.
        if books.names_lots() && !matches!(cause, Cause::TradeFee | Cause::OtherFee) {
            for wanted in &row.lots {
                let number = self.numbers.get(wanted.lot.as_str()).copied();
                let missing = number.map_or(wanted.quantity.atoms(), |number| {
                    books.take_named(scoped, number, wanted, &mut self.taken)
                });
                if missing > 0 {
                    let lot = wanted.lot.clone();
                    let quantity = missing;
                    self.flag(transaction, place, Problem::NamedLot { lot, quantity });
                }
            }
            left -= self.taken.iter().map(|piece| piece.quantity).sum::<i128>();
        }
        let missing = books.take(scoped, left, &mut self.taken);
        if missing > 0 {
            let quantity = missing;
            self.flag(transaction, place, Problem::MissingAcquisition { quantity });
        }
        missing
    }

    fn dispose(
        &mut self,
        place: Place,
        quantity: i128,
        proceeds: Option<Money>,
        cause: Cause,
        transaction: u32,
        day: Day,
    ) {
        let first = self.outcome.slices.len();
        let (mut known, mut all, mut basis) = (0, 0, Money::ZERO);
        for piece in self.taken.drain(..) {
            all += piece.quantity;
            if let Some(cost) = piece.cost {
                known += piece.quantity;
                basis += cost;
            }
            let pooled = piece.lot == LotName::Average;
            self.outcome.slices.push(Slice {
                lot: piece.lot,
                quantity: piece.quantity,
                basis: piece.cost,
                acquired: (!pooled).then_some(piece.acquired.day),
            });
        }
        if all < quantity {
            self.outcome.slices.push(Slice {
                lot: LotName::Missing,
                quantity: quantity - all,
                basis: None,
                acquired: None,
            });
        }
        let known_proceeds = proceeds.and_then(|proceeds| proceeds.share(known, quantity));
        self.outcome.disposals.push(Disposal {
            day,
            transactions: vec![transaction],
            asset: place.asset,
            account: Some(place.account),
            cause,
            quantity,
            proceeds,
            basis,
            gain: known_proceeds.map(|proceeds| proceeds - basis),
            unknown: quantity - known,
            slices: first..self.outcome.slices.len(),
        });
    }

    /// Puts what was taken in as another asset; the quantities add up to what was received. Gives back
    /// what of it no lot stands behind.
    fn migrate<B: Books>(
        &mut self,
        books: &mut B,
        place: Place,
        sent: i128,
        received: i128,
        missing: i128,
    ) -> i128 {
        let (mut given, mut come) = (0, 0);
        let mut carried: Option<Money> = None;
        let last = self.taken.len();
        for (number, mut piece) in (1..).zip(self.taken.drain(..)) {
            given += piece.quantity;
            let quantity = if number == last && missing == 0 {
                received - come
            } else {
                scaled(received, given, sent) - come
            };
            come += quantity;
            piece.cost = piece
                .cost
                .map(|cost| cost + carried.take().unwrap_or_default());
            if quantity == 0 {
                carried = piece.cost;
                continue;
            }
            piece.quantity = quantity;
            piece.unit = (piece.cost.unwrap_or_default(), quantity);
            books.put(place, piece);
        }
        received - come
    }

    fn put_unknown<B: Books>(
        &self,
        books: &mut B,
        place: Place,
        quantity: i128,
        transaction: u32,
        sequence: u32,
        day: Day,
    ) {
        if quantity == 0 {
            return;
        }
        let time = self.ledger.transactions[transaction as usize].time;
        let moment = (time.timestamp(), time.timestamp_subsec_nanos());
        let piece = Piece {
            lot: LotName::Transaction(transaction),
            acquired: Acquisition { moment, day },
            sequence,
            quantity,
            cost: None,
            unit: (Money::ZERO, quantity),
        };
        books.put(place, piece);
    }

    fn flag(&mut self, transaction: u32, place: Place, problem: Problem) {
        self.outcome.flags.push(Flag {
            transaction: Some(transaction),
            asset: place.asset,
            problem,
        });
    }

    const fn scoped(&self, place: Place) -> Place {
        match self.scope {
            Scope::Account => place,
            Scope::Portfolio => Place {
                account: AccountId(0),
                ..place
            },
        }
    }

    fn remaining<B: Books>(&self, books: &B) -> Vec<Holding> {
        let mut holdings: Vec<_> = books
            .holdings()
            .into_iter()
            .filter(|&(_, quantity, ..)| quantity > 0)
            .map(|(place, quantity, basis, unknown)| Holding {
                asset: place.asset,
                account: (self.scope == Scope::Account).then_some(place.account),
                quantity,
                basis,
                unknown,
            })
            .collect();
        sort_by_name(self.ledger, &mut holdings);
        holdings
    }
}

/// Holdings in the order of the names of their assets, then accounts.
pub(super) fn sort_by_name(ledger: &Ledger<'_>, holdings: &mut [Holding]) {
    let name = |holding: &Holding| {
        let account = holding.account.map(|account| ledger.account(account));
        (ledger.asset(holding.asset), account)
    };
    holdings.sort_by(|a, b| name(a).cmp(&name(b)));
}

/// The numbers of the transactions whose lots are named from a posting on.
fn named<'a>(ledger: &'a Ledger<'a>, start: usize) -> HashMap<&'a str, u32> {
    let wanted: HashSet<&str> = ledger.postings[start..]
        .iter()
        .flat_map(|posting| &ledger.transactions[posting.transaction as usize].lots)
        .map(|named| named.lot.as_str())
        .collect();
    if wanted.is_empty() {
        return HashMap::new();
    }
    let rows = ledger.transactions.iter().zip(0..);
    rows.map(|(row, number)| (row.id.as_str(), number))
        .filter(|(id, _)| wanted.contains(id))
        .collect()
}
