//! The sums of a report, exactly, and the identity that binds them:
//! value = net_invested + realized + unrealized + income − transfer_fees + swap_differences + unexplained,
//! where nothing is unexplained unless something is flagged.

use std::collections::BTreeMap;

use crate::cost_basis::{CostBasis, Holding};
use crate::ledger::{AssetId, Dated, Day, Ledger};
use crate::money::Money;
use crate::performance::TooLarge;
use crate::report::Period;

/// Sums over a period.
#[derive(Debug, Clone)]
pub struct Sums {
    /// Gains of the period's disposals.
    pub realized: Money,
    /// Market value of the remainder less its cost; none if something has no price.
    pub unrealized: Option<Money>,
    /// Income of the period.
    pub income: Money,
    /// Every fee of the period.
    pub fees: Money,
    /// Fees of the period that are nobody's cost.
    pub transfer_fees: Money,
    /// Value of the holdings at the end; none if one has no price.
    pub value: Option<Money>,
    /// Contributions from outside at their cost less what left, up to the end.
    pub net_invested: Money,
    /// Value given in swaps less the value received, where they differ.
    pub swap_differences: Money,
    /// Deposits that purchases imply.
    pub implied: Money,
    /// Amount that flags leave unexplained.
    pub unexplained: Option<Money>,
    /// Holdings at the end, with their value.
    pub holdings: BTreeMap<AssetId, (i128, Option<Money>)>,
}

/// Sums before anything is valued: of the period, and where it makes a difference of everything up
/// to its end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) realized: Of,
    pub(crate) income: Of,
    pub(crate) other_fees: Of,
    pub(crate) fees_at_cost: Of,
    pub(crate) swap_differences: Of,
    pub(crate) fees: Money,
    pub(crate) implied: Money,
    pub(crate) contributed: Money,
    pub(crate) removed: Money,
    /// Quantities at the end.
    pub(crate) holdings: BTreeMap<AssetId, i128>,
}

/// A sum.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Of {
    period: Money,
    until: Money,
}

impl Of {
    /// Of a period that begins with the first transaction.
    pub(crate) const fn everything(sum: Money) -> Self {
        Self {
            period: sum,
            until: sum,
        }
    }
}

impl Parts {
    fn new(ledger: &Ledger<'_>, basis: &CostBasis, period: Period) -> Self {
        let all = Period {
            from: None,
            ..period
        };
        let both = |list: &[Dated]| Of {
            period: sum(list, period),
            until: sum(list, all),
        };
        let totals = &ledger.totals;
        let gains = |from: Option<Day>| -> Money {
            basis
                .disposals
                .iter()
                .filter(|disposal| disposal.day <= period.to)
                .filter(|disposal| from.is_none_or(|from| disposal.day >= from))
                .filter_map(|disposal| disposal.gain)
                .sum()
        };
        let mut holdings: BTreeMap<AssetId, i128> = BTreeMap::new();
        let changes = totals.changes.iter();
        for change in changes.take_while(|change| change.day <= period.to) {
            *holdings.entry(change.asset).or_default() += change.quantity;
        }
        Self {
            realized: Of {
                period: gains(period.from),
                until: gains(None),
            },
            income: both(&totals.income),
            other_fees: both(&totals.other_fees),
            fees_at_cost: both(&basis.fees_at_cost),
            swap_differences: both(&totals.swap_differences),
            fees: sum(&totals.fees, period),
            implied: sum(&totals.implied, period),
            contributed: sum(&totals.contributed, all),
            removed: sum(&basis.removed, all),
            holdings,
        }
    }
}

impl Sums {
    /// Adds up.
    ///
    /// # Errors
    /// If a holding's value does not fit.
    pub fn new(ledger: &Ledger<'_>, basis: &CostBasis, period: Period) -> Result<Self, TooLarge> {
        let parts = Parts::new(ledger, basis, period);
        Self::of(ledger, &basis.remaining, period, parts)
    }

    /// Values what was added up.
    pub(crate) fn of(
        ledger: &Ledger<'_>,
        remaining: &[Holding],
        period: Period,
        parts: Parts,
    ) -> Result<Self, TooLarge> {
        let mut value = Some(Money::ZERO);
        let mut holdings = BTreeMap::new();
        for (asset, quantity) in parts.holdings {
            if quantity != 0 {
                let worth = worth_of(ledger, asset, quantity, period)?;
                value = value.zip(worth).map(|(a, b)| a + b);
                holdings.insert(asset, (quantity, worth));
            }
        }
        let mut unrealized = Some(Money::ZERO);
        for holding in remaining {
            let known = holding.quantity - holding.unknown;
            let worth = worth_of(ledger, holding.asset, known, period)?;
            unrealized = unrealized
                .zip(worth)
                .map(|(sum, worth)| sum + worth - holding.basis);
        }
        let net_invested = parts.contributed - parts.removed;
        let all_fees = parts.other_fees.until + parts.fees_at_cost.until;
        let explained = net_invested + parts.realized.until + parts.income.until - all_fees
            + parts.swap_differences.until;
        Ok(Self {
            realized: parts.realized.period,
            income: parts.income.period,
            fees: parts.fees,
            transfer_fees: parts.other_fees.period + parts.fees_at_cost.period,
            net_invested,
            swap_differences: parts.swap_differences.period,
            implied: parts.implied,
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
pub(crate) fn worth_of(
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
