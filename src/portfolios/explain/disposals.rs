//! Disposals: the lots they took, and the transactions that made and sold them.

use crate::cost_basis::{Disposal, LotName, Slice};
use crate::explain::{Explain, Step, largest};
use crate::money::Money;
use crate::report::term;

impl Explain<'_> {
    pub(super) fn realized(&self) -> Step {
        let disposals = &self.computed.cost_basis().disposals;
        let all = disposals
            .iter()
            .enumerate()
            .map(|(number, disposal)| (number, disposal.gain));
        let parts = largest(all, self.most, |number, _| {
            self.line(number, &disposals[number])
        });
        Step {
            rule: "the sum of the gains of all disposals",
            ..Step::new("figure", "")
        }
        .of(parts)
    }

    pub(super) fn disposal(&self, number: usize) -> Option<Step> {
        let disposal = self.computed.cost_basis().disposals.get(number)?;
        Some(self.line(number, disposal))
    }

    fn line(&self, number: usize, disposal: &Disposal) -> Step {
        let slices = &self.computed.cost_basis().slices[disposal.slices.clone()];
        let costs = slices
            .iter()
            .enumerate()
            .map(|(number, slice)| (number, slice.basis.map(|basis| -basis)));
        let lots = largest(costs, self.inner, |number, cost| {
            self.slice(disposal, &slices[number]).amount(cost)
        });
        let account = disposal.account.map(|account| self.ledger.account(account));
        let note = match (disposal.proceeds, disposal.unknown) {
            (None, _) => Some("what it fetched has no known value".to_owned()),
            (Some(_), 0) => None,
            (Some(_), unknown) => Some(format!(
                "{} of it has no known cost: only the rest of the proceeds has a gain",
                Money::from_atoms(unknown)
            )),
        };
        let mut step = Step {
            rule: "proceeds after fees, less the cost of the lots it took",
            date: Some(disposal.day.date().to_string()),
            asset: Some(self.ledger.asset(disposal.asset).to_owned()),
            account: account.map(str::to_owned),
            quantity: Some(Money::from_atoms(disposal.quantity).to_string()),
            note,
            ..Step::new("disposal", number.to_string())
        }
        .amount(disposal.gain)
        .of(lots);
        let known = disposal.gain.map(|gain| gain + disposal.basis);
        let sold = disposal
            .transactions
            .iter()
            .take(self.inner)
            .map(|&transaction| {
                let step = self.transaction(transaction);
                if disposal.transactions.len() == 1 {
                    step.amount(known)
                } else {
                    step
                }
            });
        let sold: Vec<Step> = sold.collect();
        step.left_out += disposal.transactions.len() - sold.len();
        step.parts.splice(0..0, sold);
        step
    }

    /// The part of a lot.
    fn slice(&self, disposal: &Disposal, slice: &Slice) -> Step {
        let (name, note) = match slice.lot {
            LotName::Transaction(number) => {
                let of = self.computed.options().jurisdiction;
                let term = slice.acquired.and_then(|day| term(of, day, disposal.day));
                let term = term.map(|term| term.name().to_owned());
                (self.ledger.id(number).to_owned(), term)
            }
            LotName::Average => ("average".to_owned(), None),
            LotName::SameDay => ("same_day".to_owned(), None),
            LotName::ThirtyDays => ("30_days".to_owned(), None),
            LotName::Section104 => ("section_104".to_owned(), None),
            LotName::Missing => {
                let note = "nothing that is known was there to be sold".to_owned();
                ("missing".to_owned(), Some(note))
            }
        };
        let mut step = Step {
            rule: "its share of the lot's cost, which lowers the gain",
            date: slice.acquired.map(|day| day.date().to_string()),
            quantity: Some(Money::from_atoms(slice.quantity).to_string()),
            note,
            ..Step::new("lot", name)
        };
        if let LotName::Transaction(number) = slice.lot {
            step.parts.push(self.transaction(number));
        }
        step
    }
}
