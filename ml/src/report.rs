//! An evaluation as people and programs read it.

use std::fmt::Write as _;

use serde::Serialize;

use crate::bar::Interval;
use crate::fit_error::ModelName;
use crate::prepared::Prepared;
use crate::series::shown;
use crate::walk_forward::{Evaluation, ModelEvaluation};

/// The report of one horizon.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Every model.
    pub models: Vec<ModelReport>,
    /// The model with the lowest error.
    pub champion: ModelName,
    /// True if it beats the last price beyond doubt.
    pub champion_has_skill: bool,
    /// The candles' length.
    pub interval: Interval,
    /// Candles ahead.
    pub horizon: usize,
    /// Decided everything random.
    pub seed: u64,
    /// Candles read, filled ones included.
    pub candles: usize,
    /// Open time of the first tested candle.
    pub tested_from: String,
    /// Open time of the last tested candle.
    pub tested_to: String,
    /// Fits, the calibration part's included.
    pub fits: usize,
    /// Candles between the last outcome learned from and the first forecast.
    pub embargo: usize,
    /// Remarks about what did not go as it should.
    pub notes: Vec<String>,
}

/// One model's line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelReport {
    /// The model.
    pub model: ModelName,
    /// Mean absolute error over persistence's.
    pub mase: f64,
    /// The 95 % interval of `mase`.
    pub mase_interval: [f64; 2],
    /// Share of forecasts of the right sign.
    pub directional_accuracy: f64,
    /// The 95 % interval of `directional_accuracy`.
    pub directional_accuracy_interval: [f64; 2],
    /// Share of outcomes in the 50 % interval.
    pub coverage_50: f64,
    /// Share of outcomes in the 80 % interval.
    pub coverage_80: f64,
    /// Share of outcomes in the 95 % interval.
    pub coverage_95: f64,
    /// Number of forecasts scored.
    pub forecasts: usize,
    /// True if it beats the last price beyond doubt.
    pub has_skill: bool,
}

impl ModelReport {
    fn new(evaluation: &ModelEvaluation) -> Self {
        let skill = &evaluation.skill;
        let [coverage_50, coverage_80, coverage_95] = skill.coverage;
        Self {
            model: evaluation.model,
            mase: skill.mase.value,
            mase_interval: [skill.mase.low, skill.mase.high],
            directional_accuracy: skill.directional_accuracy.value,
            directional_accuracy_interval: [
                skill.directional_accuracy.low,
                skill.directional_accuracy.high,
            ],
            coverage_50,
            coverage_80,
            coverage_95,
            forecasts: skill.forecasts,
            has_skill: skill.has_skill,
        }
    }
}

impl Report {
    /// The report of one of the evaluated horizons; nothing if it was not evaluated.
    #[must_use]
    pub fn new(
        data: &Prepared,
        evaluation: &Evaluation,
        horizon: usize,
        seed: u64,
    ) -> Option<Self> {
        let champion = evaluation.champions.iter().find(|c| c.horizon == horizon)?;
        let bars = data.series().bars();
        let tested = &evaluation.tested;
        Some(Self {
            models: evaluation
                .models
                .iter()
                .filter(|model| model.horizon == horizon)
                .map(ModelReport::new)
                .collect(),
            champion: champion.model,
            champion_has_skill: champion.has_skill,
            interval: data.series().interval(),
            horizon,
            seed,
            candles: data.len(),
            tested_from: shown(bars[tested.start].open_time),
            tested_to: shown(bars[tested.end - 1].open_time),
            fits: evaluation.fits,
            embargo: evaluation.embargo,
            notes: evaluation.notes.clone(),
        })
    }

    /// As a table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!(
            "{} {} candles, {} ahead; tested from {} to {}\n\n",
            self.candles, self.interval, self.horizon, self.tested_from, self.tested_to
        );
        let _ = writeln!(
            text,
            "{:<12} {:>6} {:>15} {:>9} {:>15} {:>6} {:>6} {:>6} {:>9}  skill",
            "model",
            "MASE",
            "95 % interval",
            "direction",
            "95 % interval",
            "50 %",
            "80 %",
            "95 %",
            "forecasts"
        );
        for model in &self.models {
            let [mase_low, mase_high] = model.mase_interval;
            let [right_low, right_high] = model.directional_accuracy_interval;
            let _ = writeln!(
                text,
                "{:<12} {:>6.4} {:>15} {:>9.3} {:>15} {:>6.3} {:>6.3} {:>6.3} {:>9}  {}",
                model.model.name(),
                model.mase,
                format!("{mase_low:.4}-{mase_high:.4}"),
                model.directional_accuracy,
                format!("{right_low:.3}-{right_high:.3}"),
                model.coverage_50,
                model.coverage_80,
                model.coverage_95,
                model.forecasts,
                if model.has_skill { "yes" } else { "no" }
            );
        }
        let verdict = if self.champion_has_skill {
            format!(
                "{} forecasts best, and beats the last price beyond doubt.",
                self.champion
            )
        } else if self.champion == ModelName::Persistence {
            "No model beats the last price.".to_owned()
        } else {
            format!(
                "{} has the lowest error, but no skill is shown: the difference from the last price may be chance.",
                self.champion
            )
        };
        let _ = writeln!(text, "\n{verdict}");
        text
    }
}
