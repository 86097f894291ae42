//! Prices of coins when nothing but their rows is known.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::entry::{Entry, Second};
use crate::ledger::is_money;

/// About what coins were worth, from the trades of the file itself: to tell large from small, never to book.
pub(super) struct Rates(BTreeMap<String, BTreeMap<DateTime<Utc>, f64>>);

impl Rates {
    pub(super) fn of(
        trades: &[(Second, Vec<Entry>)],
        pairs: &BTreeMap<[String; 2], BTreeMap<DateTime<Utc>, Vec<Entry>>>,
    ) -> Self {
        let mut rates = Self(BTreeMap::new());
        let all = trades.iter().map(|(second, entries)| (second.1, entries));
        let all: Vec<_> = all
            .chain(
                pairs
                    .values()
                    .flatten()
                    .map(|(time, entries)| (*time, entries)),
            )
            .collect();
        // The second time for what is only traded against coins.
        for _ in 0..2 {
            for (time, entries) in &all {
                rates.learn(*time, entries);
            }
        }
        rates
    }

    fn learn(&mut self, time: DateTime<Utc>, entries: &[Entry]) {
        let coins: std::collections::BTreeSet<&str> =
            entries.iter().map(|entry| entry.coin.as_str()).collect();
        let (Some(one), Some(other), 2) = (coins.first(), coins.last(), coins.len()) else {
            return;
        };
        let total = |coin: &str| -> f64 {
            entries
                .iter()
                .filter(|entry| entry.coin == coin)
                .map(|entry| entry.change.to_f64().abs())
                .sum()
        };
        for (coin, quote) in [(*one, *other), (*other, *one)] {
            if let Some(price) = self.value(quote, time)
                && total(coin) > 0.0
            {
                let value = price * total(quote) / total(coin);
                self.0
                    .entry(coin.to_owned())
                    .or_default()
                    .entry(time)
                    .or_insert(value);
            }
        }
    }

    /// Value of one of a coin near a time, all money taken as one.
    pub(super) fn value(&self, coin: &str, time: DateTime<Utc>) -> Option<f64> {
        if is_money(coin)
            || matches!(
                coin,
                "USDT" | "USDC" | "BUSD" | "TUSD" | "FDUSD" | "DAI" | "USDP"
            )
        {
            return Some(1.0);
        }
        let times = self.0.get(coin)?;
        let before = times.range(..=time).next_back();
        before
            .or_else(|| times.range(time..).next())
            .map(|(_, value)| *value)
    }
}
