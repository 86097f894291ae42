//! Candles from trades: a pure function of the event log, and what it asks the store to write.
//!
//! [`CandleEngine`] holds the state of one partition's instruments. [`CandlePipeline`] feeds it from
//! a log and rebuilds closed minutes that late trades belong to.

mod aggregate;
mod builder;
mod effects;
mod engine;
mod instrument;
mod pipeline;
mod rebuild;
mod rules;
mod seen;
mod taken;
#[cfg(test)]
mod tests;

pub use aggregate::{derive, merge};
pub use builder::CandleBuilder;
pub use effects::{CandleWrite, Checkpoint, Commit, Gap, GapReason};
pub use engine::{CandleEngine, EngineCounts, FinalCandles, LiveUpdates, StateError};
pub use pipeline::{CandlePipeline, PipelineError, Step};
pub use rules::Rules;
pub use taken::{Taken, TakenTrades};
