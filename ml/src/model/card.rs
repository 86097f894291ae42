//! The card of a model version: where it comes from, how it was made, and how good it was found to
//! be. It is read by people and programs; forecasting needs the rest of the file.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::id::{ModelId, ModelKey};
use super::verdict::Verdict;
use crate::bar::Interval;
use crate::features::Scaler;
use crate::fit_error::ModelName;
use crate::lstm::{Architecture, Epoch};
use crate::metrics::Skill;
use crate::training::TrainingConfig;

/// The layout of cards and model files.
pub const FORMAT: u32 = 1;

/// Description of a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The layout: [`FORMAT`].
    pub format: u32,
    /// Which version.
    pub id: ModelId,
    /// The asset, by its CoinGecko id.
    pub asset: String,
    /// The candles' length.
    pub interval: Interval,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Version of the program that made it.
    pub code_version: String,
    /// Where its network comes from.
    pub origin: Origin,
    /// Shape of the network.
    pub architecture: Architecture,
    /// The horizons it forecasts, in candles, ascending; the network's outputs in this order.
    pub horizons: Vec<usize>,
    /// Names of the inputs, in order.
    pub features: Vec<String>,
    /// Centring and scaling of the network's inputs: statistics of the training part only.
    pub scaler: Scaler,
    /// Candles that it learned from.
    pub training: TrainingSpan,
    /// The version whose walk-forward evaluation this is: itself, or the one that it continues.
    pub evaluated: ModelId,
    /// Results of the walk-forward evaluation and the method that serves, per horizon.
    pub evaluation: Vec<HorizonEvaluation>,
    /// The comparison with the model that served when it was made, on candles new to both.
    pub verdict: Verdict,
}

/// Where a version's network comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Origin {
    /// Fresh weights, trained.
    Trained,
    /// The weights of an earlier version, trained on.
    Continued {
        /// Which version.
        from: ModelId,
    },
    /// PyTorch weights.
    Imported {
        /// Name of the file, without its directory.
        file: String,
    },
}

/// Candles that a version learned from, and the settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingSpan {
    /// Open time of the first candle.
    pub first: DateTime<Utc>,
    /// Open time of the last candle that anything was fitted on. The version forecasts from this one
    /// on.
    pub last: DateTime<Utc>,
    /// Candles from the first to the last, filled ones included.
    pub candles: usize,
    /// Newer candles that were held back for the comparison with the serving model.
    pub held_back: usize,
    /// SHA-256 over all of these candles.
    pub data_sha256: String,
    /// How.
    pub config: TrainingConfig,
    /// The losses of each network, an entry per epoch.
    pub losses: Vec<Vec<Epoch>>,
}

/// Results of the evaluation on one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HorizonEvaluation {
    /// The number of candles ahead.
    pub horizon: usize,
    /// The model that serves this horizon.
    pub champion: ModelName,
    /// True if the champion beat persistence beyond chance. If not, its forecast is to be shown as
    /// having no skill.
    pub has_skill: bool,
    /// Every model's figures.
    pub models: Vec<ModelScore>,
}

impl HorizonEvaluation {
    /// The figures of the model that serves.
    #[must_use]
    pub fn of_champion(&self) -> Option<&ModelScore> {
        self.models
            .iter()
            .find(|score| score.model == self.champion)
    }
}

/// A model's figures in walk-forward evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelScore {
    /// Which model.
    pub model: ModelName,
    /// MASE and directional accuracy with their confidence intervals, coverage, and whether it beat
    /// persistence beyond doubt.
    pub skill: Skill,
}

impl Card {
    /// Of which candles it is a model.
    ///
    /// # Panics
    /// Never for a card that was read from a file or made by training: both check the asset's name.
    #[must_use]
    pub fn key(&self) -> ModelKey {
        ModelKey::new(&self.asset, self.interval).expect("the name was checked")
    }

    /// The evaluation of a horizon.
    #[must_use]
    pub fn horizon(&self, horizon: usize) -> Option<&HorizonEvaluation> {
        self.evaluation.iter().find(|of| of.horizon == horizon)
    }

    /// Open time of the last candle that it was fitted on, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn trained_through(&self) -> i64 {
        self.training.last.timestamp_millis()
    }
}
