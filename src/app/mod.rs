//! Builds the parts from the configuration, starts them and stops them in order: one short file a feature,
//! without logic and SQL of its own.

pub mod accounts;
mod alerts;
mod audit;
mod backfills;
mod candles;
pub mod database;
pub mod event_log;
mod feeds;
mod http;
pub mod notifications;
mod portfolios;
mod repair;
pub mod serve;
mod shared;
mod signals;

pub use signals::stop_requested;
