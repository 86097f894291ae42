//! Candles as the venue itself would compute them from its trades; exact.
//!
//! Knows nothing of how trades come about.

use super::trade::Trade;

/// A candle in ticks and lots; quote amounts in ticks × lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candle {
    /// Start, µs since the Unix epoch.
    pub open_time: i64,
    /// First price.
    pub open: i64,
    /// Highest price.
    pub high: i64,
    /// Lowest price.
    pub low: i64,
    /// Last price.
    pub close: i64,
    /// Quantity traded.
    pub volume: i128,
    /// Sum of price × quantity.
    pub quote_volume: i128,
    /// Number of trades.
    pub trades: u64,
    /// Quantity that takers bought.
    pub taker_buy_volume: i128,
    /// Sum of price × quantity that takers bought.
    pub taker_buy_quote_volume: i128,
    /// Id of the first trade.
    pub first_id: u64,
    /// Id of the last trade.
    pub last_id: u64,
}

impl Candle {
    pub(crate) fn opened_by(trade: &Trade, open_time: i64) -> Self {
        let mut candle = Self {
            open_time,
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: 0,
            quote_volume: 0,
            trades: 0,
            taker_buy_volume: 0,
            taker_buy_quote_volume: 0,
            first_id: trade.id,
            last_id: trade.id,
        };
        candle.add(trade);
        candle
    }

    /// A candle of an interval in which nothing traded: flat at `price`.
    pub(crate) fn flat(open_time: i64, price: i64) -> Self {
        Self {
            open_time,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 0,
            quote_volume: 0,
            trades: 0,
            taker_buy_volume: 0,
            taker_buy_quote_volume: 0,
            first_id: 0,
            last_id: 0,
        }
    }

    /// Adds a candle of later trades.
    pub(crate) fn merge(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.quote_volume += later.quote_volume;
        self.trades += later.trades;
        self.taker_buy_volume += later.taker_buy_volume;
        self.taker_buy_quote_volume += later.taker_buy_quote_volume;
        self.last_id = later.last_id;
    }

    pub(crate) fn add(&mut self, trade: &Trade) {
        let quantity = i128::from(trade.quantity);
        let quote = i128::from(trade.price) * quantity;
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume += quantity;
        self.quote_volume += quote;
        self.trades += 1;
        if trade.taker_buys {
            self.taker_buy_volume += quantity;
            self.taker_buy_quote_volume += quote;
        }
        self.last_id = trade.id;
    }
}
