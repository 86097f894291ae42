//! The shapes of answers about models and their training.

use coinsphere_pipelines::market::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::forecasts::{ModelVersion, Skill};
use crate::http::controllers::predictions::views::{SkillView, horizon_of};

/// A version of a model.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Model)]
pub(in crate::http) struct ModelView {
    /// The version.
    #[schema(example = "20261122T115607264Z-434acd1c")]
    id: String,
    /// CoinGecko id of the asset it forecasts.
    #[schema(example = "bitcoin")]
    token: String,
    /// Length of the candles it is trained on.
    #[schema(example = "1h")]
    interval: &'static str,
    /// True when this version serves.
    serves: bool,
    /// Why it cannot serve; null if it can.
    #[schema(example = "the weights do not fit the card")]
    error: Option<String>,
    /// When it was made.
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    /// By horizon.
    horizons: Vec<ModelHorizonView>,
}

/// A version at one horizon.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelHorizon)]
pub(in crate::http) struct ModelHorizonView {
    /// The horizon.
    #[schema(example = "24h")]
    horizon: String,
    /// The method that serves.
    #[schema(example = "lstm")]
    method: String,
    /// Its skill.
    skill: SkillView,
}

/// Some of the fields of a version's card.
#[derive(ToSchema)]
#[schema(as = ModelCard)]
#[allow(dead_code, reason = "describes what the card's own type writes")]
pub(in crate::http) struct CardView {
    /// The version of the card's format.
    #[schema(example = 1)]
    format: u32,
    /// The asset, by its CoinGecko id.
    #[schema(example = "bitcoin")]
    asset: String,
    /// Length of a candle.
    #[schema(example = "1h")]
    interval: String,
    /// The horizons it forecasts, in candles, ascending.
    #[schema(example = json!([1, 24, 168]))]
    horizons: Vec<u32>,
    /// The names of the inputs, in order.
    #[schema(example = json!(["return_0", "return_1"]))]
    features: Vec<String>,
}

/// A version of a model with its card.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelDetail)]
pub(in crate::http) struct ModelDetailView {
    #[serde(flatten)]
    model: ModelView,
    /// Architecture, features, scaler, training span, evaluation and verdict.
    #[schema(value_type = Option<CardView>)]
    card: Option<serde_json::Value>,
}

/// Trainings that were queued.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QueuedTrainings)]
pub(in crate::http) struct QueuedView {
    /// Token and interval of each training.
    #[schema(example = json!(["bitcoin/1h"]))]
    pub(in crate::http) queued: Vec<String>,
}

impl From<&ModelVersion> for ModelView {
    fn from(version: &ModelVersion) -> Self {
        let horizon = |(candles, method, skill): &(u32, String, Option<Skill>)| ModelHorizonView {
            horizon: horizon_of(version.interval, *candles),
            method: method.clone(),
            skill: SkillView::new(skill.as_ref(), None),
        };
        Self {
            id: version.id.clone(),
            token: version.token.clone(),
            interval: version.interval.name(),
            serves: version.serves,
            error: version.error.clone(),
            created_at: version.created_at,
            horizons: version.horizons.iter().map(horizon).collect(),
        }
    }
}

impl From<&ModelVersion> for ModelDetailView {
    fn from(version: &ModelVersion) -> Self {
        Self {
            model: version.into(),
            card: version.card.clone(),
        }
    }
}
