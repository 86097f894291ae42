//! Detection of growing errors of a model: the Page-Hinkley test on standardised residuals. It
//! knows numbers only, not what they are errors of.
//!
//! E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954); D. V. Hinkley, "Inference
//! about the change-point from cumulative sum tests", Biometrika 58 (1971).
//!
//! With x̄ₜ the mean of all values so far, mₜ = Σ(xᵢ − x̄ᵢ − δ) and the test's statistic is mₜ minus
//! the least m so far. It alarms when the statistic exceeds λ: the mean has risen by more than the
//! tolerated δ for long enough.

use serde::{Deserialize, Serialize};

/// The test's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PageHinkleyConfig {
    /// δ: how much more than the mean a value may be without counting towards a change, in the
    /// values' unit.
    pub tolerance: f64,
    /// λ: how large the statistic may grow. Larger: fewer false alarms, later detection.
    pub threshold: f64,
    /// No alarm before this many values: the mean is not known well enough.
    pub least: u32,
    /// Values are cut to at most this: a single outlier, as heavy tails bring them, is no change.
    pub most: f64,
}

impl Default for PageHinkleyConfig {
    /// For absolute errors in units of their expected size, so with a mean of about 1. By this module's
    /// tests, for normal errors and for Student t with 3 degrees of freedom: at most 5 % of runs of 2,000
    /// unchanged values alarm; a doubled error is found within 80 values and one of 1.5 times within 250
    /// in 95 % of runs. For hourly candles that is a false alarm in years, and a doubling found in days.
    fn default() -> Self {
        Self {
            tolerance: 0.15,
            threshold: 20.0,
            least: 30,
            most: 3.0,
        }
    }
}

/// The running test. Its size is fixed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PageHinkley {
    config: PageHinkleyConfig,
    values: u32,
    mean: f64,
    sum: f64,
    least_sum: f64,
}

/// A change that the test found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    /// The statistic, above the threshold.
    pub statistic: f64,
    /// The mean of all values since the test began.
    pub mean: f64,
    /// Number of values seen.
    pub values: u32,
}

impl PageHinkley {
    /// A test that has seen nothing.
    #[must_use]
    pub fn new(config: PageHinkleyConfig) -> Self {
        Self {
            config,
            values: 0,
            mean: 0.0,
            sum: 0.0,
            least_sum: 0.0,
        }
    }

    /// Takes the next value. After an alarm the test begins again, so that it can find the next
    /// change. A value that is not finite says nothing and is passed over.
    pub fn push(&mut self, value: f64) -> Option<Alarm> {
        if !value.is_finite() {
            return None;
        }
        let value = value.min(self.config.most);
        self.values = self.values.saturating_add(1);
        self.mean += (value - self.mean) / f64::from(self.values);
        self.sum += value - self.mean - self.config.tolerance;
        self.least_sum = self.least_sum.min(self.sum);
        if self.values < self.config.least || self.statistic() <= self.config.threshold {
            return None;
        }
        let alarm = Alarm {
            statistic: self.statistic(),
            mean: self.mean,
            values: self.values,
        };
        *self = Self::new(self.config);
        Some(alarm)
    }

    /// The statistic now: 0 when nothing speaks for a change.
    #[must_use]
    pub fn statistic(&self) -> f64 {
        self.sum - self.least_sum
    }

    /// The statistic at which the test alarms.
    #[must_use]
    pub fn threshold(&self) -> f64 {
        self.config.threshold
    }

    /// The number of values it has seen since it began or last alarmed.
    #[must_use]
    pub fn values(&self) -> u32 {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const RUNS: u64 = 200;

    fn normal(rng: &mut StdRng) -> f64 {
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
        radius * (std::f64::consts::TAU * rng.random::<f64>()).cos()
    }

    /// The size of a standard normal error over its mean, √(2/π).
    fn normal_error(rng: &mut StdRng) -> f64 {
        normal(rng).abs() / std::f64::consts::FRAC_2_PI.sqrt()
    }

    /// The size of a Student t error with three degrees of freedom over its mean, 2√3/π.
    fn heavy_error(rng: &mut StdRng) -> f64 {
        let squares: f64 = (0..3).map(|_| normal(rng).powi(2)).sum();
        normal(rng).abs() / (squares / 3.0).sqrt() / (2.0 * 3_f64.sqrt() / std::f64::consts::PI)
    }

    /// In how many runs the test alarms within `steps` values.
    fn alarms(error: fn(&mut StdRng) -> f64, before: u32, factor: f64, steps: u32) -> u64 {
        (0..RUNS)
            .filter(|seed| {
                let mut rng = StdRng::seed_from_u64(*seed);
                let mut test = PageHinkley::new(PageHinkleyConfig::default());
                for _ in 0..before {
                    test.push(error(&mut rng));
                }
                (0..steps).any(|_| test.push(factor * error(&mut rng)).is_some())
            })
            .count() as u64
    }

    #[test]
    fn false_alarms_in_2000_unchanged_values_are_at_most_1_run_in_20() {
        for error in [normal_error, heavy_error] {
            let false_alarms = alarms(error, 0, 1.0, 2_000);
            assert!(false_alarms * 20 <= RUNS, "{false_alarms} of {RUNS}");
        }
    }

    #[test]
    fn larger_errors_are_found_soon() {
        for error in [normal_error, heavy_error] {
            for (factor, within) in [(2.0, 80), (1.5, 250)] {
                let found = alarms(error, 500, factor, within);
                assert!(found * 20 >= RUNS * 19, "{factor}: {found} of {RUNS}");
            }
        }
    }

    #[test]
    fn smaller_errors_and_single_outliers_are_no_drift() {
        assert_eq!(alarms(normal_error, 500, 0.5, 2_000), 0);
        let mut test = PageHinkley::new(PageHinkleyConfig::default());
        for step in 0..1_000 {
            let outlier = if step % 200 == 100 { 1e6 } else { 1.0 };
            assert_eq!(test.push(outlier), None);
            assert_eq!(test.push(f64::NAN), None);
        }
        assert_eq!(test.values(), 1_000);
    }

    #[test]
    fn it_begins_again_after_an_alarm() {
        let mut test = PageHinkley::new(PageHinkleyConfig::default());
        let mut last = None;
        for step in 0..400 {
            if let Some(alarm) = test.push(if step < 200 { 1.0 } else { 3.0 }) {
                assert!(
                    last.replace((step, alarm)).is_none(),
                    "one change, one alarm"
                );
                assert!(alarm.statistic > test.threshold());
                assert_eq!(test.values(), 0);
            }
        }
        let (step, _) = last.expect("a threefold error must be found");
        assert!((200..220).contains(&step), "{step}");
    }
}
