//! Closing prices of days. A day without a price uses the last before it; an asset without any has
//! none, and nothing is made up for it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::decimal::Decimal;

/// Closing prices of assets in one currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    by_asset: BTreeMap<String, PriceSeries>,
}

/// The closing prices of one asset, by day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceSeries {
    /// Ascending, each day once.
    days: Vec<(NaiveDate, Decimal)>,
}

impl Prices {
    /// Sets the price of a day, in place of an earlier one.
    pub fn set(&mut self, asset: &str, day: NaiveDate, price: Decimal) {
        if let Some(series) = self.by_asset.get_mut(asset) {
            series.set(day, price);
        } else {
            let mut series = PriceSeries::default();
            series.set(day, price);
            self.by_asset.insert(asset.to_owned(), series);
        }
    }

    /// Sets the price of a day or takes it out; gives back the one that was there.
    pub fn change(
        &mut self,
        asset: &str,
        day: NaiveDate,
        price: Option<Decimal>,
    ) -> Option<Decimal> {
        let series = self.by_asset.get_mut(asset);
        let found = series.and_then(|series| {
            let at = series.position(day).ok()?;
            let old = series.days[at].1;
            if price.is_none() {
                series.days.remove(at);
            }
            Some(old)
        });
        if let Some(price) = price {
            self.set(asset, day, price);
        }
        found
    }

    /// Takes over every price of another table.
    pub fn extend(&mut self, other: &Self) {
        for (asset, series) in &other.by_asset {
            for &(day, price) in &series.days {
                self.set(asset, day, price);
            }
        }
    }

    /// The prices of an asset, if it has any.
    #[must_use]
    pub fn of(&self, asset: &str) -> Option<&PriceSeries> {
        self.by_asset.get(asset)
    }

    /// The assets that have prices, in order.
    pub fn assets(&self) -> impl Iterator<Item = (&str, &PriceSeries)> {
        self.by_asset
            .iter()
            .map(|(asset, series)| (asset.as_str(), series))
    }

    /// Nothing has a price.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_asset.is_empty()
    }

    /// The last day with any price.
    #[must_use]
    pub fn last_day(&self) -> Option<NaiveDate> {
        self.by_asset
            .values()
            .filter_map(|series| series.days.last())
            .map(|&(day, _)| day)
            .max()
    }
}

impl PriceSeries {
    fn set(&mut self, day: NaiveDate, price: Decimal) {
        match self.days.last() {
            Some(&(last, _)) if last >= day => match self.position(day) {
                Ok(at) => self.days[at].1 = price,
                Err(at) => self.days.insert(at, (day, price)),
            },
            _ => self.days.push((day, price)),
        }
    }

    fn position(&self, day: NaiveDate) -> Result<usize, usize> {
        self.days.binary_search_by_key(&day, |&(day, _)| day)
    }

    /// The price of a day, or the last before it.
    #[must_use]
    pub fn on(&self, day: NaiveDate) -> Option<Decimal> {
        let after = self.days.partition_point(|&(known, _)| known <= day);
        after.checked_sub(1).map(|at| self.days[at].1)
    }

    /// Every day with a price, ascending.
    #[must_use]
    pub fn days(&self) -> &[(NaiveDate, Decimal)] {
        &self.days
    }
}
