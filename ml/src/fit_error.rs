//! The models' names, and why one of them cannot be fitted. It knows none of the models.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The models there are, in the order of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelName {
    /// The recurrent network.
    Lstm,
    /// The last price: an expected return of zero.
    Persistence,
    /// The mean return so far.
    Drift,
    /// Linear with a squared penalty.
    Ridge,
    /// Linear with a squared and an absolute penalty.
    ElasticNet,
    /// Exponential smoothing of the log price.
    AutoEts,
}

impl ModelName {
    /// Every model, in the order of reports.
    pub const ALL: [Self; 6] = [
        Self::Lstm,
        Self::Persistence,
        Self::Drift,
        Self::Ridge,
        Self::ElasticNet,
        Self::AutoEts,
    ];

    /// Its name in reports and model files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lstm => "lstm",
            Self::Persistence => "persistence",
            Self::Drift => "drift",
            Self::Ridge => "ridge",
            Self::ElasticNet => "elastic_net",
            Self::AutoEts => "auto_ets",
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no model has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no model is called {0:?}: use one of lstm, persistence, drift, ridge, elastic_net, auto_ets"
)]
pub struct UnknownModel(String);

impl FromStr for ModelName {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|model| model.name() == name)
            .ok_or_else(|| UnknownModel(name.to_owned()))
    }
}

/// Why a model cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FitError {
    /// There are too few outcomes to learn from.
    #[error("cannot fit {model}: {found} known outcomes are too few, {needed} are needed")]
    TooShort {
        /// Which model.
        model: ModelName,
        /// Number of outcomes found.
        found: usize,
        /// Number of outcomes needed.
        needed: usize,
    },
    /// The arithmetic ended in something that is no number.
    #[error("cannot fit {model}: {reason}")]
    Numerics {
        /// Which model.
        model: ModelName,
        /// Reason of the failure.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("fitting was cancelled")]
    Cancelled,
}
