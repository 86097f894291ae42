//! Transactions: what moved, and which closing prices they were valued at.

use crate::cost_basis::CostBasis;
use crate::explain::{Explain, Step, largest};
use crate::ledger::{AssetId, Dated, Day, Totals};
use crate::money::Money;

impl Explain<'_> {
    /// A transaction with its legs and the prices that it used.
    pub(super) fn transaction(&self, number: u32) -> Step {
        let row = &self.ledger.transactions[number as usize];
        let leg = |word: &str, leg: &crate::Leg| {
            let value = leg.value.map(|value| format!(" worth {value}"));
            format!(
                "{word} {} {}{}",
                leg.quantity,
                leg.asset,
                value.unwrap_or_default()
            )
        };
        let sent = row.sent.iter().map(|part| leg("sent", part));
        let received = row.received.iter().map(|part| leg("received", part));
        let fees = row
            .fees
            .iter()
            .take(self.inner)
            .map(|part| leg("fee", part));
        let legs: Vec<String> = sent.chain(received).chain(fees).collect();
        let day = self.ledger.day_of(number);
        let mut step = Step {
            date: Some(day.date().to_string()),
            account: Some(row.account.clone()),
            note: Some(format!("{}: {}", row.kind, legs.join(", "))),
            ..Step::new("transaction", &row.id)
        };
        let uses = &self.ledger.price_uses;
        let start = uses.partition_point(|used| used.day < day);
        let of_day = uses[start..].iter().take_while(|used| used.day == day);
        let mut seen = Vec::new();
        for used in of_day.filter(|used| used.transaction == number) {
            if !seen.contains(&used.asset) {
                seen.push(used.asset);
                step.parts.extend(self.price(used.asset, used.day));
            }
        }
        step
    }

    /// Adds the transactions of a day that move an asset.
    pub(super) fn transactions_of(&self, asset: AssetId, day: Day, step: &mut Step) {
        let rows = self.ledger.transactions;
        let name = self.ledger.asset(asset);
        let zone = self.ledger.timezone;
        let start = rows.partition_point(|row| {
            let (seconds, nanos) = (row.time.timestamp(), row.time.timestamp_subsec_nanos());
            crate::ledger::day_in(zone, seconds, nanos) < day
        });
        let of_day = (0..)
            .zip(rows)
            .skip(start)
            .take_while(|&(number, _)| self.ledger.day_of(number) == day);
        let moves = of_day.filter(|(_, row)| {
            let legs = row.sent.iter().chain(&row.received).chain(&row.fees);
            legs.into_iter().any(|leg| leg.asset == name)
        });
        for (count, (number, _)) in moves.enumerate() {
            if count < self.inner {
                step.parts.push(self.transaction(number));
            } else {
                step.left_out += 1;
            }
        }
    }

    pub(super) fn transaction_named(&self, id: &str) -> Option<Step> {
        let mut rows = (0..).zip(self.ledger.transactions);
        let (number, _) = rows.find(|(_, row)| row.id == id)?;
        Some(self.transaction(number))
    }

    /// The closing price of an asset on a day, or the last before it; nothing for the base currency.
    pub(super) fn price(&self, asset: AssetId, day: Day) -> Option<Step> {
        if asset == self.ledger.base {
            return None;
        }
        let name = self.ledger.asset(asset);
        let series = self
            .ledger
            .prices
            .of(name)
            .map_or(&[][..], |series| series.days());
        let after = series.partition_point(|&(known, _)| known <= day.date());
        let found = after.checked_sub(1).map(|at| series[at]);
        Some(Step {
            rule: "the closing price of the day, or the last before it",
            date: Some(found.map_or(day.date(), |(date, _)| date).to_string()),
            asset: Some(name.to_owned()),
            amount: found.map(|(_, price)| price.to_string()),
            note: found.is_none().then(|| "there is no price".to_owned()),
            ..Step::new("price", name)
        })
    }

    fn sums(&self, rule: &'static str, parts: impl Iterator<Item = (Dated, Money)>) -> Step {
        let all = parts.map(|(dated, amount)| (dated, Some(amount)));
        let parts = largest(all, self.most, |dated, amount| {
            self.transaction(dated.transaction).amount(amount)
        });
        Step {
            rule,
            ..Step::new("figure", "")
        }
        .of(parts)
    }

    fn totals(&self) -> &Totals {
        &self.ledger.totals
    }

    fn outcome(&self) -> &CostBasis {
        self.computed.cost_basis()
    }

    pub(super) fn income(&self) -> Step {
        let list = self.totals().income.iter();
        let rule = "the sum of what was received, at its value on receipt";
        self.sums(rule, list.map(|dated| (*dated, dated.amount)))
    }

    pub(super) fn fees(&self) -> Step {
        let list = self.totals().fees.iter();
        self.sums(
            "the sum of every fee",
            list.map(|dated| (*dated, dated.amount)),
        )
    }

    pub(super) fn transfer_fees(&self) -> Step {
        let list = self
            .totals()
            .other_fees
            .iter()
            .chain(&self.outcome().fees_at_cost);
        let rule = "the sum of the fees that no trade bears";
        self.sums(rule, list.map(|dated| (*dated, dated.amount)))
    }

    pub(super) fn net_invested(&self) -> Step {
        let came = self
            .totals()
            .contributed
            .iter()
            .map(|dated| (*dated, dated.amount));
        let left = self
            .outcome()
            .removed
            .iter()
            .map(|dated| (*dated, -dated.amount));
        let rule = "what came from outside at its cost, less the cost of what left without a gain";
        self.sums(rule, came.chain(left))
    }

    pub(super) fn implied_deposits(&self) -> Step {
        let list = self.totals().implied.iter();
        let rule = "money that purchases took and no deposit brought";
        self.sums(rule, list.map(|dated| (*dated, dated.amount)))
    }

    pub(super) fn swap_differences(&self) -> Step {
        let list = self.totals().swap_differences.iter();
        let rule = "the value of what was given less that of what was received";
        self.sums(rule, list.map(|dated| (*dated, dated.amount)))
    }
}
