//! Comparisons and breakdowns of a computed portfolio: next to a benchmark, by asset, account and category,
//! as correlations, and against a target. They read values and prices; they know nothing of lots.

mod allocation;
mod benchmark;
mod contribution;
mod correlation;
mod request;
mod target;

pub use allocation::{Allocation, Quantities, Share, allocation, category_of};
pub use benchmark::{Benchmark, BenchmarkDay, benchmark, benchmark_in};
pub use contribution::{Contribution, contribution, contribution_in};
pub use correlation::{Correlation, MOST_CORRELATED, correlation};
pub use request::{Analysis, AnalysisError, AnalysisRequest};
pub use target::{Target, TargetLine, target};

use crate::decimal::Decimal;
use crate::ledger::{Day, Ledger};
use crate::performance::{DayValue, Figure, NoFigure};
use crate::prices::Prices;
use crate::report::ratio;

/// The most assets of a mix or a target.
pub const MOST_WEIGHTS: usize = 100;

/// Why weights make no mix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// None, or too many.
    #[error("{0} assets: give 1 to {MOST_WEIGHTS}")]
    Count(usize),
    /// Twice the same.
    #[error("{0} occurs twice")]
    Twice(String),
    /// Below zero.
    #[error("the weight of {0} is below zero")]
    Negative(String),
    /// They are no whole.
    #[error("the weights add up to {0}, not to 1")]
    Sum(String),
}

/// Checks that weights are a whole.
fn check_weights(weights: &[(String, Decimal)]) -> Result<(), WeightsError> {
    if weights.is_empty() || weights.len() > MOST_WEIGHTS {
        return Err(WeightsError::Count(weights.len()));
    }
    let mut sum = Some(Decimal::ZERO);
    for (number, (asset, weight)) in weights.iter().enumerate() {
        if weights[..number].iter().any(|(other, _)| other == asset) {
            return Err(WeightsError::Twice(asset.clone()));
        }
        if weight.is_negative() {
            return Err(WeightsError::Negative(asset.clone()));
        }
        sum = sum.and_then(|sum| sum.checked_add(*weight));
    }
    match sum {
        Some(sum) if sum == Decimal::ONE => Ok(()),
        Some(sum) => Err(WeightsError::Sum(sum.normalized().to_string())),
        None => Err(WeightsError::Sum("more than 10^20".to_owned())),
    }
}

/// A figure as text, and the reason where there is none.
fn shown(figure: Figure) -> (Option<String>, Option<String>) {
    match figure {
        Ok(value) if value.is_finite() => (Some(ratio(value)), None),
        Ok(_) => (None, Some(NoFigure::NoRoot.to_string())),
        Err(reason) => (None, Some(reason.to_string())),
    }
}

/// The price of an asset on each of some days, or the last before it; none before its first.
fn daily_prices(
    prices: &Prices,
    asset: &str,
    base: &str,
    days: impl Iterator<Item = Day>,
) -> Vec<Option<f64>> {
    if asset == base {
        return days.map(|_| Some(1.0)).collect();
    }
    let series = prices.of(asset).map_or(&[][..], |series| series.days());
    let mut next = 0;
    days.map(|day| {
        let date = day.date();
        while series.get(next).is_some_and(|&(known, _)| known <= date) {
            next += 1;
        }
        next.checked_sub(1).map(|last| series[last].1.to_f64())
    })
    .collect()
}

/// The prices of an asset in a currency or coin, of which there are prices, on each of some days.
fn prices_in(
    ledger: &Ledger<'_>,
    asset: &str,
    currency: &str,
    days: &[DayValue],
) -> Vec<Option<f64>> {
    let daily = |asset| {
        let at = days.iter().map(|day| day.day);
        daily_prices(ledger.prices, asset, ledger.currency, at)
    };
    let prices = daily(asset);
    if currency == ledger.currency {
        return prices;
    }
    let rates = daily(currency).into_iter();
    let both = prices.into_iter().zip(rates);
    both.map(|(price, rate)| Some(price? / rate.filter(|rate| *rate > 0.0)?))
        .collect()
}
