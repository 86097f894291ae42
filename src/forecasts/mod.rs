//! Forecasts: which series are forecast, how their history is loaded, their models trained, kept and
//! read. It knows the store, the ml crate and the actors that step models; nothing of HTTP.

pub(crate) mod catalogue;
pub(crate) mod history;
mod model_repository;
mod model_trainer;
mod parts;
mod reader;
mod service;
mod settings;
mod training_job;

pub use catalogue::{ENOUGH_REALISED, SERIES, horizons, models_directory};
pub(crate) use history::VENUE as HISTORY_VENUE;
pub(crate) use model_repository::{MlModelRepository, bar};
pub(crate) use model_trainer::MlModelTrainer;
pub(crate) use parts::ForecastParts;
pub(crate) use reader::{ForecastReader, ForecastReaderDeps};
pub use service::{Estimate, Forecasts, Judged, ModelVersion, PastQuery, PromoteError, Skill};
pub use settings::ForecastSettings;
pub(crate) use training_job::TrainingHandler;
