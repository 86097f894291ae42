//! A portfolio as it was computed last: its figures, and what it takes to value its holdings at newer prices
//! without computing anything again.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use coinsphere_pipelines::market::{InstrumentKey, Timestamp};
use uuid::Uuid;

use super::PortfolioSettings;
use super::prices::{AssetPrice, PortfolioPrices, PriceSource};
use super::valuation::{Anchor, Position, PositionPrice};
use crate::portfolios::computed::ChangeError;
use crate::portfolios::performance::DayValue;
use crate::portfolios::report::{FlagView, ReportOptions, Summary};
use crate::portfolios::{
    Computed, Decimal, Leg, Money, PriceChange, Prices, Transaction, TransactionFile, Tz,
};

/// The figures of a portfolio, as they were computed.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Of which portfolio.
    pub portfolio: Uuid,
    /// Of which version of it.
    pub version: i64,
    /// When.
    pub computed_at: Timestamp,
    /// The day it was, where the portfolio is.
    pub today: NaiveDate,
    /// The figures.
    pub summary: Summary,
    /// Flags about missing data.
    pub flags: Vec<FlagView>,
    pub(super) positions: Vec<Position>,
    pub(super) anchor: Anchor,
}

impl Snapshot {
    /// The instruments whose trades change what it is worth.
    pub(super) fn instruments(&self) -> impl Iterator<Item = &InstrumentKey> {
        let prices = self
            .positions
            .iter()
            .filter_map(|position| match &position.price {
                PositionPrice::Asset(AssetPrice::Priced(source)) => source.live.as_ref(),
                _ => None,
            });
        prices.map(|(instrument, _)| instrument)
    }
}

/// A portfolio that is kept computed.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) settings: PortfolioSettings,
    /// Prices that imports brought.
    own_prices: Prices,
    pub(super) computed: Computed,
    pub(super) prices: PortfolioPrices,
    /// Tickers that its transactions name.
    pub(super) tickers: BTreeSet<String>,
    /// The day of the first transaction.
    pub(super) first_day: Option<NaiveDate>,
}

/// Inputs from which a portfolio is computed.
pub(super) struct Input {
    pub(super) settings: PortfolioSettings,
    pub(super) file: TransactionFile,
    pub(super) prices: PortfolioPrices,
}

/// The assets that transactions name.
pub(super) fn tickers(transactions: &[Transaction]) -> BTreeSet<String> {
    let mut found: BTreeSet<&str> = BTreeSet::new();
    for row in transactions {
        let legs = row.sent.iter().chain(&row.received).chain(&row.fees);
        found.extend(legs.map(|Leg { asset, .. }| asset.as_str()));
    }
    found.into_iter().map(str::to_owned).collect()
}

/// The day of the first of some transactions.
pub(super) fn first_day_of(transactions: &[Transaction], zone: Tz) -> Option<NaiveDate> {
    let first = transactions.iter().map(|row| row.time).min()?;
    Some(first.with_timezone(&zone).date_naive())
}

impl State {
    /// Computes a portfolio for the first time.
    pub(super) fn new(input: Input) -> Result<Self, ChangeError> {
        let Input {
            settings,
            mut file,
            prices,
        } = input;
        let first_day = first_day_of(&file.transactions, file.timezone);
        let tickers = tickers(&file.transactions);
        let own_prices = std::mem::take(&mut file.prices);
        file.prices = merged(&own_prices, &prices.closes);
        let computed = Computed::new(file, options(&settings))?;
        Ok(Self {
            settings,
            own_prices,
            computed,
            prices,
            tickers,
            first_day,
        })
    }

    /// Computes what has changed. On an error everything is as it was, or prices alone are newer.
    pub(super) fn change(&mut self, input: Input) -> Result<(), ChangeError> {
        if input.settings != self.settings {
            *self = Self::new(input)?;
            return Ok(());
        }
        let first_day = first_day_of(&input.file.transactions, input.file.timezone);
        let tickers = tickers(&input.file.transactions);
        self.own_prices = input.file.prices;
        self.reprice(input.prices)?;
        let beginning = chrono::DateTime::<chrono::Utc>::MIN_UTC.fixed_offset();
        self.computed.replace(beginning, input.file.transactions)?;
        (self.tickers, self.first_day) = (tickers, first_day);
        Ok(())
    }

    /// Computes what has changed from a time on, in nanoseconds since 1970: these are all transactions from then on.
    pub(super) fn change_since(
        &mut self,
        since: i64,
        rows: Vec<Transaction>,
        prices: PortfolioPrices,
        (tickers, first_day): (BTreeSet<String>, Option<NaiveDate>),
    ) -> Result<(), ChangeError> {
        self.reprice(prices)?;
        if since != i64::MAX {
            let from = chrono::DateTime::from_timestamp_nanos(since).fixed_offset();
            self.computed.replace(from, rows)?;
        }
        (self.tickers, self.first_day) = (tickers, first_day);
        Ok(())
    }

    /// Computes what other prices make of it.
    pub(super) fn reprice(&mut self, prices: PortfolioPrices) -> Result<(), ChangeError> {
        let new = merged(&self.own_prices, &prices.closes);
        let changes = differences(self.computed.prices(), &new);
        self.computed.change_prices(&changes)?;
        self.prices = prices;
        Ok(())
    }

    /// Snapshot from which requests are answered.
    pub(super) fn snapshot(
        &self,
        portfolio: Uuid,
        version: i64,
        computed_at: Timestamp,
        today: NaiveDate,
    ) -> Snapshot {
        let summary = self.computed.summary().clone();
        Snapshot {
            portfolio,
            version,
            computed_at,
            today,
            positions: self.positions(&summary, today),
            anchor: anchor(&summary, self.computed.days(), today),
            flags: self.computed.flags(),
            summary,
        }
    }

    fn positions(&self, summary: &Summary, today: NaiveDate) -> Vec<Position> {
        let yesterday = today.pred_opt().unwrap_or(today);
        let mut positions = Vec::with_capacity(summary.remaining.len() + 1);
        let cash = summary.holdings.get(&summary.currency);
        if let Some(quantity) = cash.and_then(|text| text.parse::<Decimal>().ok()) {
            positions.push(Position {
                asset: summary.currency.clone(),
                account: "*".to_owned(),
                quantity: quantity.atoms(),
                known: quantity.atoms(),
                basis: None,
                price: PositionPrice::Face,
                previous: Some(Decimal::ONE),
            });
        }
        for holding in &summary.remaining {
            let number = |text: &str| text.parse::<Decimal>().map(Decimal::atoms);
            let (Ok(quantity), Ok(unknown)) =
                (number(&holding.quantity), number(&holding.unknown_quantity))
            else {
                continue;
            };
            let closes = self.computed.prices().of(&holding.asset);
            positions.push(Position {
                asset: holding.asset.clone(),
                account: holding.account.clone(),
                quantity,
                known: quantity - unknown,
                basis: holding.basis,
                price: PositionPrice::Asset(self.price_of(&holding.asset)),
                previous: closes.and_then(|closes| closes.on(yesterday)),
            });
        }
        positions
    }

    /// The price of the market, else one that an import brought.
    pub(super) fn price_of(&self, asset: &str) -> AssetPrice {
        let of_market = self.prices.assets.get(asset);
        let own = self.own_prices.of(asset);
        let last = own.and_then(|own| own.days().last());
        match (of_market, last) {
            (Some(AssetPrice::Priced(source)), _) => AssetPrice::Priced(source.clone()),
            (_, Some(&(day, price))) => AssetPrice::Priced(PriceSource {
                asset: None,
                source: "imported with the transactions".to_owned(),
                newest: price,
                newest_at: super::prices::start_of(day.succ_opt().unwrap_or(day)),
                live: None,
            }),
            (Some(unpriced), None) => unpriced.clone(),
            (None, None) => AssetPrice::Unpriced(format!("no price of {asset} is stored")),
        }
    }
}

pub(super) const fn options(settings: &PortfolioSettings) -> ReportOptions {
    ReportOptions {
        method: settings.method,
        scope: settings.scope,
        fees_in_kind: settings.fees_in_kind,
        jurisdiction: None,
        year: None,
        history: false,
    }
}

/// Prices of the market, and where there are none those that imports brought.
fn merged(own: &Prices, market: &Prices) -> Prices {
    let mut all = own.clone();
    all.extend(market);
    all
}

/// Changes that make the one table of prices the other.
fn differences(old: &Prices, new: &Prices) -> Vec<PriceChange> {
    let mut changes = Vec::new();
    let mut differ = |asset: &str, old: &[(NaiveDate, Decimal)], new: &[(NaiveDate, Decimal)]| {
        let before: BTreeMap<_, _> = old.iter().copied().collect();
        let after: BTreeMap<_, _> = new.iter().copied().collect();
        let days: BTreeSet<NaiveDate> = before.keys().chain(after.keys()).copied().collect();
        changes.extend(
            days.into_iter()
                .map(|day| (day, before.get(&day), after.get(&day)))
                .filter(|(_, before, after)| before != after)
                .map(|(day, _, after)| PriceChange {
                    asset: asset.to_owned(),
                    day,
                    price: after.copied(),
                }),
        );
    };
    for (asset, series) in new.assets() {
        let before = old.of(asset).map_or(&[][..], |series| series.days());
        if before != series.days() {
            differ(asset, before, series.days());
        }
    }
    for (asset, series) in old.assets() {
        if new.of(asset).is_none() {
            differ(asset, series.days(), &[]);
        }
    }
    changes
}

/// Figures that prices do not change, and those that the day is compared with.
fn anchor(summary: &Summary, days: &[DayValue], today: NaiveDate) -> Anchor {
    let explained = summary.unexplained.is_some_and(Money::is_zero);
    let invested = summary.value.zip(summary.unrealized);
    let invested = invested.filter(|_| explained);
    let before = days.partition_point(|day| day.day.date() < today);
    let yesterday = match before.checked_sub(1) {
        Some(last) => days[last].value,
        None => Some(Money::ZERO),
    };
    let of_today = days.get(before).filter(|day| day.day.date() == today);
    Anchor {
        invested: invested.map(|(value, unrealized)| value - unrealized),
        yesterday,
        flow: of_today.map_or(Some(Money::ZERO), |day| day.flow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn price(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn the_differences_make_one_table_the_other() {
        let mut old = Prices::default();
        old.set("bitcoin", day("2026-01-01"), price("1"));
        old.set("bitcoin", day("2026-01-02"), price("2"));
        old.set("gone", day("2026-01-02"), price("9"));
        let mut new = Prices::default();
        new.set("bitcoin", day("2026-01-02"), price("2.5"));
        new.set("bitcoin", day("2026-01-03"), price("3"));
        new.set("new", day("2026-01-03"), price("4"));
        let change = |asset: &str, at: &str, to: Option<&str>| PriceChange {
            asset: asset.to_owned(),
            day: day(at),
            price: to.map(price),
        };
        assert_eq!(
            differences(&old, &new),
            [
                change("bitcoin", "2026-01-01", None),
                change("bitcoin", "2026-01-02", Some("2.5")),
                change("bitcoin", "2026-01-03", Some("3")),
                change("new", "2026-01-03", Some("4")),
                change("gone", "2026-01-02", None),
            ]
        );
        assert!(differences(&new, &new).is_empty());
    }
}
