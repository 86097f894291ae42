//! Ridge and elastic net on the features that the network sees, one regression a horizon. How strongly
//! they are penalised is chosen inside the training part.

use std::ops::Range;

use linfa::Dataset;
use linfa::traits::Fit as _;
use linfa_elasticnet::ElasticNet as LinfaNet;
use ndarray::{Array1, Array2, ShapeBuilder};
use serde::{Deserialize, Serialize};

use crate::features::{FEATURES, FeatureRow, Scaler};
use crate::fit_error::{FitError, ModelName};
use crate::fitted::Fitted;
use crate::prepared::Prepared;

/// Outcomes needed to fit.
const MIN_ROWS: usize = 40;
/// Parts of the training part, each held out once, to choose the penalty.
const PARTS: usize = 4;
/// Penalties tried, strongest first.
const PENALTIES: [f64; 8] = [100.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01];
/// The elastic net's share of the absolute penalty, and its penalties, strongest first.
const L1_SHARE: f64 = 0.5;
const NET_PENALTIES: [f64; 8] = [0.5, 0.3, 0.2, 0.12, 0.07, 0.04, 0.02, 0.01];
/// Outcomes, in units of their expected deviation, are cut off here when learning.
const CLIP: f64 = 5.0;

/// A fitted linear model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    name: ModelName,
    scaler: Scaler,
    /// Per horizon.
    weights: Vec<Weights>,
}

/// A plane over the scaled features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Weights {
    slopes: Vec<f64>,
    intercept: f64,
}

impl Weights {
    fn at(&self, row: &[f32; FEATURES]) -> f64 {
        let sum: f64 = self
            .slopes
            .iter()
            .zip(row)
            .map(|(slope, value)| slope * f64::from(*value))
            .sum();
        self.intercept + sum
    }
}

impl Linear {
    /// Ridge or elastic net.
    #[must_use]
    pub const fn name(&self) -> ModelName {
        self.name
    }

    /// Returns whether it has finite planes of the right size for so many horizons: one read from a file must.
    #[must_use]
    pub fn is_valid(&self, horizons: usize) -> bool {
        let sound = |weights: &Weights| {
            weights.slopes.len() == FEATURES
                && weights.intercept.is_finite()
                && weights.slopes.iter().all(|slope| slope.is_finite())
        };
        matches!(self.name, ModelName::Ridge | ModelName::ElasticNet)
            && self.scaler.is_valid()
            && self.weights.len() == horizons
            && self.weights.iter().all(sound)
    }

    /// The expected log return over each horizon.
    pub fn forecast(&self, row: &FeatureRow, horizons: &[usize], out: &mut [f64]) {
        let scaled = self.scaler.apply(row);
        for ((out, weights), &horizon) in out.iter_mut().zip(&self.weights).zip(horizons) {
            *out = weights.at(&scaled) * row.volatility * (horizon as f64).sqrt();
        }
    }
}

/// A scaled row, its place, and its outcome.
struct Example {
    index: usize,
    row: [f32; FEATURES],
    target: f64,
}

/// Fits ridge or elastic net on outcomes realised before the training part ends.
///
/// # Errors
/// When the outcomes are too few or the arithmetic fails.
pub fn fit(
    name: ModelName,
    data: &Prepared,
    train: Range<usize>,
    horizons: &[usize],
) -> Result<Fitted, FitError> {
    let rows = data.rows()[train.clone()].iter().flatten();
    let scaler = Scaler::fit(rows);
    let weights = horizons
        .iter()
        .map(|&horizon| {
            let examples = examples(data, &scaler, train.clone(), horizon);
            if examples.len() < MIN_ROWS {
                return Err(FitError::TooShort {
                    model: name,
                    found: examples.len(),
                    needed: MIN_ROWS,
                });
            }
            let penalty = choose(name, &examples, horizon)?;
            regress(name, examples.iter(), penalty)
        })
        .collect::<Result<_, _>>()?;
    Ok(Fitted::Linear(Linear {
        name,
        scaler,
        weights,
    }))
}

fn examples(data: &Prepared, scaler: &Scaler, train: Range<usize>, horizon: usize) -> Vec<Example> {
    (train.start..train.end.saturating_sub(horizon))
        .filter_map(|index| {
            let row = data.rows()[index].as_ref()?;
            let target = data.target(index, horizon)?.clamp(-CLIP, CLIP);
            Some(Example {
                index,
                row: scaler.apply(row),
                target,
            })
        })
        .collect()
}

/// The strongest penalty whose held-out error is within a standard error of the best one's (the rule of
/// Breiman et al.): of equals, the one that claims least.
fn choose(name: ModelName, examples: &[Example], horizon: usize) -> Result<Option<f64>, FitError> {
    let penalties = match name {
        ModelName::ElasticNet => NET_PENALTIES,
        _ => PENALTIES,
    };
    // The first candidate forecasts nothing at all.
    let mut losses: Vec<Vec<f64>> = vec![examples.iter().map(|e| e.target.powi(2)).collect()];
    losses.extend(penalties.iter().map(|_| Vec::with_capacity(examples.len())));
    for part in 0..PARTS {
        let held = examples.len() * part / PARTS..examples.len() * (part + 1) / PARTS;
        let (first, last) = (examples[held.start].index, examples[held.end - 1].index);
        // Outcomes that overlap with held-out ones are not learned from.
        let learn = || {
            examples
                .iter()
                .filter(|e| e.index + horizon <= first || e.index >= last + horizon)
        };
        if learn().count() < MIN_ROWS {
            // Over this horizon the examples overlap too much to judge penalties by: nothing is claimed.
            return Ok(None);
        }
        for (&penalty, losses) in penalties.iter().zip(&mut losses[1..]) {
            let weights = regress(name, learn(), Some(penalty))?;
            losses.extend(
                examples[held.clone()]
                    .iter()
                    .map(|e| (e.target - weights.at(&e.row)).powi(2)),
            );
        }
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let best = losses
        .iter()
        .min_by(|a, b| mean(a).total_cmp(&mean(b)))
        .expect("there are candidates");
    let chosen = losses
        .iter()
        .position(|losses| {
            let worse: Vec<f64> = losses.iter().zip(best).map(|(a, b)| a - b).collect();
            let by = mean(&worse);
            let spread = worse.iter().map(|w| (w - by).powi(2)).sum::<f64>();
            // Overlapping outcomes are not independent: there are fewer than it seems.
            let independent = worse.len() as f64 / horizon as f64;
            let error = (spread / worse.len() as f64 / independent).sqrt();
            by <= error
        })
        .expect("the best is no worse than itself");
    Ok(chosen.checked_sub(1).map(|place| penalties[place]))
}

/// The regression at one penalty; without one, the plane at zero.
fn regress<'a>(
    name: ModelName,
    examples: impl Iterator<Item = &'a Example>,
    penalty: Option<f64>,
) -> Result<Weights, FitError> {
    let Some(penalty) = penalty else {
        return Ok(Weights {
            slopes: vec![0.0; FEATURES],
            intercept: 0.0,
        });
    };
    let examples: Vec<&Example> = examples.collect();
    // By column: the solver walks down one feature at a time.
    let mut x = Array2::zeros((examples.len(), FEATURES).f());
    let mut y = Array1::zeros(examples.len());
    for (place, example) in examples.iter().enumerate() {
        for (feature, value) in example.row.iter().enumerate() {
            x[[place, feature]] = f64::from(*value);
        }
        y[place] = example.target;
    }
    let parameters = match name {
        ModelName::ElasticNet => LinfaNet::params().l1_ratio(L1_SHARE),
        _ => LinfaNet::ridge(),
    };
    let model = parameters
        .penalty(penalty)
        .tolerance(1e-5)
        .max_iterations(200)
        .fit(&Dataset::new(x, y))
        .map_err(|error| FitError::Numerics {
            model: name,
            reason: error.to_string(),
        })?;
    let weights = Weights {
        slopes: model.hyperplane().to_vec(),
        intercept: model.intercept(),
    };
    if !weights.intercept.is_finite() || weights.slopes.iter().any(|slope| !slope.is_finite()) {
        return Err(FitError::Numerics {
            model: name,
            reason: "the regression did not end in numbers".to_owned(),
        });
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bar::Interval;
    use crate::series::Series;
    use crate::testing::random_walk;

    #[test]
    fn a_horizon_nearly_as_long_as_the_training_part_claims_nothing() {
        let (series, _) = Series::build(Interval::H1, random_walk(420, 3)).expect("a series");
        let data = Prepared::new(series);
        for name in [ModelName::Ridge, ModelName::ElasticNet] {
            let Fitted::Linear(linear) = fit(name, &data, 0..420, &[1, 168]).expect("fitted")
            else {
                panic!("{name:?} is linear");
            };
            let long = &linear.weights[1];
            assert_eq!(long.intercept, 0.0);
            assert!(long.slopes.iter().all(|slope| *slope == 0.0));
        }
    }
}
