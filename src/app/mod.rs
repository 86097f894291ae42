//! Wiring: makes the parts from the configuration, starts them, and stops them in order. It holds
//! no logic of its own beyond that.

pub mod accounts;
mod admin_token;
pub mod database;
pub mod event_log;
mod feeds;
mod forecasts;
mod health;
mod idempotency;
mod listing_cache;
mod listings;
mod reader;
pub mod serve;
mod shared;
mod signals;
mod store;

pub use idempotency::IdempotencyKeys;
pub use listings::AuditedActs;
pub use reader::Reader;
pub use signals::stop_requested;
