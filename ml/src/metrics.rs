//! Quality of forecasts and its certainty: errors against persistence, directions, coverage, and
//! intervals by a block bootstrap, since neighbouring forecasts share their outcomes.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::conformal::{LEVELS, Outcome};

/// Resamples of the bootstrap.
const RESAMPLES: usize = 2_000;
/// Forecasts needed before skill is claimed.
const MIN_FORECASTS: usize = 30;
/// Probability left out at either end of an estimate's interval.
const TAIL: f64 = 0.025;
/// The same for the claim of skill: several models are compared at once, so it is stricter.
const CLAIM_TAIL: f64 = 0.005;

/// A forecast whose outcome is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// The candle it was made at.
    pub origin: usize,
    /// The expected log return.
    pub expected: f64,
    /// The one that came.
    pub actual: f64,
    /// Which intervals held it; nothing where none were given.
    pub outcome: Option<Outcome>,
}

/// A figure and the 95 % interval around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
}

/// Skill of one model's forecasts over one horizon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// Mean absolute error of the log return over that of persistence on the same forecasts:
    /// persistence is exactly 1, less is better.
    pub mase: Estimate,
    /// Share of forecasts of the right sign; a forecast or outcome of zero counts one half.
    pub directional_accuracy: Estimate,
    /// Share of outcomes that each interval of [`LEVELS`] held.
    pub coverage: [f64; LEVELS.len()],
    /// Number of forecasts this rests on.
    pub forecasts: usize,
    /// True if the error is below persistence's beyond doubt: the 99 % interval of `mase` is below 1.
    pub has_skill: bool,
}

/// Scores forecasts over `horizon`, in the order they were made. Nothing if there are none, or if no
/// price moved.
#[must_use]
pub fn skill(scored: &[Scored], horizon: usize, seed: u64) -> Option<Skill> {
    let errors: Vec<f64> = scored
        .iter()
        .map(|s| (s.actual - s.expected).abs())
        .collect();
    let moves: Vec<f64> = scored.iter().map(|s| s.actual.abs()).collect();
    let hits: Vec<f64> = scored.iter().map(|s| hit(s.expected, s.actual)).collect();
    let ratio = |error: f64, moved: f64| if moved > 0.0 { error / moved } else { 1.0 };
    let moved: f64 = moves.iter().sum();
    if moved <= 0.0 {
        return None;
    }
    let count = scored.len();
    let mut mases = Vec::with_capacity(RESAMPLES);
    let mut accuracies = Vec::with_capacity(RESAMPLES);
    let block = block_length(count, horizon);
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..RESAMPLES {
        let (mut error, mut moved, mut right) = (0.0, 0.0, 0.0);
        let mut drawn = 0;
        while drawn < count {
            // Circular: every forecast is drawn equally often.
            let start = rng.random_range(0..count);
            for step in 0..block.min(count - drawn) {
                let place = (start + step) % count;
                error += errors[place];
                moved += moves[place];
                right += hits[place];
            }
            drawn += block;
        }
        mases.push(ratio(error, moved));
        accuracies.push(right / count as f64);
    }
    mases.sort_unstable_by(f64::total_cmp);
    accuracies.sort_unstable_by(f64::total_cmp);
    let estimate = |value, sorted: &[f64]| Estimate {
        value,
        low: at(sorted, TAIL),
        high: at(sorted, 1.0 - TAIL),
    };
    Some(Skill {
        mase: estimate(ratio(errors.iter().sum(), moved), &mases),
        directional_accuracy: estimate(hits.iter().sum::<f64>() / count as f64, &accuracies),
        coverage: coverage(scored),
        forecasts: count,
        has_skill: count >= MIN_FORECASTS && at(&mases, 1.0 - CLAIM_TAIL) < 1.0,
    })
}

/// One for the right sign, a half where there is none.
fn hit(expected: f64, actual: f64) -> f64 {
    let product = expected.signum() * actual.signum();
    if expected == 0.0 || actual == 0.0 {
        0.5
    } else if product > 0.0 {
        1.0
    } else {
        0.0
    }
}

/// Long enough that what overlaps stays together; otherwise the usual cube root.
fn block_length(count: usize, horizon: usize) -> usize {
    let usual = (count as f64).cbrt().ceil() as usize;
    usual.max(2 * horizon).min((count / 4).max(1))
}

fn at(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    sorted[place.round() as usize]
}

fn coverage(scored: &[Scored]) -> [f64; LEVELS.len()] {
    let mut inside = [0.0; LEVELS.len()];
    let outcomes: Vec<&Outcome> = scored.iter().filter_map(|s| s.outcome.as_ref()).collect();
    for outcome in &outcomes {
        for (sum, held) in inside.iter_mut().zip(outcome.inside) {
            *sum += f64::from(u8::from(held));
        }
    }
    inside.map(|sum| sum / outcomes.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(expected: impl Fn(usize, f64) -> f64) -> Vec<Scored> {
        let mut rng = StdRng::seed_from_u64(7);
        (0..500)
            .map(|origin| {
                let actual = rng.random_range(-1.0..1.0);
                Scored {
                    origin,
                    expected: expected(origin, actual),
                    actual,
                    outcome: None,
                }
            })
            .collect()
    }

    #[test]
    fn persistence_is_exactly_one_and_one_half() {
        let skill = skill(&scored(|_, _| 0.0), 1, 1).expect("a score");
        assert_eq!(
            (skill.mase.value, skill.mase.low, skill.mase.high),
            (1.0, 1.0, 1.0)
        );
        assert_eq!(skill.directional_accuracy.value, 0.5);
        assert_eq!(skill.directional_accuracy.high, 0.5);
        assert!(!skill.has_skill);
    }

    #[test]
    fn what_knows_something_is_told_from_what_guesses() {
        let knows = skill(&scored(|_, actual| 0.5 * actual), 1, 1).expect("a score");
        assert!((knows.mase.value - 0.5).abs() < 1e-9 && knows.has_skill);
        assert_eq!(knows.directional_accuracy.value, 1.0);
        let guesses = skill(
            &scored(|origin, _| if origin % 2 == 0 { 0.1 } else { -0.1 }),
            1,
            1,
        )
        .expect("a score");
        assert!(!guesses.has_skill);
        assert!(guesses.mase.low < guesses.mase.value && guesses.mase.value < guesses.mase.high);
    }

    #[test]
    fn nothing_moved_or_nothing_forecast_is_no_score() {
        assert_eq!(skill(&[], 1, 1), None);
        let still = Scored {
            origin: 0,
            expected: 0.1,
            actual: 0.0,
            outcome: None,
        };
        assert_eq!(skill(&[still; 40], 1, 1), None);
    }
}
