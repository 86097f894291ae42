//! Reading candles and gaps back.

mod candles;
mod gaps;
mod merge;
