//! The sums of a report, exactly, and the identity that binds them:
//! value = net_invested + realized + unrealized + income − transfer_fees + swap_differences + unexplained,
//! where nothing is unexplained unless something is flagged.

use std::collections::BTreeMap;

use crate::cost_basis::CostBasis;
use crate::ledger::{AssetId, Dated, Ledger};
use crate::money::Money;
use crate::performance::TooLarge;
use crate::report::Period;

/// Sums over a period.
#[derive(Debug, Clone)]
pub struct Sums {
    /// Gains of the period's disposals.
    pub realized: Money,
    /// What remains at market value less its cost; none if something has no price.
    pub unrealized: Option<Money>,
    /// Income of the period.
    pub income: Money,
    /// Every fee of the period.
    pub fees: Money,
    /// Fees of the period that are nobody's cost.
    pub transfer_fees: Money,
    /// What the holdings are worth at the end; none if one has no price.
    pub value: Option<Money>,
    /// What came from outside at its cost less what left, up to the end.
    pub net_invested: Money,
    /// What was given in swaps less what was received, where they differ.
    pub swap_differences: Money,
    /// Deposits that purchases imply.
    pub implied: Money,
    /// What flags leave unexplained.
    pub unexplained: Option<Money>,
    /// What is held at the end, with its value.
    pub holdings: BTreeMap<AssetId, (i128, Option<Money>)>,
}

impl Sums {
    /// Adds up.
    ///
    /// # Errors
    /// If a holding's value does not fit.
    pub fn new(ledger: &Ledger<'_>, basis: &CostBasis, period: Period) -> Result<Self, TooLarge> {
        let within = |list: &[Dated]| sum(list, period);
        let until = |list: &[Dated]| {
            sum(
                list,
                Period {
                    from: None,
                    ..period
                },
            )
        };
        let totals = &ledger.totals;
        let gains = |from: bool| -> Money {
            basis
                .disposals
                .iter()
                .filter(|disposal| disposal.day <= period.to)
                .filter(|disposal| !from || period.from.is_none_or(|from| disposal.day >= from))
                .filter_map(|disposal| disposal.gain)
                .sum()
        };
        let mut holdings: BTreeMap<AssetId, (i128, Option<Money>)> = BTreeMap::new();
        for change in totals
            .changes
            .iter()
            .filter(|change| change.day <= period.to)
        {
            holdings.entry(change.asset).or_default().0 += change.quantity;
        }
        holdings.retain(|_, (quantity, _)| *quantity != 0);
        let mut value = Some(Money::ZERO);
        for (&asset, (quantity, worth)) in &mut holdings {
            *worth = worth_of(ledger, asset, *quantity, period)?;
            value = value.zip(*worth).map(|(a, b)| a + b);
        }
        let mut unrealized = Some(Money::ZERO);
        for holding in &basis.remaining {
            let known = holding.quantity - holding.unknown;
            let worth = worth_of(ledger, holding.asset, known, period)?;
            unrealized = unrealized
                .zip(worth)
                .map(|(sum, worth)| sum + worth - holding.basis);
        }
        let net_invested = until(&totals.contributed) - until(&basis.removed);
        let all_fees = until(&totals.other_fees) + until(&basis.fees_at_cost);
        let explained = net_invested + gains(false) + until(&totals.income) - all_fees
            + until(&totals.swap_differences);
        Ok(Self {
            realized: gains(true),
            income: within(&totals.income),
            fees: within(&totals.fees),
            transfer_fees: within(&totals.other_fees) + within(&basis.fees_at_cost),
            net_invested,
            swap_differences: within(&totals.swap_differences),
            implied: within(&totals.implied),
            unexplained: value
                .zip(unrealized)
                .map(|(value, unrealized)| value - unrealized - explained),
            unrealized,
            value,
            holdings,
        }
        .shown(period))
    }

    /// Every figure as it is shown. Rounded each by itself, the figures of a whole history could miss the
    /// identity in the 18th digit; so the unrealized gain, which no other file contains, takes what
    /// the others leave.
    fn shown(mut self, period: Period) -> Self {
        for figure in [
            &mut self.realized,
            &mut self.income,
            &mut self.fees,
            &mut self.transfer_fees,
            &mut self.net_invested,
            &mut self.swap_differences,
            &mut self.implied,
        ] {
            *figure = figure.rounded();
        }
        self.value = self.value.map(Money::rounded);
        let balanced = self.unexplained.is_some_and(Money::is_zero) && period.from.is_none();
        self.unrealized = match self.value {
            Some(value) if balanced => Some(
                value - self.net_invested - self.realized - self.income + self.transfer_fees
                    - self.swap_differences,
            ),
            _ => self.unrealized.map(Money::rounded),
        };
        self.unexplained = self.unexplained.map(Money::rounded);
        self
    }
}

fn sum(list: &[Dated], period: Period) -> Money {
    list.iter()
        .filter(|dated| dated.day <= period.to)
        .filter(|dated| period.from.is_none_or(|from| dated.day >= from))
        .map(|dated| dated.amount)
        .sum()
}

/// A quantity at the price of the period's end.
pub(super) fn worth_of(
    ledger: &Ledger<'_>,
    asset: AssetId,
    quantity: i128,
    period: Period,
) -> Result<Option<Money>, TooLarge> {
    if quantity == 0 {
        return Ok(Some(Money::ZERO));
    }
    let Some(price) = ledger.price(asset, period.to) else {
        return Ok(None);
    };
    match Money::product(quantity, price) {
        Some(worth) => Ok(Some(worth)),
        None => Err(TooLarge {
            asset: ledger.asset(asset).to_owned(),
            day: period.to.date(),
        }),
    }
}
