//! Exponential smoothing of the log price: `augurs` selects among no, a steady and a damped trend and
//! fits the parameters; one candle is then one step of the recursion in error-correction form
//! (Hyndman et al., Forecasting with Exponential Smoothing, 2008, chapter 2).

use std::ops::Range;

use augurs::ets::AutoETS;
use augurs::{Fit as _, Predict as _};
use serde::{Deserialize, Serialize};

use crate::fit_error::{FitError, ModelName};
use crate::fitted::Fitted;
use crate::prepared::Prepared;

/// Candles it is fitted on at most, the newest: older ones change the parameters little.
const MAX_CANDLES: usize = 1_000;
/// Candles it needs.
const MIN_CANDLES: usize = 30;

/// A fitted smoothing of the log price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ets {
    /// Share of an error that enters the level.
    pub alpha: f64,
    /// Share of an error that enters the slope.
    pub beta: f64,
    /// Part of the slope that remains a candle later.
    pub damping: f64,
    /// The slope to start from.
    pub slope: f64,
}

/// Level and slope of the log price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EtsState {
    level: Option<f64>,
    slope: f64,
}

impl EtsState {
    /// Checks that all values are numbers.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self) -> Result<(), String> {
        if self.slope.is_finite() && self.level.is_none_or(f64::is_finite) {
            Ok(())
        } else {
            Err("the smoothing's level or slope is not finite".to_owned())
        }
    }
}

impl Ets {
    /// Before the first candle.
    #[must_use]
    pub const fn start(&self) -> EtsState {
        EtsState {
            level: None,
            slope: self.slope,
        }
    }

    /// Takes one candle's log price.
    pub fn step(&self, state: &mut EtsState, log_price: f64) {
        let Some(level) = state.level else {
            state.level = Some(log_price);
            return;
        };
        let expected = level + self.damping * state.slope;
        let error = log_price - expected;
        state.level = Some(expected + self.alpha * error);
        state.slope = self.damping * state.slope + self.beta * error;
    }

    /// The expected log returns from the last log price.
    pub fn forecast(&self, state: &EtsState, log_price: f64, horizons: &[usize], out: &mut [f64]) {
        let level = state.level.unwrap_or(log_price);
        for (out, &horizon) in out.iter_mut().zip(horizons) {
            *out = level - log_price + state.slope * self.damped_sum(horizon);
        }
    }

    /// `d + d² + … + d^horizon`.
    fn damped_sum(&self, horizon: usize) -> f64 {
        let mut sum = 0.0;
        let mut power = 1.0;
        for _ in 0..horizon {
            power *= self.damping;
            sum += power;
        }
        sum
    }
}

/// Selects and fits on the newest unbroken stretch of the training part.
///
/// # Errors
/// When it is too short, or no model fits.
pub fn fit(data: &Prepared, train: Range<usize>) -> Result<Fitted, FitError> {
    let newest = data
        .series()
        .runs()
        .iter()
        .rev()
        .map(|run| run.start.max(train.start)..run.end.min(train.end))
        .find(|run| run.len() >= MIN_CANDLES)
        .ok_or(FitError::TooShort {
            model: ModelName::AutoEts,
            found: train.len(),
            needed: MIN_CANDLES,
        })?;
    let newest = newest.start.max(newest.end.saturating_sub(MAX_CANDLES))..newest.end;
    // Around zero: the level's size means nothing to an additive model, but much to its optimiser.
    let first = data.series().bars()[newest.start].close.ln();
    let prices: Vec<f64> = data.series().bars()[newest]
        .iter()
        .map(|bar| bar.close.ln() - first)
        .collect();
    let failed = |reason: String| FitError::Numerics {
        model: ModelName::AutoEts,
        reason,
    };
    let model = AutoETS::new(1, "AZN")
        .and_then(|search| search.fit(&prices))
        .map_err(|error| failed(error.to_string()))?;
    let fitted = model
        .predict_in_sample(None)
        .map_err(|error| failed(error.to_string()))?
        .point;
    let ahead = model
        .predict(2, None)
        .map_err(|error| failed(error.to_string()))?
        .point;
    let kind = model.model();
    let trend = kind.model_type().trend.included();
    recover(&prices, &fitted, &ahead, trend, kind.damped())
        .map(Fitted::AutoEts)
        .ok_or_else(|| failed("its parameters cannot be determined from its forecasts".to_owned()))
}

/// `augurs` keeps the parameters to itself, but its one-step forecasts `f` and their errors `e` give
/// them away exactly: `g(t) = d·g(t-1) + (α + d·β)·e(t) - d·α·e(t-1)`, where `g(t) = f(t+1) - f(t)`.
fn recover(
    prices: &[f64],
    fitted: &[f64],
    ahead: &[f64],
    trend: bool,
    damped: bool,
) -> Option<Ets> {
    let error: Vec<f64> = prices.iter().zip(fitted).map(|(y, f)| y - f).collect();
    let mut forecasts = fitted.to_vec();
    forecasts.push(*ahead.first()?);
    let moves: Vec<f64> = forecasts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let rows = 1..moves.len();
    let ets = if !trend {
        let [alpha] = solve(rows.map(|t| ([error[t]], moves[t])))?;
        Ets {
            alpha,
            beta: 0.0,
            damping: 0.0,
            slope: 0.0,
        }
    } else {
        let (damping, now, before) = if damped {
            let [damping, now, before] =
                solve(rows.map(|t| ([moves[t - 1], error[t], error[t - 1]], moves[t])))?;
            (damping, now, before)
        } else {
            let [now, before] =
                solve(rows.map(|t| ([error[t], error[t - 1]], moves[t] - moves[t - 1])))?;
            (1.0, now, before)
        };
        let alpha = -before / damping;
        let beta = (now - alpha) / damping;
        Ets {
            alpha,
            beta,
            damping,
            slope: (ahead.first()? - fitted.last()? - alpha * error.last()?) / damping,
        }
    };
    let sound = [ets.alpha, ets.beta, ets.damping].map(|v| (-1e-6..=1.0 + 1e-6).contains(&v));
    (sound == [true; 3] && ets.slope.is_finite()).then_some(ets)
}

/// Least squares of a few unknowns, by the normal equations; nothing if they are degenerate.
fn solve<const N: usize>(rows: impl Iterator<Item = ([f64; N], f64)>) -> Option<[f64; N]> {
    let mut products = [[0.0; N]; N];
    let mut right = [0.0; N];
    for (row, target) in rows {
        for i in 0..N {
            for j in 0..N {
                products[i][j] += row[i] * row[j];
            }
            right[i] += row[i] * target;
        }
    }
    // Gaussian elimination with the largest pivot.
    for column in 0..N {
        let pivot = (column..N).max_by(|&a, &b| {
            products[a][column]
                .abs()
                .total_cmp(&products[b][column].abs())
        })?;
        products.swap(column, pivot);
        right.swap(column, pivot);
        if products[column][column].abs() < 1e-300 {
            return None;
        }
        for below in column + 1..N {
            let factor = products[below][column] / products[column][column];
            let pivot = products[column];
            for (value, pivot) in products[below].iter_mut().zip(pivot).skip(column) {
                *value -= factor * pivot;
            }
            right[below] -= factor * right[column];
        }
    }
    for row in (0..N).rev() {
        for known in row + 1..N {
            right[row] -= products[row][known] * right[known];
        }
        right[row] /= products[row][row];
    }
    right.iter().all(|value| value.is_finite()).then_some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wandering level with a slope that comes and goes.
    fn prices() -> Vec<f64> {
        let mut state = 7_u64;
        let (mut level, mut slope) = (0.0, 0.01);
        (0..300)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                let noise = (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
                slope = 0.9 * slope + 0.01 * noise;
                level += slope + 0.02 * noise;
                level
            })
            .collect()
    }

    #[test]
    fn stepping_goes_on_as_the_fitted_model_would() {
        let prices = prices();
        let mut compared = 0;
        for (kind, damped) in [("ANN", false), ("AAN", false), ("AAN", true)] {
            let mut search = AutoETS::new(1, kind).expect("a kind");
            if kind == "AAN" {
                search = search.damped(damped).expect("a trend");
            }
            // Its optimiser does not find parameters of every kind for these prices.
            let Ok(model) = search.fit(&prices) else {
                continue;
            };
            compared += 1;
            let fitted = model.predict_in_sample(None).expect("forecasts").point;
            let ahead = model.predict(5, None).expect("forecasts").point;
            let ets = recover(&prices, &fitted, &ahead, kind == "AAN", damped).expect("recovered");
            // From the model's own first level and slope, its forecasts come out.
            let slope = if ets.damping > 0.0 {
                (fitted[1] - fitted[0] - ets.alpha * (prices[0] - fitted[0])) / ets.damping
                    - ets.beta * (prices[0] - fitted[0])
            } else {
                0.0
            };
            let mut state = EtsState {
                level: Some(fitted[0] - slope),
                slope: slope / ets.damping.max(f64::MIN_POSITIVE),
            };
            for price in &prices {
                ets.step(&mut state, *price);
            }
            let last = prices[prices.len() - 1];
            let mut out = [0.0; 2];
            ets.forecast(&state, last, &[1, 5], &mut out);
            assert!(
                (last + out[0] - ahead[0]).abs() < 1e-7,
                "{kind} {damped}: {out:?} {ahead:?}"
            );
            // Damped, augurs adds the first step of the slope twice from two candles ahead on.
            assert!(
                damped || (last + out[1] - ahead[4]).abs() < 1e-6,
                "{kind} {damped}: {out:?} {ahead:?}"
            );
        }
        assert!(compared > 0);
    }
}
