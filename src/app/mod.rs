//! Wiring: makes the parts from the configuration, starts them, and stops them in order. It holds
//! no logic of its own beyond that.

pub mod accounts;
pub mod database;
pub mod event_log;
mod feeds;
mod forecasts;
pub mod serve;
mod shared;
mod signals;

pub use signals::stop_requested;
