//! Training a version from candles to card: walk-forward evaluation chooses each horizon's champion,
//! the models are fitted on everything but the newest part, and on that part the candidate is
//! compared with the model that serves. It knows nothing of schedules, threads or registries: its
//! caller decides when to train, how to stop it, and what to do with the verdict.

mod assemble;
mod judge;
mod run;
mod span;
#[cfg(test)]
mod tests;
mod verdict;

pub use run::{Listener, import, train, update};

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::fit_error::ModelName;
use crate::live::LiveModel;
use crate::lstm_model::LstmConfig;
use crate::model::{ModelKey, Verdict};
use crate::series::Series;

/// Horizons of a version at most.
const MOST_HORIZONS: usize = 8;

/// The longest horizon, in candles.
const MOST_AHEAD: usize = 1_000;

/// Candles that a training may use at most, whatever is asked: they bound its memory.
const MOST_CANDLES: usize = 200_000;

/// Settings of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingConfig {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// Tested blocks of the walk-forward evaluation, each forecast by a fit of its own.
    pub folds: usize,
    /// The newest candles used at most: memory and time grow with them.
    pub most_candles: usize,
    /// The share of the candles, the newest, that nothing is fitted on: the candidate is compared with
    /// the serving version there. At most 720 of them, and at least 25 more than the longest horizon.
    pub held_back: f64,
    /// The networks.
    pub lstm: LstmConfig,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            folds: 5,
            most_candles: 20_000,
            held_back: 0.1,
            lstm: LstmConfig::default(),
        }
    }
}

/// Subject of a training.
#[derive(Debug, Clone)]
pub struct TrainRequest<'a> {
    /// Of which candles it is a model.
    pub key: ModelKey,
    /// The candles.
    pub series: &'a Series,
    /// The number of candles ahead to forecast, ascending, each once.
    pub horizons: Vec<usize>,
    /// How.
    pub config: TrainingConfig,
    /// The version that serves: the candidate is compared with it, and an update goes on from it.
    pub serving: Option<&'a LiveModel>,
    /// Now.
    pub created_at: DateTime<Utc>,
    /// Version of the program.
    pub code_version: &'a str,
}

impl TrainRequest<'_> {
    fn check(&self) -> Result<(), TrainingError> {
        let demand = |is_met: bool, setting, found: String, wanted| {
            if is_met {
                return Ok(());
            }
            Err(TrainingError::Setting {
                key: self.key.clone(),
                setting,
                found,
                wanted,
            })
        };
        let config = &self.config;
        let ascending = self.horizons.windows(2).all(|pair| pair[0] < pair[1]);
        let sized = (1..=MOST_HORIZONS).contains(&self.horizons.len())
            && self.horizons.iter().all(|h| (1..=MOST_AHEAD).contains(h));
        demand(
            ascending && sized,
            "the horizons",
            format!("{:?}", self.horizons),
            "1 to 8 ascending numbers of candles from 1 to 1000",
        )?;
        demand(
            self.series.interval() == self.key.interval(),
            "the candles' interval",
            self.series.interval().to_string(),
            "the model's",
        )?;
        demand(
            (1..=100).contains(&config.folds),
            "folds",
            config.folds.to_string(),
            "from 1 to 100",
        )?;
        demand(
            config.most_candles <= MOST_CANDLES,
            "most_candles",
            config.most_candles.to_string(),
            "at most 200000",
        )?;
        demand(
            (0.0..=0.5).contains(&config.held_back),
            "held_back",
            config.held_back.to_string(),
            "a share from 0 to 0.5",
        )?;
        demand(
            (2..=16).contains(&config.lstm.networks),
            "lstm.networks",
            config.lstm.networks.to_string(),
            "from 2 to 16",
        )?;
        demand(
            (1..=64).contains(&config.lstm.threads),
            "lstm.threads",
            config.lstm.threads.to_string(),
            "from 1 to 64",
        )
    }

    fn candles(&self, why: String) -> TrainingError {
        TrainingError::Candles {
            key: self.key.clone(),
            why,
        }
    }

    fn failed(&self, why: &str) -> TrainingError {
        TrainingError::Failed {
            key: self.key.clone(),
            why: why.to_owned(),
        }
    }
}

/// Progress of a training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum Progress {
    /// Walk-forward evaluation: a model begins a block.
    Evaluating {
        /// Which model.
        model: ModelName,
        /// Which block, from 0.
        fold: usize,
        /// Of how many.
        folds: usize,
    },
    /// The final fit: a network has done an epoch.
    Fitting {
        /// Which network, from 0.
        network: usize,
        /// Of how many.
        networks: usize,
        /// Which epoch, from 1.
        epoch: usize,
        /// Of how many at most.
        epochs: usize,
        /// Loss on the windows learned from.
        training_loss: f64,
        /// Loss on those held out to decide when to stop.
        validation_loss: Option<f64>,
    },
    /// The comparison with the serving version.
    Comparing,
}

/// Asks a training to stop; it does before the next epoch. Cheap to clone.
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

    /// Returns whether someone has asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A trained version that nobody has kept or promoted yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The version; its card holds the evaluation and the verdict.
    pub model: LiveModel,
}

impl Candidate {
    /// Verdict on whether it should serve.
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
        /// The missing part.
        why: String,
    },
    /// A setting is out of range.
    #[error("cannot train {key}: {setting} is {found}, it must be {wanted}")]
    Setting {
        /// Of which model.
        key: ModelKey,
        /// Which setting.
        setting: &'static str,
        /// The value found.
        found: String,
        /// The values allowed.
        wanted: &'static str,
    },
    /// A model could not be fitted or evaluated.
    #[error("cannot train {key}: {why}")]
    Failed {
        /// Of which model.
        key: ModelKey,
        /// The reason.
        why: String,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evaluating { model, fold, folds } => {
                write!(f, "evaluating {model}: block {} of {folds}", fold + 1)
            }
            Self::Fitting {
                network,
                networks,
                epoch,
                epochs,
                training_loss,
                validation_loss,
            } => {
                write!(
                    f,
                    "network {} of {networks}, epoch {epoch} of at most {epochs}: loss {training_loss:.5}",
                    network + 1
                )?;
                match validation_loss {
                    Some(loss) => write!(f, ", validation {loss:.5}"),
                    None => Ok(()),
                }
            }
            Self::Comparing => f.write_str("comparing with the serving version"),
        }
    }
}
