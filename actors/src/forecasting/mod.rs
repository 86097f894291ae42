//! Forecasts of stored candles: the series, the models' steps and their training.

pub mod predictor;
pub mod series;
pub mod store;
pub mod trainer;
