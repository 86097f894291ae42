//! One candle in the making: trades in, in any order, each at most once.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::market::{Candle, TakerSide, Timestamp, Trade, exact_product, exact_sum};

/// The trades of one interval so far. Whoever adds trades has dropped duplicates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandleBuilder {
    /// (time in ns, id) of the first and of the last trade: venues do not always deliver in order.
    first: (i64, u64),
    last: (i64, u64),
    open: Decimal,
    high: Decimal,
    low: Decimal,
    close: Decimal,
    volume: Decimal,
    quote_volume: Decimal,
    taker_buy_volume: Decimal,
    trades: u64,
    /// A sum grew beyond what an exact decimal holds; the candle must not claim to be complete.
    overflowed: bool,
}

impl CandleBuilder {
    /// A candle of one trade.
    #[must_use]
    pub fn new(trade: &Trade) -> Self {
        let price = trade.price.get();
        let mut builder = Self {
            first: key(trade),
            last: key(trade),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ZERO,
            quote_volume: Decimal::ZERO,
            taker_buy_volume: Decimal::ZERO,
            trades: 0,
            overflowed: false,
        };
        builder.add(trade);
        builder
    }

    /// Adds one more trade.
    pub fn add(&mut self, trade: &Trade) {
        let (price, quantity, key) = (trade.price.get(), trade.quantity.get(), key(trade));
        if key < self.first {
            self.first = key;
            self.open = price;
        }
        if key >= self.last {
            self.last = key;
            self.close = price;
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.trades += 1;
        let volume = exact_sum(self.volume, quantity);
        let quote_volume =
            exact_product(price, quantity).and_then(|value| exact_sum(self.quote_volume, value));
        match (volume, quote_volume) {
            (Some(volume), Some(quote_volume)) => {
                self.volume = volume;
                self.quote_volume = quote_volume;
                if trade.taker == TakerSide::Buy {
                    // Never more than `volume`, which did not overflow.
                    self.taker_buy_volume += quantity;
                }
            }
            _ => self.overflowed = true,
        }
    }

    /// Returns whether a sum could not be held exactly, so that the candle lacks trades in its volumes.
    #[must_use]
    pub const fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// The candle so far.
    #[must_use]
    pub fn candle(&self, open_time: Timestamp, complete: bool) -> Candle {
        Candle {
            open_time,
            open: self.open,
            high: self.high,
            low: self.low,
            close: self.close,
            volume: self.volume.normalize(),
            quote_volume: self.quote_volume.normalize(),
            trades: self.trades,
            taker_buy_volume: self.taker_buy_volume.normalize(),
            complete: complete && !self.overflowed,
        }
    }
}

const fn key(trade: &Trade) -> (i64, u64) {
    (trade.time.nanos(), trade.id.0)
}
