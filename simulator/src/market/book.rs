//! Order books: the prices behind the best ones, and how much stands at each.
//!
//! A book depends on (seed, instrument, moment) only; its best prices are those that a taker arriving at
//! that moment would trade at. Nobody can place an order in it.

/// Orders at one price, in ticks and lots of the instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// Price in ticks.
    pub price: i64,
    /// Quantity in lots, at least 1.
    pub quantity: i64,
    /// Number of orders, at least 1.
    pub orders: u64,
    /// When the quantity last changed, µs since the Unix epoch.
    pub since: i64,
}

/// The orders that wait, best price first on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderBook {
    /// Number of the state: a later state has a higher one.
    pub update: u64,
    /// Those who would buy, by falling price.
    pub bids: Vec<Level>,
    /// Those who would sell, by rising price.
    pub asks: Vec<Level>,
}
