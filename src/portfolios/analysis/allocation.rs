//! Where the value is: by asset, by account, by category.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ledger::{Day, Ledger, is_money};
use crate::money::Money;
use crate::performance::TooLarge;
use crate::report::{Period, worth_of};

/// Coins that are worth one unit of money, as the category `stablecoins` counts them: ticker and CoinGecko id.
const STABLECOINS: [(&str, &str); 14] = [
    ("BUSD", "binance-usd"),
    ("DAI", "dai"),
    ("EURC", "euro-coin"),
    ("FDUSD", "first-digital-usd"),
    ("GUSD", "gemini-dollar"),
    ("LUSD", "liquity-usd"),
    ("PYUSD", "paypal-usd"),
    ("RLUSD", "ripple-usd"),
    ("TUSD", "true-usd"),
    ("USDC", "usd-coin"),
    ("USDE", "ethena-usde"),
    ("USDP", "paxos-standard"),
    ("USDS", "usds"),
    ("USDT", "tether"),
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
    /// By account, as the transactions say. What left without ever having come to any account counts as having
    /// been in the one it left; an account is below zero if it gave what only others had: a transfer to it is
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
    } else if STABLECOINS
        .iter()
        .any(|(ticker, id)| [*ticker, *id].contains(&asset))
    {
        "stablecoins"
    } else {
        "coins"
    }
}

/// Quantities held at the end of a day, in units of 10⁻¹⁸; those at zero are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quantities {
    /// By asset.
    pub by_asset: BTreeMap<String, i128>,
    /// By account and asset; over all accounts they come to those by asset.
    pub by_account: BTreeMap<(String, String), i128>,
}

impl Quantities {
    /// Those at the end of a day.
    #[must_use]
    pub fn at(ledger: &Ledger<'_>, on: Day) -> Self {
        let mut held: BTreeMap<&str, i128> = BTreeMap::new();
        for change in ledger
            .totals
            .changes
            .iter()
            .take_while(|change| change.day <= on)
        {
            *held.entry(ledger.asset(change.asset)).or_default() += change.quantity;
        }
        let by_account = by_place(ledger, on).into_iter();
        Self {
            by_asset: held
                .into_iter()
                .filter(|&(_, quantity)| quantity != 0)
                .map(|(asset, quantity)| (asset.to_owned(), quantity))
                .collect(),
            by_account: by_account
                .filter(|&(_, quantity)| quantity != 0)
                .map(|((account, asset), quantity)| {
                    ((account.to_owned(), asset.to_owned()), quantity)
                })
                .collect(),
        }
    }

    /// Splits their value; `worth` tells that of a quantity of an asset, `categories` names that of an asset.
    ///
    /// # Errors
    /// Those of `worth`.
    pub fn valued<E>(
        &self,
        categories: &BTreeMap<String, String>,
        worth: impl Fn(&str, i128) -> Result<Option<Money>, E>,
    ) -> Result<Allocation, E> {
        let (mut by_asset, mut by_category) = (BTreeMap::new(), BTreeMap::new());
        for (asset, &quantity) in &self.by_asset {
            let worth = worth(asset, quantity)?;
            let category = categories
                .get(asset)
                .map_or(category_of(asset), String::as_str);
            add(&mut by_asset, asset, asset, worth);
            add(&mut by_category, category, asset, worth);
        }
        let mut by_account = BTreeMap::new();
        for ((account, asset), &quantity) in &self.by_account {
            add(&mut by_account, account, asset, worth(asset, quantity)?);
        }
        let value: Option<Money> = by_asset.values().map(|part: &Share| part.value).sum();
        let missing: Vec<&str> = by_asset
            .iter()
            .filter(|(_, part)| part.value.is_none())
            .map(|(asset, _)| asset.as_str())
            .collect();
        let value_reason =
            (!missing.is_empty()).then(|| format!("no price for {}", missing.join(", ")));
        for parts in [&mut by_asset, &mut by_account, &mut by_category] {
            let whole: Option<Money> = parts.values().map(|part| part.value).sum();
            let whole = whole.filter(|whole| !whole.is_zero() && !whole.is_negative());
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
}

/// Splits the value of the end of a day, at its closing prices. `categories` names that of an asset.
///
/// # Errors
/// If a value does not fit.
pub fn allocation(
    ledger: &Ledger<'_>,
    on: Day,
    categories: &BTreeMap<String, String>,
) -> Result<Allocation, TooLarge> {
    let period = Period { from: None, to: on };
    Quantities::at(ledger, on).valued(categories, |asset, quantity| match ledger.asset_id(asset) {
        Some(asset) => worth_of(ledger, asset, quantity, period),
        None => Ok(None),
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

/// Quantity of each asset in each account: received less sent. As the ledger's holdings are never below zero,
/// what left without ever having come is added to the account that it left.
fn by_place<'a>(ledger: &Ledger<'a>, on: Day) -> BTreeMap<(&'a str, &'a str), i128> {
    let mut places: BTreeMap<(&str, &str), i128> = BTreeMap::new();
    let mut held: BTreeMap<&str, i128> = BTreeMap::new();
    for (number, row) in (0..).zip(ledger.transactions) {
        if ledger.day_of(number) > on {
            continue;
        }
        let mut change = |account: &'a str, asset: &'a str, quantity: i128| {
            let place = places.entry((account, asset)).or_default();
            *place = place.saturating_add(quantity);
        };
        let account = row.account.as_str();
        if let Some(leg) = &row.received {
            change(account, &leg.asset, leg.quantity.atoms());
            *held.entry(&leg.asset).or_default() += leg.quantity.atoms();
        }
        // Between own accounts only the fee is gone.
        let moved = row.sent.as_ref().zip(row.to_account.as_ref());
        if let Some((leg, to)) = moved {
            change(account, &leg.asset, -leg.quantity.atoms());
            change(to, &leg.asset, leg.quantity.atoms());
        }
        let sent = row.sent.iter().filter(|_| moved.is_none());
        for leg in sent.chain(&row.fees) {
            change(account, &leg.asset, -leg.quantity.atoms());
            let left = held.entry(&leg.asset).or_default();
            *left -= leg.quantity.atoms();
            if *left < 0 {
                change(account, &leg.asset, -*left);
                *left = 0;
            }
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FeesInKind, Kind, Leg, Transaction, TransactionFile};

    fn leg(asset: &str, quantity: &str) -> Option<Leg> {
        Some(Leg::new(asset, quantity.parse().unwrap()))
    }

    fn row(id: &str, kind: Kind, account: &str) -> Transaction {
        let time = "2026-01-01T00:00:00Z".parse().unwrap();
        Transaction::new(id, time, kind, account)
    }

    fn quantities(rows: Vec<Transaction>) -> Vec<(String, String, String)> {
        let mut file = TransactionFile::new("USD");
        file.transactions = rows;
        let ledger = Ledger::new(&file, &file.prices, FeesInKind::Dispose).unwrap();
        let found = Quantities::at(&ledger, Day(i32::MAX));
        for (asset, quantity) in &found.by_asset {
            let of = found.by_account.iter();
            let sum: i128 = of
                .filter(|((_, of), _)| of == asset)
                .map(|(_, part)| part)
                .sum();
            assert_eq!(sum, *quantity, "{asset}");
        }
        let found = found.by_account.into_iter();
        found
            .map(|((account, asset), quantity)| {
                (account, asset, Money::from_atoms(quantity).to_string())
            })
            .collect()
    }

    fn owned(found: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
        let found = found.iter();
        found
            .map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned()))
            .collect()
    }

    #[test]
    fn accounts_hold_what_came_and_has_not_left() {
        let deposit = Transaction {
            received: leg("bitcoin", "2"),
            ..row("a", Kind::Deposit, "venue")
        };
        let transfer = Transaction {
            to_account: Some("wallet".to_owned()),
            sent: leg("bitcoin", "0.5"),
            fees: leg("bitcoin", "0.1").into_iter().collect(),
            ..row("b", Kind::Transfer, "venue")
        };
        let unknown = Transaction {
            sent: leg("ethereum", "1"),
            ..row("c", Kind::Withdrawal, "wallet")
        };
        let found = quantities(vec![deposit, transfer, unknown]);
        let expected = [("venue", "bitcoin", "1.4"), ("wallet", "bitcoin", "0.5")];
        assert_eq!(found, owned(&expected));
    }

    #[test]
    fn a_purchase_without_a_deposit_leaves_no_debt_in_its_account() {
        let bought = Transaction {
            sent: leg("USD", "100"),
            received: leg("bitcoin", "2"),
            ..row("a", Kind::Buy, "venue")
        };
        let found = quantities(vec![bought]);
        assert_eq!(found, owned(&[("venue", "bitcoin", "2")]));
    }

    #[test]
    fn an_account_that_gave_what_another_had_is_below_zero() {
        let deposit = Transaction {
            received: leg("bitcoin", "2"),
            ..row("a", Kind::Deposit, "venue")
        };
        let sold = Transaction {
            sent: leg("bitcoin", "1.5"),
            received: leg("USD", "100"),
            ..row("b", Kind::Sell, "wallet")
        };
        let found = quantities(vec![deposit, sold]);
        let expected = [
            ("venue", "bitcoin", "2"),
            ("wallet", "USD", "100"),
            ("wallet", "bitcoin", "-1.5"),
        ];
        assert_eq!(found, owned(&expected));
    }

    #[test]
    fn a_coin_is_of_one_category_by_its_ticker_and_by_its_id() {
        for (ticker, id) in STABLECOINS {
            assert_eq!([category_of(ticker), category_of(id)], ["stablecoins"; 2]);
        }
        assert_eq!(category_of("EUR"), "money");
        assert_eq!(category_of("bitcoin"), "coins");
    }
}
