//! Reading candles and gaps back.

mod candles;
mod closed;
mod gaps;
mod merge;

pub use closed::ClosedCandles;
