//! Risk, on daily time-weighted returns and never on values. A year has 365 days: coins trade daily.

use crate::performance::{Figure, NoFigure};

/// Days by whose square root daily figures are annualised.
const DAYS: f64 = 365.0;
/// Below this many returns a figure says little.
pub const FEW: usize = 30;

#[allow(clippy::cast_precision_loss, reason = "counts of days")]
fn count(returns: &[f64]) -> f64 {
    returns.len() as f64
}

/// The mean of daily returns.
pub(crate) fn mean(returns: &[f64]) -> f64 {
    returns.iter().sum::<f64>() / count(returns)
}

/// The sample standard deviation of daily returns.
pub(crate) fn deviation(returns: &[f64]) -> Figure {
    if returns.len() < 2 {
        return Err(NoFigure::TooFewReturns);
    }
    let mean = mean(returns);
    let squares: f64 = returns.iter().map(|value| (value - mean).powi(2)).sum();
    Ok((squares / (count(returns) - 1.0)).sqrt())
}

/// Annualised volatility.
///
/// # Errors
/// If there are fewer than two returns.
pub fn volatility(returns: &[f64]) -> Figure {
    deviation(returns).map(|sigma| sigma * DAYS.sqrt())
}

/// Annualised Sharpe ratio over a daily risk-free rate.
///
/// # Errors
/// If there are too few returns, or they do not vary.
pub fn sharpe(returns: &[f64], risk_free: f64) -> Figure {
    let sigma = deviation(returns)?;
    if sigma <= f64::EPSILON {
        return Err(NoFigure::Flat);
    }
    Ok((mean(returns) - risk_free) / sigma * DAYS.sqrt())
}

/// The deviation below the risk-free rate, over all returns.
pub(crate) fn downside(returns: &[f64], risk_free: f64) -> f64 {
    let below = |value: &f64| (value - risk_free).min(0.0).powi(2);
    (returns.iter().map(below).sum::<f64>() / count(returns)).sqrt()
}

/// Annualised Sortino ratio; the downside deviation is over all returns.
///
/// # Errors
/// If there are too few returns, or no day was below the risk-free rate.
pub fn sortino(returns: &[f64], risk_free: f64) -> Figure {
    if returns.len() < 2 {
        return Err(NoFigure::TooFewReturns);
    }
    let downside = downside(returns, risk_free);
    if downside <= f64::EPSILON {
        return Err(NoFigure::NoDownside);
    }
    Ok((mean(returns) - risk_free) / downside * DAYS.sqrt())
}

/// The number of worst returns beyond a level: ⌊n(1 − level)⌋ + 1.
pub(crate) fn worst(returns: &[f64], level: f64) -> usize {
    // 10 × (1 − 0.9) is a little below 1.
    let share = count(returns) * (1.0 - level) + 1e-9;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most n"
    )]
    let k = share.floor().max(0.0) as usize + 1;
    k.min(returns.len())
}

/// Historical value at risk and expected shortfall of one day at a level such as 0.95: the k-th worst
/// return and the mean of the k worst, k = ⌊n(1 − level)⌋ + 1, as positive losses (Acerbi and Tasche).
///
/// # Errors
/// If there are fewer than two returns.
pub fn tail(returns: &[f64], level: f64) -> Result<(f64, f64), NoFigure> {
    if returns.len() < 2 {
        return Err(NoFigure::TooFewReturns);
    }
    let mut sorted = returns.to_vec();
    let k = worst(returns, level);
    sorted.select_nth_unstable_by(k - 1, f64::total_cmp);
    let worst = &mut sorted[..k];
    worst.sort_by(f64::total_cmp);
    Ok((-worst[k - 1], -mean(worst)))
}

/// Concentration: the sum of squares of the weights, 1 for a single holding.
///
/// # Errors
/// If nothing is held.
pub fn concentration(values: &[f64]) -> Figure {
    let sum: f64 = values.iter().filter(|value| **value > 0.0).sum();
    if sum <= 0.0 {
        return Err(NoFigure::NoCapital);
    }
    let positive = values.iter().filter(|value| **value > 0.0);
    Ok(positive.map(|value| (value / sum).powi(2)).sum())
}
