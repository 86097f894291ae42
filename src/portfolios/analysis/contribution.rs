//! Contribution of each asset to the time-weighted return: day by day the share it had of the capital times
//! the change of its price, and its income; linked by Carino's factors, so that all of it adds up to the
//! return of the whole range.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analysis::prices_in;
use crate::ledger::{AssetId, Dated, Day, Ledger};
use crate::money::Money;
use crate::performance::{DayValue, Figure, NoFigure, link_daily};
use crate::report::ratio;

/// Contributions in ratios of the whole range.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Contribution {
    /// Their sum: the time-weighted return of the days that have one.
    pub total: Option<String>,
    /// Why there is none.
    pub total_reason: Option<String>,
    /// By asset: changes of its price while it was held, and its income.
    pub by_asset: BTreeMap<String, String>,
    /// Fees, below zero.
    pub fees: Option<String>,
    /// Trades: the difference between what they were made at and the closing price of their day.
    pub trading: Option<String>,
}

/// Splits the time-weighted return.
#[must_use]
pub fn contribution(ledger: &Ledger<'_>, days: &[DayValue]) -> Contribution {
    contribution_in(ledger, days, ledger.currency)
}

/// Splits the time-weighted return in another currency or coin, which the values of the days are in.
#[must_use]
pub fn contribution_in(ledger: &Ledger<'_>, days: &[DayValue], currency: &str) -> Contribution {
    let values: Vec<_> = days
        .iter()
        .map(|day| day.value.map(Money::to_f64))
        .collect();
    let flows: Vec<_> = days.iter().map(|day| day.flow.map(Money::to_f64)).collect();
    let linked = link_daily(&values, &flows);
    let total = match factors(&linked.returns, linked.twr()) {
        Ok(factors) => factors,
        Err(reason) => {
            return Contribution {
                total_reason: Some(reason.to_string()),
                ..Contribution::default()
            };
        }
    };
    let (total, factors) = total;
    // What a unit of money gained on a day adds to the whole.
    let weights: Vec<f64> = (0..days.len())
        .map(|number| {
            let before = number.checked_sub(1).map_or(Some(0.0), |last| values[last]);
            match (linked.returns[number], before, flows[number]) {
                (Some(_), Some(before), Some(flow)) => factors[number] / (before + flow),
                _ => 0.0,
            }
        })
        .collect();
    let first = days.first().map_or(Day(0), |day| day.day);
    let at = |day: Day| usize::try_from(day.0 - first.0).ok();
    let weight = |day: Day| {
        at(day)
            .and_then(|at| weights.get(at))
            .copied()
            .unwrap_or(0.0)
    };
    let units = prices_in(ledger, ledger.currency, currency, days);
    let unit = |day: Day| at(day).and_then(|at| units.get(at).copied().flatten());
    let weighted = |dated: &Dated| {
        let unit = unit(dated.day).unwrap_or(0.0);
        dated.amount.to_f64() * unit * weight(dated.day)
    };
    let mut by_asset = price_changes(ledger, days, &weights, currency);
    for dated in &ledger.totals.income {
        let row = &ledger.transactions[dated.transaction as usize];
        let received = row
            .received
            .as_ref()
            .and_then(|leg| ledger.asset_id(&leg.asset));
        if let Some(asset) = received {
            *by_asset.entry(asset).or_default() += weighted(dated);
        }
    }
    let fees: f64 = -ledger.totals.fees.iter().map(weighted).sum::<f64>();
    let trading = total - by_asset.values().sum::<f64>() - fees;
    Contribution {
        total: Some(ratio(total)),
        total_reason: None,
        by_asset: by_asset
            .into_iter()
            .map(|(asset, part)| (ledger.asset(asset).to_owned(), ratio(part)))
            .collect(),
        fees: Some(ratio(fees)),
        trading: Some(ratio(trading)),
    }
}

/// Carino's factor of each day: what its return is multiplied by so that they add up to the total.
fn factors(returns: &[Option<f64>], total: Figure) -> Result<(f64, Vec<f64>), NoFigure> {
    let total = total?;
    let smooth = |value: f64| {
        if value.abs() < 1e-9 {
            1.0 - value / 2.0
        } else {
            value.ln_1p() / value
        }
    };
    if total <= -1.0 || returns.iter().flatten().any(|value| *value <= -1.0) {
        return Err(NoFigure::TotalLoss);
    }
    let whole = smooth(total);
    let factors = returns
        .iter()
        .map(|value| value.map_or(0.0, |value| smooth(value) / whole));
    Ok((total, factors.collect()))
}

/// For each asset the changes of its price while it was held, weighted by day.
fn price_changes(
    ledger: &Ledger<'_>,
    days: &[DayValue],
    weights: &[f64],
    currency: &str,
) -> BTreeMap<AssetId, f64> {
    let mut changes: Vec<Vec<(Day, i128)>> = vec![Vec::new(); ledger.assets.len()];
    for change in &ledger.totals.changes {
        changes[change.asset.0 as usize].push((change.day, change.quantity));
    }
    let mut sums = BTreeMap::new();
    for (number, changes) in (0..).zip(&changes) {
        let asset = AssetId(number);
        if ledger.asset(asset) == currency || changes.is_empty() {
            continue;
        }
        let prices = prices_in(ledger, ledger.asset(asset), currency, days);
        let mut changes = changes.iter().peekable();
        let (mut held, mut sum) = (0_i128, 0.0);
        for (number, day) in days.iter().enumerate().skip(1) {
            while let Some((_, quantity)) = changes.next_if(|(changed, _)| *changed < day.day) {
                held += quantity;
            }
            if held != 0
                && let (Some(before), Some(now)) = (prices[number - 1], prices[number])
            {
                let quantity = Money::from_atoms(held).to_f64();
                sum += quantity * (now - before) * weights[number];
            }
        }
        sums.insert(asset, sum);
    }
    sums
}
