//! Skill of one horizon's realised forecasts, with confidence intervals, in bounded space.
//!
//! Errors of overlapping forecasts, and volatile times, make neighbouring errors alike, so the
//! intervals come from batch means: sums over consecutive blocks of at least twice the horizon.
//! When the blocks are full, neighbours are joined and a block is twice as long from then on. The
//! interval of MASE, a ratio of means, is by the delta method. (See e.g. Law, "Simulation Modeling
//! and Analysis", on batch means and on ratio estimators.)

use serde::{Deserialize, Serialize};

use crate::conformal::LEVELS;

/// Blocks kept at most; even.
const MOST_BLOCKS: usize = 64;

/// Full blocks below which no interval is given.
const LEAST_BLOCKS: usize = 8;

/// Two-sided 95 % quantiles of Student's t for 7, 8, 9, 10, 12, 15, 20, 30 and 60 degrees of
/// freedom: each is valid up to the next.
const QUANTILES: [(usize, f64); 9] = [
    (7, 2.365),
    (8, 2.306),
    (9, 2.262),
    (10, 2.228),
    (12, 2.179),
    (15, 2.131),
    (20, 2.086),
    (30, 2.042),
    (60, 2.000),
];

/// A figure with its 95 % confidence interval, where there is enough to tell.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Its 95 % confidence interval; absent with too few forecasts.
    pub interval: Option<(f64, f64)>,
}

/// Record of realised forecasts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RealisedSkill {
    /// The number of forecasts.
    pub forecasts: u64,
    /// Mean absolute error of the log-return forecasts over that of persistence: below 1 is better
    /// than repeating the last price. Absent while nothing moved.
    pub mase: Option<Estimate>,
    /// The part that had the right direction; a forecast or outcome of zero counts one half.
    pub directional_accuracy: Estimate,
    /// The parts that lay inside the 50, 80 and 95 % intervals; absent when no forecast had any.
    pub coverage: Option<[f64; LEVELS.len()]>,
}

impl RealisedSkill {
    /// Returns whether the errors were smaller than those of persistence beyond chance: the upper end of
    /// MASE's interval is below 1.
    #[must_use]
    pub fn beats_persistence(&self) -> bool {
        self.mase
            .and_then(|mase| mase.interval)
            .is_some_and(|(_, high)| high < 1.0)
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Block {
    count: u64,
    errors: f64,
    moves: f64,
    hits: f64,
}

impl Block {
    fn join(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            errors: self.errors + other.errors,
            moves: self.moves + other.moves,
            hits: self.hits + other.hits,
        }
    }
}

/// The running sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Track {
    block_length: u64,
    blocks: Vec<Block>,
    open: Block,
    with_intervals: u64,
    inside: [u64; LEVELS.len()],
}

impl Track {
    /// For forecasts this many candles ahead.
    pub(crate) fn new(horizon: usize) -> Self {
        Self {
            block_length: 2 * horizon.max(1) as u64,
            blocks: Vec::new(),
            open: Block::default(),
            with_intervals: 0,
            inside: [0; LEVELS.len()],
        }
    }

    /// Takes a realised forecast: expected and actual log return, and which intervals held it.
    pub(crate) fn push(
        &mut self,
        expected: f64,
        actual: f64,
        inside: Option<[bool; LEVELS.len()]>,
    ) {
        let hit = if expected == 0.0 || actual == 0.0 {
            0.5
        } else if (expected > 0.0) == (actual > 0.0) {
            1.0
        } else {
            0.0
        };
        self.open = self.open.join(Block {
            count: 1,
            errors: (actual - expected).abs(),
            moves: actual.abs(),
            hits: hit,
        });
        if let Some(inside) = inside {
            self.with_intervals += 1;
            for (count, inside) in self.inside.iter_mut().zip(inside) {
                *count += u64::from(inside);
            }
        }
        if self.open.count < self.block_length {
            return;
        }
        self.blocks.push(std::mem::take(&mut self.open));
        if self.blocks.len() == MOST_BLOCKS {
            self.blocks = self
                .blocks
                .chunks_exact(2)
                .map(|pair| pair[0].join(pair[1]))
                .collect();
            self.block_length *= 2;
        }
    }

    /// Skill of all forecasts so far; `None` before the first.
    pub(crate) fn skill(&self) -> Option<RealisedSkill> {
        let all = self.blocks.iter().fold(self.open, |sum, b| sum.join(*b));
        if all.count == 0 {
            return None;
        }
        Some(RealisedSkill {
            forecasts: all.count,
            mase: (all.moves > 0.0).then(|| self.ratio(all, |b| b.errors, |b| b.moves)),
            directional_accuracy: self.ratio(all, |b| b.hits, |b| b.count as f64),
            coverage: (self.with_intervals > 0).then(|| {
                self.inside
                    .map(|inside| inside as f64 / self.with_intervals as f64)
            }),
        })
    }

    /// The ratio of two sums over everything, its interval from the full blocks.
    fn ratio(&self, all: Block, over: fn(&Block) -> f64, under: fn(&Block) -> f64) -> Estimate {
        let value = over(&all) / under(&all);
        let full = self.blocks.len();
        let total: f64 = self.blocks.iter().map(under).sum();
        if full < LEAST_BLOCKS || total <= 0.0 {
            return Estimate {
                value,
                interval: None,
            };
        }
        let ratio = self.blocks.iter().map(over).sum::<f64>() / total;
        let squares: f64 = self
            .blocks
            .iter()
            .map(|block| (over(block) - ratio * under(block)).powi(2))
            .sum();
        let n = full as f64;
        let deviation = (squares * n / (n - 1.0)).sqrt() / total;
        let margin = quantile(full - 1) * deviation;
        Estimate {
            value,
            interval: Some((value - margin, value + margin)),
        }
    }
}

fn quantile(freedom: usize) -> f64 {
    QUANTILES
        .iter()
        .rev()
        .find(|(least, _)| *least <= freedom)
        .map_or(QUANTILES[0].1, |(_, quantile)| *quantile)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn persistence_is_exactly_one_and_one_half() {
        let mut track = Track::new(1);
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..1_000 {
            track.push(0.0, rng.random::<f64>() - 0.5, Some([true, true, false]));
        }
        let skill = track.skill().expect("has forecasts");
        assert_eq!(skill.forecasts, 1_000);
        let mase = skill.mase.expect("the price moved");
        assert_eq!(mase.value, 1.0);
        let (low, high) = mase.interval.expect("enough");
        assert!(low <= 1.0 && 1.0 <= high && high - low < 1e-9);
        assert_eq!(skill.directional_accuracy.value, 0.5);
        assert_eq!(skill.coverage, Some([1.0, 1.0, 0.0]));
        assert!(!skill.beats_persistence());
    }

    #[test]
    fn the_interval_holds_the_truth_about_as_often_as_it_says() {
        // Actual = signal + noise; the forecast is the signal. Errors over moves tends to 1/√2 for
        // normals of equal size; here uniform sums, so the truth is taken from a long run.
        let run = |seed: u64, steps: usize| {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut track = Track::new(1);
            for _ in 0..steps {
                let signal = rng.random::<f64>() - 0.5;
                let noise = rng.random::<f64>() - 0.5;
                track.push(signal, signal + noise, None);
            }
            track.skill().expect("has forecasts")
        };
        let truth = run(0, 2_000_000);
        let (mut mase, mut direction) = (0, 0);
        for seed in 1..=300 {
            let skill = run(seed, 500);
            let holds = |estimate: Estimate, value: f64| {
                let (low, high) = estimate.interval.expect("enough");
                u32::from(low <= value && value <= high)
            };
            mase += holds(skill.mase.expect("moved"), truth.mase.expect("moved").value);
            direction += holds(skill.directional_accuracy, truth.directional_accuracy.value);
            assert!(skill.beats_persistence());
        }
        for held in [mase, direction] {
            assert!((273..=297).contains(&held), "{held} of 300");
        }
    }

    #[test]
    fn few_forecasts_have_no_interval_and_many_take_no_more_space() {
        let mut track = Track::new(24);
        assert_eq!(track.skill(), None);
        for step in 0..100_000_u32 {
            let sign = if step % 3 == 0 { 1.0 } else { -1.0 };
            track.push(0.1 * sign, 0.2 * sign, None);
            if step == 100 {
                let skill = track.skill().expect("has forecasts");
                assert_eq!(skill.mase.expect("moved").interval, None);
                assert!(!skill.beats_persistence());
            }
            assert!(track.blocks.len() < MOST_BLOCKS);
        }
        let skill = track.skill().expect("has forecasts");
        assert_eq!(skill.forecasts, 100_000);
        assert!((skill.mase.expect("moved").value - 0.5).abs() < 1e-9);
        assert!(skill.beats_persistence());
    }

    #[test]
    fn a_price_that_never_moves_has_no_mase() {
        let mut track = Track::new(1);
        track.push(0.0, 0.0, None);
        let skill = track.skill().expect("has a forecast");
        assert_eq!(skill.mase, None);
        assert_eq!(skill.directional_accuracy.value, 0.5);
    }
}
