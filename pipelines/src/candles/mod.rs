//! Candles from trades: a pure function of the event log, and what it asks the store to write.

mod effects;

pub use effects::{CandleWrite, Checkpoint, Commit, Gap, GapReason};
