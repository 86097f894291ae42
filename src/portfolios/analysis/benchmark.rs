//! The same money somewhere else: each deposit buys the benchmark at the closing price of its day, each
//! withdrawal sells of it in proportion. A mix is bought by its weights and then left alone.

use serde::Serialize;

use crate::analysis::{WeightsError, check_weights, prices_in, shown};
use crate::decimal::Decimal;
use crate::ledger::Ledger;
use crate::money::Money;
use crate::performance::{DayValue, NoFigure, max_drawdown, xirr};
use crate::report::ratio;

/// A benchmark with the flows of a portfolio.
#[derive(Debug, Clone, Serialize)]
pub struct Benchmark {
    /// Its assets with their weights.
    pub weights: Vec<(String, Decimal)>,
    /// Value of the same deposits and withdrawals.
    pub value: Option<String>,
    /// Why that is not known.
    pub value_reason: Option<String>,
    /// The portfolio's value less that.
    pub difference: Option<String>,
    /// The yearly rate of the same flows.
    pub xirr: Option<String>,
    /// Why there is none.
    pub xirr_reason: Option<String>,
    /// The return of the benchmark itself, from the first day of the portfolio on, whatever flowed.
    pub twr: Option<String>,
    /// Why there is none.
    pub twr_reason: Option<String>,
    /// The deepest fall of the benchmark itself.
    pub max_drawdown: Option<String>,
    /// Why there is none.
    pub max_drawdown_reason: Option<String>,
    /// Value and index of each day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<BenchmarkDay>,
}

/// The end of a day.
#[derive(Debug, Clone, Serialize)]
pub struct BenchmarkDay {
    /// The day.
    pub date: String,
    /// Value of the flows up to then.
    pub value: Option<String>,
    /// The benchmark itself, 1 on the first day.
    pub index: Option<String>,
}

/// Compares the days of a portfolio with one asset, or a mix of several.
///
/// # Errors
/// If the weights are no whole.
pub fn benchmark(
    ledger: &Ledger<'_>,
    days: &[DayValue],
    weights: &[(String, Decimal)],
    with_history: bool,
) -> Result<Benchmark, WeightsError> {
    benchmark_in(ledger, days, weights, with_history, ledger.currency)
}

/// Compares in another currency or coin, which the values of the days are in.
///
/// # Errors
/// If the weights are no whole.
pub fn benchmark_in(
    ledger: &Ledger<'_>,
    days: &[DayValue],
    weights: &[(String, Decimal)],
    with_history: bool,
    currency: &str,
) -> Result<Benchmark, WeightsError> {
    check_weights(weights)?;
    let parts: Vec<(f64, Vec<Option<f64>>)> = weights
        .iter()
        .filter(|(_, weight)| weight.is_positive())
        .map(|(asset, weight)| (weight.to_f64(), prices_in(ledger, asset, currency, days)))
        .collect();
    let index = index(&parts, days.len());
    let values = values(&parts, days);
    let last = values.last().copied().unwrap_or(Err(NoFigure::NoCapital));
    let (value, value_reason) = shown(last);
    let rate = last.and_then(|end| {
        let first = days.first().map_or(0, |day| day.day.0);
        let flows = days.iter().filter_map(|day| {
            let flow = day.flow.map(Money::to_f64)?;
            Some((day.day.0 - first, -flow))
        });
        let last = days.last().map_or(0, |day| day.day.0 - first);
        xirr(&flows.chain([(last, end)]).collect::<Vec<_>>()).rate
    });
    let (xirr, xirr_reason) = shown(rate);
    let known: Option<Vec<f64>> = index.iter().copied().collect();
    let known = known.filter(|index| !index.is_empty());
    let known = known.ok_or(if days.is_empty() {
        NoFigure::NoCapital
    } else {
        NoFigure::BenchmarkUnpriced
    });
    let (twr, twr_reason) = shown(
        known
            .as_ref()
            .map_err(|reason| *reason)
            .map(|index| index.last().map_or(0.0, |last| last - 1.0)),
    );
    let (drawdown, max_drawdown_reason) = shown(known.map(|index| max_drawdown(&index)));
    let own = days.last().and_then(|day| day.value).map(Money::to_f64);
    let history = days
        .iter()
        .zip(&values)
        .zip(&index)
        .map(|((day, value), index)| BenchmarkDay {
            date: day.day.date().to_string(),
            value: value.ok().map(ratio),
            index: index.map(ratio),
        });
    Ok(Benchmark {
        weights: weights.to_vec(),
        difference: own.zip(last.ok()).map(|(own, other)| ratio(own - other)),
        value,
        value_reason,
        xirr,
        xirr_reason,
        twr,
        twr_reason,
        max_drawdown: drawdown,
        max_drawdown_reason,
        history: if with_history {
            history.collect()
        } else {
            Vec::new()
        },
    })
}

/// Value on each day of one unit of money put in on the first day.
fn index(parts: &[(f64, Vec<Option<f64>>)], days: usize) -> Vec<Option<f64>> {
    (0..days)
        .map(|day| {
            parts
                .iter()
                .map(|(weight, prices)| {
                    let first = prices[0].filter(|price| *price > 0.0)?;
                    Some(weight * prices[day]? / first)
                })
                .sum()
        })
        .collect()
}

/// Value of the flows on each day. From the first one on that cannot be followed, nothing is known.
fn values(parts: &[(f64, Vec<Option<f64>>)], days: &[DayValue]) -> Vec<Result<f64, NoFigure>> {
    let mut units = vec![0.0; parts.len()];
    let mut failed = None;
    (0..)
        .zip(days)
        .map(|(number, day)| {
            let worth = |units: &[f64]| -> Option<f64> {
                let parts = parts.iter().zip(units);
                parts
                    .map(|((_, prices), units)| {
                        if *units == 0.0 {
                            Some(0.0)
                        } else {
                            prices[number].map(|price| units * price)
                        }
                    })
                    .sum()
            };
            if let Some(reason) = failed {
                return Err(reason);
            }
            let step: Result<f64, NoFigure> = (|| {
                let flow = day.flow.map(Money::to_f64).ok_or(NoFigure::NoFlowValue)?;
                let before = worth(&units).ok_or(NoFigure::BenchmarkUnpriced)?;
                if flow > 0.0 {
                    for (units, (weight, prices)) in units.iter_mut().zip(parts) {
                        let price = prices[number].filter(|price| *price > 0.0);
                        *units += flow * weight / price.ok_or(NoFigure::BenchmarkUnpriced)?;
                    }
                } else if flow < 0.0 {
                    let kept = 1.0 + flow / before;
                    if kept < -1e-9 {
                        return Err(NoFigure::BenchmarkEmpty);
                    }
                    for units in &mut units {
                        *units *= kept.max(0.0);
                    }
                }
                worth(&units).ok_or(NoFigure::BenchmarkUnpriced)
            })();
            failed = step.err();
            step
        })
        .collect()
}
