//! Candles in, forecasts out. This crate knows arrays of floats and times, and nothing of venues,
//! actors, databases or HTTP: a caller turns its exact candles into [`Bar`]s, and a forecast's
//! floats into whatever it shows.
//!
//! Floats live here only. Randomness comes from seeds, and time from the candles themselves.

pub mod bar;
pub mod baselines;
pub mod candle_file;
pub mod chart;
pub mod conformal;
pub mod drift;
pub mod features;
pub mod fit_error;
pub mod fitted;
pub mod live;
pub mod lstm;
pub mod lstm_model;
pub mod metrics;
pub mod model;
pub mod prepared;
pub mod report;
pub mod series;
#[cfg(test)]
mod testing;
pub mod training;
pub mod walk_forward;

pub use bar::{Bar, BarError, Interval};
pub use fit_error::ModelName;
pub use fitted::Fitted;
pub use prepared::Prepared;
pub use series::Series;
