//! Data in, data out: what a market is made of, how venues speak, the event log, candles and the
//! store. This crate knows no actors and no server; it can be driven from a test, a file or the
//! running system alike.

pub mod backfill;
pub mod candles;
pub mod clock;
pub mod coverage;
pub mod events;
pub mod fnv;
pub mod log;
pub mod market;
pub mod net;
pub mod recording;
pub mod secret_settings;
pub mod shared_state;
pub mod signal;
pub mod store;
pub mod task;
pub mod time_ranges;
pub mod venues;
