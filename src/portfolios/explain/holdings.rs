//! Holdings: their price, and the lots that are left of them with their cost.

use crate::cost_basis::{LotName, OpenLot};
use crate::explain::{Explain, Step, largest};
use crate::ledger::{AssetId, Day};
use crate::money::Money;

impl Explain<'_> {
    pub(super) fn valued_on(&self) -> Day {
        self.computed.days().last().map_or(Day(1), |day| day.day)
    }

    pub(super) fn value(&self) -> Step {
        let held = self
            .ledger
            .holdings()
            .filter(|&(_, quantity)| quantity != 0);
        let all =
            held.map(|(asset, quantity)| ((asset, quantity), self.computed.worth(asset, quantity)));
        let parts = largest(all, self.most, |(asset, quantity), worth| {
            let mut step = Step {
                rule: "the quantity at its price",
                asset: Some(self.ledger.asset(asset).to_owned()),
                quantity: Some(Money::from_atoms(quantity).to_string()),
                ..Step::new("holding", self.ledger.asset(asset))
            };
            step.parts.extend(self.price(asset, self.valued_on()));
            step.amount(worth)
        });
        Step {
            rule: "the sum of what is held, at the last prices",
            date: Some(self.valued_on().date().to_string()),
            ..Step::new("figure", "")
        }
        .of(parts)
    }

    /// Of everything, or of one asset.
    pub(super) fn unrealized(&self, only: Option<AssetId>) -> Step {
        let lots = self.computed.open_lots();
        let remaining = &self.computed.cost_basis().remaining;
        let gain = |number: usize| {
            let holding = &remaining[number];
            let worth = self
                .computed
                .worth(holding.asset, holding.quantity - holding.unknown);
            worth.map(|worth| worth - holding.basis)
        };
        let wanted = |number: &usize| only.is_none_or(|asset| remaining[*number].asset == asset);
        let numbers = (0..remaining.len()).filter(wanted);
        let all = numbers.map(|number| (number, gain(number)));
        let parts = largest(all, self.most, |number, gain| {
            let holding = &remaining[number];
            let account = holding.account.map(|account| self.ledger.account(account));
            let of_holding = lots
                .iter()
                .filter(|lot| lot.asset == holding.asset && lot.account == holding.account);
            let mut step = self.lots(of_holding, self.inner);
            step.kind = "holding";
            step.name = self.ledger.asset(holding.asset).to_owned();
            step.rule = "the part with a known cost at its price, less that cost";
            step.account = account.map(str::to_owned);
            step.quantity = Some(Money::from_atoms(holding.quantity).to_string());
            let price = self.price(holding.asset, self.valued_on());
            step.parts.splice(0..0, price);
            step.amount(gain)
        });
        Step {
            rule: "the sum over what is held of its value less its cost",
            date: Some(self.valued_on().date().to_string()),
            ..Step::new("figure", "")
        }
        .of(parts)
    }

    /// What is held of an asset at its price.
    pub(super) fn value_of(&self, asset: &str) -> Option<Step> {
        let (id, quantity) = self.held(asset)?;
        let worth = self.computed.worth(id, quantity);
        let mut step = Step {
            rule: "the quantity at its price",
            date: Some(self.valued_on().date().to_string()),
            asset: Some(asset.to_owned()),
            quantity: Some(Money::from_atoms(quantity).to_string()),
            note: worth.is_none().then(|| format!("no price for {asset}")),
            ..Step::new("figure", "")
        };
        step.parts.extend(self.price(id, self.valued_on()));
        Some(step.amount(worth))
    }

    /// The gain of what is held of an asset.
    pub(super) fn unrealized_of(&self, asset: &str) -> Option<Step> {
        let id = self.ledger.asset_id(asset)?;
        let remaining = self.computed.cost_basis().remaining.iter();
        let mut of_asset = remaining.filter(|holding| holding.asset == id).peekable();
        of_asset.peek()?;
        let gain: Option<Money> = of_asset
            .map(|holding| {
                let known = holding.quantity - holding.unknown;
                Some(self.computed.worth(id, known)? - holding.basis)
            })
            .sum();
        let mut step = self.unrealized(Some(id));
        step.asset = Some(asset.to_owned());
        step.note = gain.is_none().then(|| format!("no price for {asset}"));
        Some(step.amount(gain))
    }

    /// The days on which more or less came to be held of an asset.
    pub(super) fn quantity_of(&self, asset: &str) -> Option<Step> {
        let id = self.ledger.asset_id(asset)?;
        let changes = self.ledger.totals.changes.iter();
        let of_asset = changes.filter(|change| change.asset == id);
        let all = of_asset.map(|change| (change.day, Some(Money::from_atoms(change.quantity))));
        let parts = largest(all, self.most, |day, quantity| {
            let mut step = Step {
                date: Some(day.date().to_string()),
                ..Step::new("day", "what came less what left")
            };
            self.transactions_of(id, day, &mut step);
            step.amount(quantity)
        });
        let held = self.held(asset).map_or(0, |(_, quantity)| quantity);
        let step = Step {
            rule: "the sum of its changes; what left without ever having come does not count",
            asset: Some(asset.to_owned()),
            ..Step::new("figure", "")
        };
        Some(step.of(parts).amount(Some(Money::from_atoms(held))))
    }

    fn held(&self, asset: &str) -> Option<(AssetId, i128)> {
        let mut holdings = self.ledger.holdings();
        holdings.find(|&(id, quantity)| quantity != 0 && self.ledger.asset(id) == asset)
    }

    pub(super) fn basis(&self, asset: &str, account: Option<&str>) -> Option<Step> {
        let id = self.ledger.asset_id(asset)?;
        let account_id = match account {
            Some(name) => Some(self.ledger.account_id(name)?),
            None => None,
        };
        let lots = self.computed.open_lots();
        let wanted = |lot: &&OpenLot| {
            lot.asset == id && account_id.is_none_or(|account| lot.account == Some(account))
        };
        let held: Vec<&OpenLot> = lots.iter().filter(wanted).collect();
        if held.is_empty() {
            return None;
        }
        let quantity: i128 = held.iter().map(|lot| lot.quantity).sum();
        let cost: Money = held.iter().filter_map(|lot| lot.cost).sum();
        let mut step = self.lots(held.into_iter(), self.most);
        step.rule = "the sum of the costs of the lots that are left";
        step.asset = Some(asset.to_owned());
        step.account = account.map(str::to_owned);
        step.quantity = Some(Money::from_atoms(quantity).to_string());
        Some(step.amount(Some(cost)))
    }

    /// Lots with their costs, the dearest first.
    fn lots<'l>(&self, lots: impl Iterator<Item = &'l OpenLot>, most: usize) -> Step {
        let all = lots.map(|lot| (lot, lot.cost));
        let parts = largest(all, most, |lot, cost| {
            let mut step = Step {
                date: lot.acquired.map(|day| day.date().to_string()),
                quantity: Some(Money::from_atoms(lot.quantity).to_string()),
                note: cost.is_none().then(|| "its cost is unknown".to_owned()),
                ..Step::new("lot", self.lot_name(lot.lot))
            };
            if let LotName::Transaction(number) = lot.lot {
                step.parts.push(self.transaction(number));
            }
            step.amount(cost)
        });
        Step::new("figure", "").of(parts)
    }

    fn lot_name(&self, lot: LotName) -> String {
        match lot {
            LotName::Transaction(number) => self.ledger.id(number).to_owned(),
            LotName::Section104 => "section_104".to_owned(),
            _ => "average".to_owned(),
        }
    }
}
