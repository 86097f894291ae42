//! Correlation of the daily returns of assets (Pearson), over the days on which both have a price of their own and of
//! the day before.

use serde::Serialize;

use crate::analysis::shown;
use crate::performance::{Figure, NoFigure};
use crate::prices::{PriceSeries, Prices};

/// The most assets of a matrix; each of them has one with each.
pub const MOST_CORRELATED: usize = 50;

/// A matrix of correlations.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Correlation {
    /// Its rows and columns.
    pub assets: Vec<String>,
    /// By row, then column; 1 for an asset with itself.
    pub matrix: Vec<Vec<Option<String>>>,
    /// Why one is not there.
    pub reasons: Vec<Vec<Option<String>>>,
    /// Number of common days each rests on.
    pub days: Vec<Vec<usize>>,
}

/// The correlations of assets, at most [`MOST_CORRELATED`] of them; those after are left out.
#[must_use]
pub fn correlation(
    prices: &Prices,
    assets: &[&str],
    from: chrono::NaiveDate,
    to: chrono::NaiveDate,
) -> Correlation {
    let assets = &assets[..assets.len().min(MOST_CORRELATED)];
    let returns: Vec<_> = assets
        .iter()
        .map(|asset| returns(prices.of(asset), from, to))
        .collect();
    let mut found = Correlation {
        assets: assets.iter().map(|&asset| asset.to_owned()).collect(),
        ..Correlation::default()
    };
    for a in &returns {
        let row: Vec<_> = returns.iter().map(|b| pearson(a, b)).collect();
        found.days.push(row.iter().map(|(_, days)| *days).collect());
        let (figures, reasons) = row.into_iter().map(|(figure, _)| shown(figure)).unzip();
        found.matrix.push(figures);
        found.reasons.push(reasons);
    }
    found
}

/// The returns of the days that have a price on the day before, by day.
fn returns(
    series: Option<&PriceSeries>,
    from: chrono::NaiveDate,
    to: chrono::NaiveDate,
) -> Vec<(chrono::NaiveDate, f64)> {
    let days = series.map_or(&[][..], PriceSeries::days);
    let start = days.partition_point(|&(day, _)| day < from);
    let end = days.partition_point(|&(day, _)| day <= to);
    let pairs = days[start..end.max(start)].windows(2);
    pairs
        .filter(|pair| pair[0].0.succ_opt() == Some(pair[1].0) && pair[0].1.is_positive())
        .map(|pair| (pair[1].0, pair[1].1.to_f64() / pair[0].1.to_f64() - 1.0))
        .collect()
}

fn pearson(a: &[(chrono::NaiveDate, f64)], b: &[(chrono::NaiveDate, f64)]) -> (Figure, usize) {
    let mut common = Vec::new();
    let mut others = b.iter().peekable();
    for &(day, x) in a {
        while others.next_if(|(other, _)| *other < day).is_some() {}
        if let Some(&(_, y)) = others.next_if(|(other, _)| *other == day) {
            common.push((x, y));
        }
    }
    (coefficient(&common), common.len())
}

#[allow(clippy::cast_precision_loss, reason = "a count of days")]
fn coefficient(common: &[(f64, f64)]) -> Figure {
    if common.len() < 2 {
        return Err(NoFigure::TooFewReturns);
    }
    let count = common.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| common.iter().map(of).sum::<f64>() / count;
    let (x_mean, y_mean) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in common {
        let (x, y) = (x - x_mean, y - y_mean);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    if xx <= 1e-24 || yy <= 1e-24 {
        return Err(NoFigure::Flat);
    }
    Ok((xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}
