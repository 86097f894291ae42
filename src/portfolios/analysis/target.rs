//! A target allocation and the trades that would restore it, at closing or newer prices and without fees.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analysis::{WeightsError, check_weights};
use crate::decimal::Decimal;
use crate::ledger::{Day, Ledger};
use crate::money::Money;
use crate::report::ratio;

/// A target next to what there is.
#[derive(Debug, Clone, Serialize)]
pub struct Target {
    /// Value to share out: everything that is held and what is added.
    pub value: Option<Money>,
    /// Why there are no trades.
    pub reason: Option<String>,
    /// Every asset that is held or wanted, the largest difference first.
    pub lines: Vec<TargetLine>,
}

/// An asset of a target.
#[derive(Debug, Clone, Serialize)]
pub struct TargetLine {
    /// Which asset.
    pub asset: String,
    /// Quantity held.
    pub quantity: Decimal,
    /// Its price.
    pub price: Option<Decimal>,
    /// Value held.
    pub value: Option<Money>,
    /// Its share now.
    pub share: Option<String>,
    /// Its share in the target.
    pub target: Decimal,
    /// Target value.
    pub target_value: Option<Money>,
    /// Action: `buy`, `sell`, or `keep` if it is within the tolerance.
    pub action: Option<&'static str>,
    /// For how much.
    pub amount: Option<Money>,
    /// Quantity to trade, cut at the 18th digit.
    pub trade_quantity: Option<Decimal>,
}

/// The trades that would bring what is held on a day to a target. An asset is left alone while its share is
/// within `tolerance` (0.02 for two percent of the whole) of its target. `added` is money of the base
/// currency that is put in as well. `newest` has prices that are newer than the closing price of the day.
///
/// # Errors
/// If the weights are no whole.
pub fn target(
    ledger: &Ledger<'_>,
    on: Day,
    weights: &[(String, Decimal)],
    tolerance: Decimal,
    added: Decimal,
    newest: &BTreeMap<String, Decimal>,
) -> Result<Target, WeightsError> {
    check_weights(weights)?;
    let wanted = |asset: &str| {
        let found = weights.iter().find(|(name, _)| name == asset);
        found.map_or(Decimal::ZERO, |(_, weight)| *weight)
    };
    let mut held = vec![0_i128; ledger.assets.len()];
    for change in ledger
        .totals
        .changes
        .iter()
        .take_while(|change| change.day <= on)
    {
        held[change.asset.0 as usize] += change.quantity;
    }
    held[ledger.base.0 as usize] += added.atoms();
    let new = weights
        .iter()
        .filter(|(asset, _)| ledger.asset_id(asset).is_none());
    let all = ledger.assets.iter().map(String::as_str).zip(held);
    let all = all.chain(new.map(|(asset, _)| (asset.as_str(), 0)));
    let mut lines: Vec<TargetLine> = all
        .map(|(asset, quantity)| {
            let price = newest.get(asset).copied();
            let price = price.or_else(|| closing_price(ledger, on, asset));
            line(asset, quantity, price, wanted(asset))
        })
        .filter(|line| !line.quantity.is_zero() || line.target.is_positive())
        .collect();
    let unpriced: Vec<&str> = lines
        .iter()
        .filter(|line| line.price.is_none() || line.value.is_none())
        .map(|line| line.asset.as_str())
        .collect();
    let value: Option<Money> = lines.iter().map(|line| line.value).sum();
    let reason = if !unpriced.is_empty() {
        Some(format!("no price for {}", unpriced.join(", ")))
    } else if value.is_none_or(|value| value.is_zero() || value.is_negative()) {
        Some("nothing is held that could be shared out".to_owned())
    } else {
        None
    };
    let value = value.filter(|_| reason.is_none());
    if let Some(whole) = value {
        for line in &mut lines {
            line.towards(whole, tolerance);
        }
    }
    lines.sort_by(|a, b| b.amount.cmp(&a.amount).then_with(|| a.asset.cmp(&b.asset)));
    Ok(Target {
        value: value.map(Money::rounded),
        reason,
        lines,
    })
}

fn closing_price(ledger: &Ledger<'_>, on: Day, asset: &str) -> Option<Decimal> {
    if asset == ledger.currency {
        return Some(Decimal::ONE);
    }
    ledger.prices.of(asset)?.on(on.date())
}

fn line(asset: &str, quantity: i128, price: Option<Decimal>, target: Decimal) -> TargetLine {
    let price = price.filter(|price| price.is_positive());
    TargetLine {
        asset: asset.to_owned(),
        quantity: Decimal::from_atoms(quantity).unwrap_or_default(),
        value: price.and_then(|price| Money::product(quantity, price)),
        price,
        share: None,
        target,
        target_value: None,
        action: None,
        amount: None,
        trade_quantity: None,
    }
}

impl TargetLine {
    fn towards(&mut self, whole: Money, tolerance: Decimal) {
        let (Some(value), Some(price)) = (self.value, self.price) else {
            return;
        };
        let part = |share: Decimal| {
            whole
                .share(share.atoms(), Decimal::ONE.atoms())
                .unwrap_or_default()
        };
        let wanted = part(self.target);
        let difference = wanted - value;
        let size = if difference.is_negative() {
            -difference
        } else {
            difference
        };
        self.share = Some(ratio(value.to_f64() / whole.to_f64()));
        self.target_value = Some(wanted.rounded());
        let keep = size <= part(tolerance);
        let action = match difference.is_negative() {
            _ if keep => "keep",
            true => "sell",
            false => "buy",
        };
        self.action = Some(action);
        let traded = if keep { Money::ZERO } else { size };
        self.amount = Some(traded.rounded());
        self.trade_quantity = traded.at_price(price).and_then(Decimal::from_atoms);
        self.value = Some(value.rounded());
    }
}
