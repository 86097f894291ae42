//! One candle: what an instrument's trades of one interval come to.

use rust_decimal::Decimal;

use super::Timestamp;

/// Open, high, low, close and volumes of one interval. The instrument and the interval are the
/// context's.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Candle {
    /// Start of the interval, inclusive.
    pub open_time: Timestamp,
    /// Price of the first trade by (trade time, trade id).
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Price of the last trade by (trade time, trade id).
    pub close: Decimal,
    /// Sum of the quantities, in the base asset.
    pub volume: Decimal,
    /// Sum of price times quantity, in the quote asset.
    pub quote_volume: Decimal,
    /// The number of trades.
    pub trades: u64,
    /// The part of `volume` in which the taker bought.
    pub taker_buy_volume: Decimal,
    /// Closed, with no missing trade id, disconnect, silence or late start inside.
    pub complete: bool,
}
