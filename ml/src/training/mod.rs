//! Training a version from candles to card: walk-forward evaluation chooses each horizon's champion,
//! the models are fitted on everything but the newest part, and on that part the candidate is
//! compared with the model that serves. It knows nothing of schedules, threads or registries: its
//! caller decides when to train, how to stop it, and what to do with the verdict.

mod span;
mod verdict;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fitted::ModelName;
use crate::live::LiveModel;
use crate::model::{ModelId, ModelKey};
use crate::series::Series;

/// How to train.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Folds of the walk-forward evaluation.
    pub folds: usize,
    /// The newest candles used at most: memory and time grow with them.
    pub most_candles: usize,
    /// The share of the candles, the newest, that nothing is fitted on.
    pub held_back: f64,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            folds: 5,
            most_candles: 20_000,
            held_back: 0.1,
        }
    }
}

/// What to train.
#[derive(Debug, Clone)]
pub struct TrainRequest<'a> {
    /// Of which candles it is a model.
    pub key: ModelKey,
    /// The candles.
    pub series: &'a Series,
    /// How many candles ahead to forecast, ascending.
    pub horizons: Vec<usize>,
    /// How.
    pub config: TrainingConfig,
    /// The model that serves: the candidate is compared with it.
    pub serving: Option<&'a LiveModel>,
    /// Whether to go on from the serving model's network instead of from fresh weights.
    pub warm_start: bool,
    /// Now.
    pub created_at: DateTime<Utc>,
    /// Version of the program.
    pub code_version: &'a str,
}

/// What a training is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Progress {
    /// Walk-forward evaluation.
    Evaluating {
        /// Share that is done, 0 to 1.
        done: f64,
    },
    /// The final fit of the network.
    Fitting {
        /// Epochs done.
        epoch: usize,
        /// Epochs at most.
        epochs: usize,
        /// Loss on the windows learned from.
        training_loss: f64,
        /// Loss on those held out.
        validation_loss: f64,
    },
    /// The comparison with the serving model.
    Comparing,
}

/// Asks a training to stop; it does within an epoch. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether someone has asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Whether a candidate should serve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Whether it should.
    pub promote: bool,
    /// Why, in words.
    pub why: String,
    /// The version that it was compared with, if one served.
    pub serving: Option<ModelId>,
    /// The figures per horizon, where there was something to compare.
    pub horizons: Vec<HeldBack>,
}

/// Two versions on the held-back candles of one horizon: the same forecasts, new to both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldBack {
    /// How many candles ahead.
    pub horizon: usize,
    /// How many forecasts.
    pub forecasts: usize,
    /// The candidate's champion.
    pub model: ModelName,
    /// MASE of the candidate.
    pub candidate: f64,
    /// MASE of the serving version; absent when none serves.
    pub serving: Option<f64>,
}

/// A trained version that nobody has kept or promoted yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The version; its card holds the evaluation and the verdict.
    pub model: LiveModel,
}

impl Candidate {
    /// Whether it should serve.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.model.card().verdict
    }
}

/// Why there is no candidate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrainingError {
    /// The caller asked to stop.
    #[error("training was cancelled")]
    Cancelled,
    /// The candles do not suffice.
    #[error("cannot train {key}: {why}")]
    Candles {
        /// Of which model.
        key: ModelKey,
        /// What is missing.
        why: String,
    },
    /// A setting is out of range.
    #[error("cannot train {key}: {setting} is {found}, it must be {wanted}")]
    Setting {
        /// Of which model.
        key: ModelKey,
        /// Which setting.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        wanted: &'static str,
    },
    /// A model could not be fitted or evaluated.
    #[error("cannot train {key}: {why}")]
    Failed {
        /// Of which model.
        key: ModelKey,
        /// What went wrong.
        why: String,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evaluating { done } => write!(f, "evaluating: {:.0} %", done * 100.0),
            Self::Fitting {
                epoch,
                epochs,
                training_loss,
                validation_loss,
            } => write!(
                f,
                "epoch {epoch} of {epochs}: loss {training_loss:.5}, validation {validation_loss:.5}"
            ),
            Self::Comparing => f.write_str("comparing with the serving model"),
        }
    }
}
