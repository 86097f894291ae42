//! The program: commands, configuration, wiring and the HTTP layer. A library so that tests can
//! reach its parts; `main.rs` is the binary.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod accounts;
pub use coinsphere_alerts as alerts;
pub mod app;
pub mod audit;
pub mod cli;
pub mod commands;
pub mod config;
pub mod forecasts;
pub mod http;
pub mod idempotency;
pub mod jobs;
pub mod market;
pub mod network;
pub mod notifications;
mod output;
pub use coinsphere_portfolios as portfolios;
pub mod secrets;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod user_alerts;
pub mod user_data;
pub mod user_portfolios;
