//! Prediction intervals that keep their promise while the market changes: the newest scores, each an
//! error over the volatility expected when the forecast was made, and for every level the adaptive
//! rule of Gibbs and Candès (Adaptive Conformal Inference Under Distribution Shift, NeurIPS 2021).
//! It hears of an outcome only when it has been realised, and knows nothing of the models.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The shares of outcomes that intervals promise to hold.
pub const LEVELS: [f64; 3] = [0.50, 0.80, 0.95];

/// Scores kept: the newest ones speak for the market as it is.
const WINDOW: usize = 500;
/// Scores needed before the first interval.
pub const MIN_SCORES: usize = 20;
/// Step by which a miss or a hit moves each level.
const GAMMA: [f64; 3] = [0.02, 0.02, 0.01];
/// The least share left out: below zero, an interval reaches beyond every score that is remembered.
const LEAST_LEFT_OUT: f64 = -0.1;

/// The range that contains the outcome with a stated probability, in log returns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// The promised share, one of [`LEVELS`].
    pub level: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Band {
    /// Returns whether it contains the outcome.
    #[must_use]
    pub fn contains(&self, outcome: f64) -> bool {
        (self.low..=self.high).contains(&outcome)
    }
}

/// Turns the errors realised so far into the next forecast's intervals, for one model and horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibrator {
    /// The newest errors over their scales, oldest first.
    scores: VecDeque<f64>,
    /// The share that each level's interval leaves out at present.
    left_out: [f64; LEVELS.len()],
}

impl Default for Calibrator {
    fn default() -> Self {
        Self::new()
    }
}

impl Calibrator {
    /// One that has heard of no outcome.
    #[must_use]
    pub fn new() -> Self {
        Self {
            scores: VecDeque::new(),
            left_out: LEVELS.map(|level| 1.0 - level),
        }
    }

    /// Number of outcomes it rests on.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// Returns whether it has heard of no outcome.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// The intervals around an expected log return, narrowest first; `scale` is the standard deviation
    /// expected over the horizon. Nothing before [`MIN_SCORES`] outcomes.
    #[must_use]
    pub fn bands(&self, expected: f64, scale: f64) -> Option<[Band; LEVELS.len()]> {
        if self.scores.len() < MIN_SCORES {
            return None;
        }
        let mut sorted: Vec<f64> = self.scores.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut widest = 0.0_f64;
        let mut bands = [Band {
            level: 0.0,
            low: expected,
            high: expected,
        }; LEVELS.len()];
        for (place, band) in bands.iter_mut().enumerate() {
            // Levels adapt apart, but a promise to hold more is never the narrower one.
            widest = widest.max(quantile(&sorted, 1.0 - self.left_out[place]));
            *band = Band {
                level: LEVELS[place],
                low: expected - widest * scale,
                high: expected + widest * scale,
            };
        }
        Some(bands)
    }

    /// Hears the outcome of a forecast: its error (actual less expected), the scale it was made with,
    /// and the intervals that were given, if any were.
    pub fn realise(&mut self, error: f64, scale: f64, given: Option<&Outcome>) {
        if let Some(given) = given {
            for (place, inside) in given.inside.iter().enumerate() {
                let miss = if *inside { 0.0 } else { 1.0 };
                let target = 1.0 - LEVELS[place];
                let moved = self.left_out[place] + GAMMA[place] * (target - miss);
                // Over a long horizon the same move is missed many times in a row before the rule hears of
                // it: bounded, or intervals would shrink to nothing and grow without end by turns.
                self.left_out[place] = moved.clamp(LEAST_LEFT_OUT, 1.0 - LEVELS[place] / 2.0);
            }
        }
        if scale > 0.0 && error.is_finite() {
            self.scores.push_back(error.abs() / scale);
            if self.scores.len() > WINDOW {
                self.scores.pop_front();
            }
        }
    }

    /// Returns whether what was read from a file can be worked with.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.scores.len() <= WINDOW
            && self
                .scores
                .iter()
                .all(|score| score.is_finite() && *score >= 0.0)
            && self.left_out.iter().all(|share| share.is_finite())
    }
}

/// Which of the intervals given held the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In the order of [`LEVELS`].
    pub inside: [bool; LEVELS.len()],
}

impl Outcome {
    /// Of these intervals, when this came.
    #[must_use]
    pub fn of(bands: &[Band; LEVELS.len()], outcome: f64) -> Self {
        Self {
            inside: bands.map(|band| band.contains(outcome)),
        }
    }
}

/// The conformal quantile: the smallest score that at least `share` of the scores, and the one to
/// come, do not exceed. Beyond the largest it grows on, beyond zero it stays zero.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let count = sorted.len() as f64;
    let rank = share * (count + 1.0);
    if rank < 1.0 {
        return sorted[0] * rank.max(0.0);
    }
    let below = rank.floor() as usize;
    if below >= sorted.len() {
        let largest = sorted[sorted.len() - 1];
        return largest * (1.0 + 0.5 * (rank - count) / (count + 1.0).sqrt());
    }
    let part = rank - rank.floor();
    sorted[below - 1] * (1.0 - part) + sorted[below] * part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_kept_while_the_scale_is_wrong_by_turns() {
        let mut calibrator = Calibrator::new();
        let mut inside = [0.0; LEVELS.len()];
        let mut given = 0.0;
        let mut state = 12_345_u64;
        for step in 0..4_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
            // The market is thrice as wild every other 400 steps, and nobody says so.
            let actual = uniform * if step / 400 % 2 == 0 { 1.0 } else { 3.0 };
            let bands = calibrator.bands(0.0, 1.0);
            assert_eq!(bands.is_some(), step >= MIN_SCORES);
            let outcome = bands.map(|bands| Outcome::of(&bands, actual));
            if let Some(outcome) = &outcome {
                given += 1.0;
                for (sum, held) in inside.iter_mut().zip(outcome.inside) {
                    *sum += f64::from(u8::from(held));
                }
            }
            calibrator.realise(actual, 1.0, outcome.as_ref());
        }
        for (level, sum) in LEVELS.iter().zip(inside) {
            assert!(
                (sum / given - level).abs() < 0.015,
                "{level}: {}",
                sum / given
            );
        }
    }

    #[test]
    fn bands_nest_and_a_new_one_gives_none() {
        let mut calibrator = Calibrator::new();
        for step in 0..MIN_SCORES {
            assert_eq!(calibrator.bands(0.1, 0.5), None);
            calibrator.realise(step as f64, 2.0, None);
        }
        let [half, most, nearly_all] = calibrator.bands(0.1, 0.5).expect("enough");
        assert!(half.low > most.low && most.low >= nearly_all.low);
        assert!(half.high < most.high && most.high <= nearly_all.high);
        assert!(half.contains(0.1) && !half.contains(half.high + 1e-9));
        assert!(calibrator.is_valid());
    }

    #[test]
    fn outcomes_that_agree_for_long_neither_empty_an_interval_nor_lose_it() {
        let mut calibrator = Calibrator::new();
        for step in 0..MIN_SCORES {
            calibrator.realise(1.0 + step as f64, 1.0, None);
        }
        for inside in [true, false] {
            let outcome = Outcome {
                inside: [inside; LEVELS.len()],
            };
            for _ in 0..500 {
                calibrator.realise(1.0, 1.0, Some(&outcome));
            }
            let bands = calibrator.bands(0.0, 1.0).expect("enough");
            assert!(bands[0].high > 0.5, "{bands:?}");
            assert!(bands[2].high < 10.0, "{bands:?}");
        }
    }

    #[test]
    fn the_quantile_is_the_conformal_one() {
        let scores: Vec<f64> = (1..=9).map(f64::from).collect();
        assert_eq!(quantile(&scores, 0.5), 5.0);
        assert_eq!(quantile(&scores, 0.9), 9.0);
        assert!(quantile(&scores, 1.0) > 9.0 && quantile(&scores, 1.3) > quantile(&scores, 1.1));
        assert_eq!(quantile(&scores, -0.2), 0.0);
    }
}
