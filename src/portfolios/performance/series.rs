//! Value of the portfolio at the end of each day, and the flows in and out.

use crate::decimal::Decimal;
use crate::ledger::{AssetId, Day, Ledger};
use crate::money::Money;

/// The end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayValue {
    /// The day.
    pub day: Day,
    /// Value of the portfolio; none if something in it had no price.
    pub value: Option<Money>,
    /// Deposits less withdrawals of the day at market value; none if one has no value.
    pub flow: Option<Money>,
}

/// A holding that is worth more than can be kept exactly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{asset} is worth more than can be kept exactly (below 10^30) on {day}: check its price and quantity"
)]
pub struct TooLarge {
    /// Of which asset.
    pub asset: String,
    /// When.
    pub day: chrono::NaiveDate,
}

/// Quantity of an asset while the days go by.
struct Held<'a> {
    asset: AssetId,
    quantity: i128,
    prices: &'a [(chrono::NaiveDate, Decimal)],
    /// The first of the prices that lies ahead.
    next: usize,
    /// Its worth while neither price nor quantity changes.
    worth: Option<Money>,
    changed: bool,
}

/// The values of all days from the first transaction on.
///
/// # Errors
/// If a holding's value does not fit.
pub fn daily_values(ledger: &Ledger<'_>, to: Day) -> Result<Vec<DayValue>, TooLarge> {
    match ledger.first_day() {
        Some(first) => values_between(ledger, first, to),
        None => Ok(Vec::new()),
    }
}

/// The values of the days from one to another.
///
/// # Errors
/// If a holding's value does not fit.
pub(crate) fn values_between(
    ledger: &Ledger<'_>,
    from: Day,
    to: Day,
) -> Result<Vec<DayValue>, TooLarge> {
    let totals = &ledger.totals;
    let start = totals.changes.partition_point(|change| change.day < from);
    // What was held before the first day: what is held at the end less all that changed since.
    let mut before = ledger.held.clone();
    for change in &totals.changes[start..] {
        before[change.asset.0 as usize] -= change.quantity;
    }
    let mut held: Vec<Held<'_>> = (0..)
        .zip(&ledger.assets)
        .zip(before)
        .map(|((number, name), quantity)| {
            let prices = ledger
                .prices
                .of(name)
                .map_or(&[][..], |series| series.days());
            Held {
                asset: AssetId(number),
                quantity,
                prices,
                next: prices.partition_point(|&(day, _)| Day::of(day) < from),
                worth: None,
                changed: true,
            }
        })
        .collect();
    let flows = totals.flows.partition_point(|dated| dated.day < from);
    let unvalued = totals.unvalued_flows.partition_point(|day| *day < from);
    let mut changes = totals.changes[start..].iter().peekable();
    let mut flows = totals.flows[flows..].iter().peekable();
    let mut unvalued = totals.unvalued_flows[unvalued..].iter().peekable();
    let mut days = Vec::new();
    let mut day = from;
    while day <= to {
        while let Some(change) = changes.next_if(|change| change.day <= day) {
            let held = &mut held[change.asset.0 as usize];
            held.quantity += change.quantity;
            held.changed = true;
        }
        let mut flow = Some(Money::ZERO);
        while let Some(dated) = flows.next_if(|dated| dated.day <= day) {
            flow = flow.map(|flow| flow + dated.amount);
        }
        while unvalued.next_if(|unvalued| **unvalued <= day).is_some() {
            flow = None;
        }
        let mut value = Some(Money::ZERO);
        let date = day.date();
        for held in &mut held {
            let worth = held.worth_on(ledger, date)?;
            value = value.zip(worth).map(|(a, b)| a + b);
        }
        days.push(DayValue { day, value, flow });
        day = day.next();
    }
    Ok(days)
}

impl Held<'_> {
    fn worth_on(
        &mut self,
        ledger: &Ledger<'_>,
        date: chrono::NaiveDate,
    ) -> Result<Option<Money>, TooLarge> {
        while self
            .prices
            .get(self.next)
            .is_some_and(|&(day, _)| day <= date)
        {
            self.next += 1;
            self.changed = true;
        }
        if !self.changed {
            return Ok(self.worth);
        }
        self.changed = false;
        let price = if self.asset == ledger.base {
            Some(Decimal::ONE)
        } else {
            self.next.checked_sub(1).map(|last| self.prices[last].1)
        };
        self.worth = match price {
            _ if self.quantity == 0 => Some(Money::ZERO),
            None => None,
            Some(price) => match Money::product(self.quantity, price) {
                Some(worth) => Some(worth),
                None => {
                    return Err(TooLarge {
                        asset: ledger.asset(self.asset).to_owned(),
                        day: date,
                    });
                }
            },
        };
        Ok(self.worth)
    }
}
