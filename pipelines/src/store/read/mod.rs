//! Reading candles and gaps back.

mod candles;
mod closed;
mod gaps;
mod merge;
mod statement;

pub use closed::ClosedCandles;
pub(super) use gaps::gap_reason;
