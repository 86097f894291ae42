//! A model's inputs at each closed candle: returns in units of their own volatility, range, volume
//! and the calendar. A stream of candles goes in and a row comes out, so that a row can depend on
//! nothing that comes later, and so that serving computes exactly what training saw.

use std::collections::VecDeque;

use chrono::{Datelike, Timelike};
use serde::{Deserialize, Serialize};

use crate::bar::{Bar, Interval};
use crate::series::{Bridge, bridge};

/// Number of past returns in a row, the newest first.
pub const LAGS: usize = 7;

/// The number of numbers a row has.
pub const FEATURES: usize = LAGS + 2 + 4 + 7 + 4;

/// Names of the numbers in a row.
pub const NAMES: [&str; FEATURES] = [
    "return_0",
    "return_1",
    "return_2",
    "return_3",
    "return_4",
    "return_5",
    "return_6",
    "momentum_14",
    "momentum_30",
    "range",
    "close_in_range",
    "volume",
    "volatility_ratio",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "hour_sine",
    "hour_cosine",
    "half_day_sine",
    "half_day_cosine",
];

/// Returns kept for the longest momentum.
const HISTORY: usize = 30;
/// Candles after a start before the first row: the volatility means nothing earlier.
pub const WARM_UP: usize = HISTORY + 1;
/// Decay a candle of the fast volatility: RiskMetrics' daily figure (Technical Document, 1996).
const FAST: f64 = 0.94;
/// Decay a candle of the slow volatility and of the usual volume.
const SLOW: f64 = 0.985;
/// The variance's floor: a price that stands still for long must not make the next move infinite.
const MIN_VARIANCE: f64 = 1e-12;

/// A model's inputs at the close of one candle.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FeatureRow {
    /// In the order of [`NAMES`].
    pub values: [f64; FEATURES],
    /// Standard deviation of one candle's log return, as known at this close.
    pub volatility: f64,
}

/// Turns candles into rows, one at a time, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FeatureStream {
    interval: Interval,
    last: Option<Bar>,
    returns: VecDeque<f64>,
    /// Candles since the start, at most [`WARM_UP`].
    seen: usize,
    fast: f64,
    slow: f64,
    log_volume: Option<f64>,
}

impl FeatureStream {
    /// A stream that has seen nothing.
    #[must_use]
    pub fn new(interval: Interval) -> Self {
        Self {
            interval,
            last: None,
            returns: VecDeque::with_capacity(HISTORY),
            seen: 0,
            fast: 0.0,
            slow: 0.0,
            log_volume: None,
        }
    }

    /// The last candle seen.
    #[must_use]
    pub const fn last(&self) -> Option<&Bar> {
        self.last.as_ref()
    }

    /// Takes the next candle and says what a model sees at its close; nothing in the first
    /// [`WARM_UP`] candles. A candle that is not the next one starts the stream again: fill short
    /// holes first, as [`bridge`] does.
    pub fn push(&mut self, bar: &Bar) -> Option<FeatureRow> {
        let follows = self
            .last
            .as_ref()
            .is_none_or(|last| bridge(last, bar.open_time, self.interval) == Bridge::Next);
        if !follows {
            *self = Self::new(self.interval);
        }
        if let Some(last) = &self.last {
            let change = (bar.close / last.close).ln();
            self.learn(change);
        }
        let volume = self.volume_against_usual(bar.volume);
        self.last = Some(*bar);
        self.seen = (self.seen + 1).min(WARM_UP);
        (self.seen >= WARM_UP).then(|| self.row(bar, volume))
    }

    fn learn(&mut self, change: f64) {
        // In the beginning a plain mean, so that the first returns do not weigh for ever.
        let count = (self.returns.len() + 1) as f64;
        let update = |variance: f64, decay: f64| {
            let keep = decay.min(1.0 - 1.0 / count);
            keep * variance + (1.0 - keep) * change * change
        };
        if self.returns.len() < HISTORY {
            self.fast = update(self.fast, FAST);
            self.slow = update(self.slow, SLOW);
        } else {
            self.fast = FAST * self.fast + (1.0 - FAST) * change * change;
            self.slow = SLOW * self.slow + (1.0 - SLOW) * change * change;
            self.returns.pop_back();
        }
        self.returns.push_front(change);
    }

    /// Logarithm of the volume over its usual value; zero where there is none.
    fn volume_against_usual(&mut self, volume: f64) -> f64 {
        if volume <= 0.0 {
            return 0.0;
        }
        let log = volume.ln();
        let usual = *self.log_volume.get_or_insert(log);
        self.log_volume = Some(FAST * usual + (1.0 - FAST) * log);
        log - usual
    }

    fn row(&self, bar: &Bar, volume: f64) -> FeatureRow {
        let variance = (0.8 * self.fast + 0.2 * self.slow).max(MIN_VARIANCE);
        let volatility = variance.sqrt();
        let mut values = [0.0; FEATURES];
        for (value, change) in values.iter_mut().zip(self.returns.iter().take(LAGS)) {
            *value = change / volatility;
        }
        let momentum = |count: usize| {
            let sum: f64 = self.returns.iter().take(count).sum();
            sum / (volatility * (count as f64).sqrt())
        };
        values[LAGS] = momentum(14);
        values[LAGS + 1] = momentum(HISTORY);
        let rest = &mut values[LAGS + 2..];
        rest[0] = (bar.high / bar.low).ln() / volatility;
        if bar.high > bar.low {
            rest[1] = (bar.close - bar.low) / (bar.high - bar.low) - 0.5;
        }
        rest[2] = volume;
        rest[3] = 0.5 * (self.fast.max(MIN_VARIANCE) / self.slow.max(MIN_VARIANCE)).ln();
        self.calendar(bar.open_time, &mut rest[4..]);
        FeatureRow { values, volatility }
    }

    /// The day of the week, and the hour of the day where there are several candles in one.
    fn calendar(&self, open_time: i64, values: &mut [f64]) {
        let Some(time) = chrono::DateTime::from_timestamp_millis(open_time) else {
            return;
        };
        values[time.weekday().num_days_from_monday() as usize] = 1.0;
        if self.interval < Interval::D1 {
            let day = f64::from(time.num_seconds_from_midnight()) / 86_400.0;
            let angle = day * std::f64::consts::TAU;
            values[7] = angle.sin();
            values[8] = angle.cos();
            values[9] = (2.0 * angle).sin();
            values[10] = (2.0 * angle).cos();
        }
    }
}

/// Centres and scales rows by the statistics of the rows it was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaler {
    mean: Vec<f64>,
    /// Zero for a feature that never varied: it stays zero.
    inverse_deviation: Vec<f64>,
}

/// Scaled features are cut off here: a crash must not push a model where it has never been.
const CLIP: f64 = 5.0;

impl Scaler {
    /// Takes the statistics of the training part's rows.
    #[must_use]
    pub fn fit<'a>(rows: impl Iterator<Item = &'a FeatureRow> + Clone) -> Self {
        let count = rows.clone().count().max(1) as f64;
        let mut mean = vec![0.0; FEATURES];
        for row in rows.clone() {
            for (sum, value) in mean.iter_mut().zip(&row.values) {
                *sum += value / count;
            }
        }
        let mut variance = vec![0.0; FEATURES];
        for row in rows {
            for ((sum, value), mean) in variance.iter_mut().zip(&row.values).zip(&mean) {
                *sum += (value - mean).powi(2) / count;
            }
        }
        Self {
            mean,
            inverse_deviation: variance
                .into_iter()
                .map(|v: f64| if v > 1e-12 { 1.0 / v.sqrt() } else { 0.0 })
                .collect(),
        }
    }

    /// The row as a model takes it.
    #[must_use]
    pub fn apply(&self, row: &FeatureRow) -> [f32; FEATURES] {
        let mut scaled = [0.0; FEATURES];
        for (place, scaled) in scaled.iter_mut().enumerate() {
            let value = (row.values[place] - self.mean[place]) * self.inverse_deviation[place];
            *scaled = value.clamp(-CLIP, CLIP) as f32;
        }
        scaled
    }

    /// Returns whether it has a number for each feature, and all are finite: one read from a file must.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let sound =
            |values: &[f64]| values.len() == FEATURES && values.iter().all(|v| v.is_finite());
        sound(&self.mean) && sound(&self.inverse_deviation)
    }
}
