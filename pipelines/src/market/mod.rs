//! The vocabulary of a market: venue, asset, instrument, trade, candle, interval, exact decimals.
//! It knows nothing of protocols, files or databases.

mod asset;
mod candle;
mod instrument;
mod interval;
mod json;
mod majors;
mod number;
mod time;
mod trade;
mod venue;

pub use asset::{AssetId, AssetIdError};
pub use candle::Candle;
pub use instrument::{InstrumentKey, InstrumentKeyError, Symbol, SymbolError};
pub use interval::{Interval, UnknownInterval};
pub use json::{CandleJson, CandleRow, DecimalText};
pub use majors::MAJORS;
pub use number::{
    ImpossibleValue, Price, Quantity, exact_decimal, exact_product, exact_sum, parse_exact,
};
pub use time::{Timestamp, TimestampError};
pub use trade::{TakerSide, Trade, TradeId};
pub use venue::Venue;
