//! Where the value is: by asset, by account, by category.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ledger::{Day, Ledger, is_money};
use crate::money::Money;
use crate::performance::TooLarge;
use crate::report::{Period, worth_of};

/// Coins that are worth one unit of money, as the category `stablecoins` counts them.
const STABLECOINS: [&str; 14] = [
    "BUSD", "DAI", "EURC", "FDUSD", "GUSD", "LUSD", "PYUSD", "RLUSD", "TUSD", "USDC", "USDE",
    "USDP", "USDS", "USDT",
];

/// The value of a portfolio in parts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Allocation {
    /// All of it; none if something that is held has no price.
    pub value: Option<Money>,
    /// Why that is not known: then no part has a share.
    pub value_reason: Option<String>,
    /// By asset.
    pub by_asset: BTreeMap<String, Share>,
    /// By account, as the transactions say. One is below zero if more left it than came: a transfer to it is
    /// missing.
    pub by_account: BTreeMap<String, Share>,
    /// By category: the one that is given for an asset, else [`category_of`].
    pub by_category: BTreeMap<String, Share>,
}

/// A part of a portfolio.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Share {
    /// Its value; none if something in it has no price.
    pub value: Option<Money>,
    /// Its share of the whole; none if the whole is not known, or nothing.
    pub share: Option<String>,
    /// Its assets that have no price.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unpriced: Vec<String>,
}

/// The category of an asset that is given none: `money`, `stablecoins` or `coins`.
#[must_use]
pub fn category_of(asset: &str) -> &'static str {
    if is_money(asset) {
        "money"
    } else if STABLECOINS.binary_search(&asset).is_ok() {
        "stablecoins"
    } else {
        "coins"
    }
}

/// Splits the value of the end of a day. `categories` names that of an asset.
///
/// # Errors
/// If a value does not fit.
pub fn allocation(
    ledger: &Ledger<'_>,
    on: Day,
    categories: &BTreeMap<String, String>,
) -> Result<Allocation, TooLarge> {
    let period = Period { from: None, to: on };
    let mut held: BTreeMap<&str, i128> = BTreeMap::new();
    for change in ledger
        .totals
        .changes
        .iter()
        .take_while(|change| change.day <= on)
    {
        *held.entry(ledger.asset(change.asset)).or_default() += change.quantity;
    }
    let worth = |asset: &str, quantity: i128| -> Result<Option<Money>, TooLarge> {
        match ledger.asset_id(asset) {
            Some(asset) => worth_of(ledger, asset, quantity, period),
            None => Ok(None),
        }
    };
    let (mut by_asset, mut by_category) = (BTreeMap::new(), BTreeMap::new());
    for (asset, quantity) in held.into_iter().filter(|&(_, quantity)| quantity != 0) {
        let worth = worth(asset, quantity)?;
        let category = categories
            .get(asset)
            .map_or(category_of(asset), String::as_str);
        add(&mut by_asset, asset, asset, worth);
        add(&mut by_category, category, asset, worth);
    }
    let mut by_account = BTreeMap::new();
    for ((account, asset), quantity) in by_place(ledger, on) {
        if quantity != 0 {
            add(&mut by_account, account, asset, worth(asset, quantity)?);
        }
    }
    let value: Option<Money> = by_asset.values().map(|part: &Share| part.value).sum();
    let missing: Vec<&str> = by_asset
        .iter()
        .filter(|(_, part)| part.value.is_none())
        .map(|(asset, _)| asset.as_str())
        .collect();
    let value_reason =
        (!missing.is_empty()).then(|| format!("no price for {}", missing.join(", ")));
    let whole = |parts: &BTreeMap<String, Share>| -> Option<Money> {
        parts.values().map(|part| part.value).sum()
    };
    for parts in [&mut by_asset, &mut by_account, &mut by_category] {
        let whole = whole(parts).filter(|whole| !whole.is_zero() && !whole.is_negative());
        for part in parts.values_mut() {
            let share = part.value.zip(whole);
            part.share =
                share.map(|(part, whole)| crate::report::ratio(part.to_f64() / whole.to_f64()));
            part.value = part.value.map(Money::rounded);
        }
    }
    Ok(Allocation {
        value: value.map(Money::rounded),
        value_reason,
        by_asset,
        by_account,
        by_category,
    })
}

fn add(parts: &mut BTreeMap<String, Share>, name: &str, asset: &str, worth: Option<Money>) {
    let part = parts.entry(name.to_owned()).or_insert_with(|| Share {
        value: Some(Money::ZERO),
        ..Share::default()
    });
    part.value = part.value.zip(worth).map(|(sum, worth)| sum + worth);
    if worth.is_none() {
        part.unpriced.push(asset.to_owned());
    }
}

/// Quantity of each asset in each account: received less sent, at most 10²⁰ a transaction.
fn by_place<'a>(ledger: &Ledger<'a>, on: Day) -> BTreeMap<(&'a str, &'a str), i128> {
    let mut places: BTreeMap<(&str, &str), i128> = BTreeMap::new();
    for (number, row) in (0..).zip(ledger.transactions) {
        if ledger.day_of(number) > on {
            continue;
        }
        let mut change = |account: &'a str, asset: &'a str, quantity: i128| {
            let held = places.entry((account, asset)).or_default();
            *held = held.saturating_add(quantity);
        };
        let account = row.account.as_str();
        if let Some(leg) = &row.received {
            change(account, &leg.asset, leg.quantity.atoms());
        }
        if let Some(leg) = &row.sent {
            change(account, &leg.asset, -leg.quantity.atoms());
            if let Some(to) = &row.to_account {
                change(to, &leg.asset, leg.quantity.atoms());
            }
        }
        for leg in &row.fees {
            change(account, &leg.asset, -leg.quantity.atoms());
        }
    }
    places
}
