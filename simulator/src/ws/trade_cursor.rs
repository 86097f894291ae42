//! One connection's place in one instrument's trades.

use crate::market::{Instrument, Market, Trade};

/// A cursor over the trades of one instrument; it makes a block at a time.
#[derive(Debug)]
pub(crate) struct TradeCursor {
    /// Position of the instrument in the market.
    pub(crate) instrument: usize,
    next_id: u64,
    block: Vec<Trade>,
    at: usize,
}

impl TradeCursor {
    /// Trades from `now` on.
    pub(crate) fn new(market: &Market, instrument: &Instrument, now: i64) -> Self {
        let mut cursor = Self {
            instrument: instrument.index,
            next_id: market.count_before(instrument, now) + 1,
            block: Vec::new(),
            at: 0,
        };
        cursor.refill(market);
        cursor
    }

    /// Time of the next trade, µs.
    pub(crate) fn due(&self) -> i64 {
        self.block.get(self.at).map_or(i64::MAX, |trade| trade.time)
    }

    /// The next trade, if it happened by `now`.
    pub(crate) fn next(&mut self, market: &Market, now: i64) -> Option<Trade> {
        let trade = *self.block.get(self.at)?;
        if trade.time > now {
            return None;
        }
        self.at += 1;
        self.next_id = trade.id + 1;
        if self.at == self.block.len() {
            self.refill(market);
        }
        Some(trade)
    }

    fn refill(&mut self, market: &Market) {
        self.block.clear();
        market.block_of(
            market.instrument(self.instrument),
            self.next_id,
            &mut self.block,
        );
        self.at = self.block.partition_point(|trade| trade.id < self.next_id);
    }
}
