//! The port for questions about forecasts and models. The program implements it on the database and the
//! registry of models; tests have an implementation in memory.

use async_trait::async_trait;
use coinsphere_pipelines::market::{AssetId, InstrumentKey, Interval, Timestamp};
use coinsphere_pipelines::store::StoredForecast;
use uuid::Uuid;

use crate::market::ReadError;

/// Reads forecasts and models, and changes which models serve.
#[async_trait]
pub trait Forecasts: Send + Sync + 'static {
    /// The newest forecasts that rest on a token's candles of one length, one a horizon, shortest
    /// first. Empty while there are none.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn newest(&self, token: &AssetId, interval: Interval) -> Result<Vec<Judged>, ReadError>;

    /// Forecasts and what came of them, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn past(&self, query: &PastQuery) -> Result<Vec<StoredForecast>, ReadError>;

    /// Record of the realised forecasts; `None` while there are none.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn track_record(&self, query: &PastQuery) -> Result<Option<Skill>, ReadError>;

    /// The instrument whose candles are looked at for a token; `None` if nothing trades it.
    ///
    /// # Errors
    /// When that cannot be read.
    async fn instrument(&self, token: &AssetId) -> Result<Option<InstrumentKey>, ReadError>;

    /// Every version of every model, by token and interval, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn models(&self) -> Result<Vec<ModelVersion>, ReadError>;

    /// A version; `None` if there is none of this id.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn model(&self, id: &str) -> Result<Option<ModelVersion>, ReadError>;

    /// Makes a version serve.
    ///
    /// # Errors
    /// When it does not serve afterwards: what served goes on serving.
    async fn promote(&self, id: &str) -> Result<ModelVersion, PromoteError>;

    /// Asks for trainings: of this token and interval, or of all. The names of the series that will
    /// be trained, though the program stops before; `None` if this process does not train.
    ///
    /// # Errors
    /// When that cannot be written down.
    async fn train(
        &self,
        token: Option<&AssetId>,
        interval: Option<Interval>,
        requested_by: Option<Uuid>,
    ) -> Result<Option<Vec<String>>, ReadError>;
}

/// Why a version was not promoted.
#[derive(Debug, thiserror::Error)]
pub enum PromoteError {
    /// There is no such version.
    #[error("there is no such version")]
    Unknown,
    /// Its files are broken, or of another program.
    #[error("{0}")]
    Unusable(String),
    /// The registry cannot be changed.
    #[error(transparent)]
    Failed(#[from] ReadError),
}

/// Which past forecasts to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastQuery {
    /// Of what.
    pub token: AssetId,
    /// Resting on candles of this length.
    pub interval: Interval,
    /// The number of candles ahead.
    pub horizon: u32,
    /// Of this version only.
    pub model: Option<String>,
    /// Resting on candles that opened before this only.
    pub before: Option<Timestamp>,
    /// Page size.
    pub limit: usize,
}

/// A forecast and how far to trust it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The forecast.
    pub stored: StoredForecast,
    /// Skill of the model in walk-forward evaluation; `None` if its card is gone.
    pub evaluated: Option<Skill>,
    /// Skill of its forecasts since it serves; `None` while too few have been realised.
    pub live: Option<Skill>,
}

/// A figure with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// The score of forecasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skill {
    /// Mean absolute error of the log return over that of persistence on the same forecasts.
    pub mase: Estimate,
    /// Share with the right direction; zero counts one half.
    pub directional_accuracy: Estimate,
    /// Shares inside the 50, 80 and 95 % intervals; `None` where none were given.
    pub coverage: Option<[f64; 3]>,
    /// The number of forecasts.
    pub forecasts: usize,
    /// True if they were better than persistence beyond chance.
    pub has_skill: bool,
}

/// A version of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelVersion {
    /// The version.
    pub id: String,
    /// The token that it forecasts.
    pub token: String,
    /// From candles of this length.
    pub interval: Interval,
    /// True if it serves.
    pub serves: bool,
    /// Why it is not usable, if it is not.
    pub error: Option<String>,
    /// Its card; nothing if there is none.
    pub card: Option<serde_json::Value>,
    /// By horizon: how many candles, the method that serves, and how it did.
    pub horizons: Vec<(u32, String, Option<Skill>)>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}
