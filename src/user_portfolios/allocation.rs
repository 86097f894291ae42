//! Where the value of a portfolio is: by asset, by account, and by kind of asset.

use std::collections::BTreeMap;

use coinsphere_pipelines::market::Timestamp;
use uuid::Uuid;

use super::PortfolioError;
use super::figures::PortfolioFigures;
use super::price_plan::is_dollar_coin;
use super::valuation::{HoldingValue, Valuation};
use crate::portfolios::ledger::is_money;
use crate::portfolios::performance::risk::concentration;
use crate::portfolios::{Computed, Decimal, Kind, Money, Transaction};

/// Where the value of a portfolio is.
#[derive(Debug, Clone)]
pub struct Allocation {
    /// Currency of the amounts.
    pub currency: String,
    /// When it was valued.
    pub at: Timestamp,
    /// Everything together.
    pub value: Option<Money>,
    /// Why it is not known.
    pub value_reason: Option<String>,
    /// By asset, the largest first.
    pub by_asset: Vec<Share>,
    /// By account, the largest first.
    pub by_account: Vec<Share>,
    /// By kind, the largest first.
    pub by_category: Vec<Share>,
    /// The sum of squared shares of the assets.
    pub hhi: Option<f64>,
}

/// A part of the value.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Of what.
    pub name: String,
    /// Its value, if all of it has one.
    pub value: Option<Money>,
    /// Its share of the sum of all parts, if all of them have a value.
    pub share: Option<f64>,
}

impl PortfolioFigures {
    /// Where the value of a user's portfolio is.
    ///
    /// # Errors
    /// As for [`PortfolioFigures::snapshot`].
    pub async fn allocation(&self, user: Uuid, id: Uuid) -> Result<Allocation, PortfolioError> {
        let asked = |computed: &Computed| held_by_account(computed.transactions());
        let (snapshot, accounts) = self.ask(user, id, asked).await?;
        let Valuation {
            at,
            value,
            value_reason,
            holdings,
            ..
        } = self.value(&snapshot);
        let by_asset = shares(holdings.iter().map(|one| (one.asset.as_str(), one.value)));
        let values: Vec<f64> = by_asset
            .iter()
            .filter_map(|share| share.value)
            .map(Money::to_f64)
            .collect();
        Ok(Allocation {
            currency: snapshot.summary.currency.clone(),
            at,
            value,
            value_reason,
            by_account: by_account(&accounts, &holdings),
            by_category: shares(holdings.iter().map(|one| (category(&one.asset), one.value))),
            hhi: value.and_then(|_| concentration(&values).ok()),
            by_asset,
        })
    }
}

/// Category of an asset.
fn category(asset: &str) -> &'static str {
    match asset {
        money if is_money(money) => "money",
        coin if is_dollar_coin(coin) => "stablecoins",
        _ => "coins",
    }
}

fn by_account(held: &BTreeMap<(String, String), i128>, holdings: &[HoldingValue]) -> Vec<Share> {
    let prices: BTreeMap<&str, Decimal> = holdings
        .iter()
        .filter_map(|one| Some((one.asset.as_str(), one.price.as_ref()?.price)))
        .collect();
    let worth = |asset: &str, quantity: i128| Money::product(quantity, *prices.get(asset)?);
    shares(
        held.iter()
            .map(|((account, asset), quantity)| (account.as_str(), worth(asset, *quantity))),
    )
}

/// Sums by name with their shares, the largest first.
fn shares<'a>(parts: impl Iterator<Item = (&'a str, Option<Money>)>) -> Vec<Share> {
    let mut sums: BTreeMap<&str, Option<Money>> = BTreeMap::new();
    for (name, value) in parts {
        let sum = sums.entry(name).or_insert(Some(Money::ZERO));
        *sum = sum.zip(value).map(|(a, b)| a + b);
    }
    let total: Option<Money> = sums.values().copied().sum();
    let total = total.map(Money::to_f64).filter(|total| *total > 0.0);
    let share = |value: Money| total.map(|total| value.to_f64() / total);
    let mut shares: Vec<Share> = sums
        .into_iter()
        .map(|(name, value)| Share {
            name: name.to_owned(),
            value: value.map(Money::rounded),
            share: value.and_then(share),
        })
        .collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.value));
    shares
}

/// Quantity of each asset in each account. An account that gave what it never had counts as empty.
fn held_by_account(transactions: &[Transaction]) -> BTreeMap<(String, String), i128> {
    let mut held: BTreeMap<(&str, &str), i128> = BTreeMap::new();
    for row in transactions {
        if let Some(leg) = &row.received {
            *held.entry((&row.account, &leg.asset)).or_default() += leg.quantity.atoms();
        }
        for leg in row.sent.iter().chain(&row.fees) {
            let left = held.entry((&row.account, &leg.asset)).or_default();
            *left = (*left - leg.quantity.atoms()).max(0);
        }
        if let (Kind::Transfer, Some(to), Some(leg)) = (row.kind, &row.to_account, &row.sent) {
            *held.entry((to, &leg.asset)).or_default() += leg.quantity.atoms();
        }
    }
    held.into_iter()
        .filter(|(_, quantity)| *quantity != 0)
        .map(|((account, asset), quantity)| ((account.to_owned(), asset.to_owned()), quantity))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portfolios::Leg;

    fn leg(asset: &str, quantity: &str) -> Option<Leg> {
        Some(Leg::new(asset, quantity.parse().unwrap()))
    }

    fn row(id: &str, kind: Kind, account: &str) -> Transaction {
        let time = "2026-01-01T00:00:00Z".parse().unwrap();
        Transaction::new(id, time, kind, account)
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
        let held = held_by_account(&[deposit, transfer, unknown]);
        let held: Vec<_> = held
            .into_iter()
            .map(|((account, asset), quantity)| {
                (account, asset, Money::from_atoms(quantity).to_string())
            })
            .collect();
        let expected = [("venue", "bitcoin", "1.4"), ("wallet", "bitcoin", "0.5")];
        let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
        assert_eq!(held, expected);
    }

    #[test]
    fn shares_need_every_value() {
        let money = |text: &str| Money::from(text.parse::<Decimal>().unwrap());
        let parts = [
            ("a", Some(money("1"))),
            ("b", Some(money("3"))),
            ("a", Some(money("1"))),
        ];
        let found = shares(parts.into_iter());
        assert_eq!(found[0].name, "b");
        assert_eq!(found[0].share, Some(0.6));
        let found = shares([("a", Some(money("1"))), ("b", None)].into_iter());
        assert!(found.iter().all(|share| share.share.is_none()), "{found:?}");
        assert_eq!(found[0].value, Some(money("1")));
    }
}
