//! Verdict of comparing a new version with the serving one. Training makes it, the card keeps it.

use serde::{Deserialize, Serialize};

use super::ModelId;
use crate::fit_error::ModelName;

/// Decision about a candidate's promotion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// True if it should.
    pub promote: bool,
    /// Why, in words.
    pub why: String,
    /// The version that it was compared with, if one served.
    pub serving: Option<ModelId>,
    /// The figures per horizon, where there was something to compare.
    pub horizons: Vec<HeldBack>,
}

impl Verdict {
    /// Before the comparison.
    pub(crate) fn undecided() -> Self {
        Self {
            promote: false,
            why: "not compared yet".to_owned(),
            serving: None,
            horizons: Vec::new(),
        }
    }
}

/// Two versions on the held-back candles of one horizon: the same forecasts, new to both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeldBack {
    /// The number of candles ahead.
    pub horizon: usize,
    /// The number of forecasts.
    pub forecasts: usize,
    /// The candidate's champion.
    pub model: ModelName,
    /// MASE of the candidate.
    pub candidate: f64,
    /// MASE of the serving version; absent when none serves.
    pub serving: Option<f64>,
}
