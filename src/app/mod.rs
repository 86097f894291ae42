//! Wiring: makes the parts from the configuration, starts them, and stops them in order. It holds
//! no logic of its own beyond that.

mod admin_token;
pub mod database;
pub mod event_log;
mod forecasts;
mod health;
mod reader;
pub mod serve;
mod signals;
mod store;

pub use reader::Reader;
pub use signals::stop_requested;
