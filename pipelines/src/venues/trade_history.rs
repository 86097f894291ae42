//! The part of a venue's folder that gives single trades of the past by their numbers: the requests to its
//! REST interface and the reading of the answers. Pure: sending belongs to `rest_client`, what is missing to
//! `backfill`.

use std::collections::BTreeMap;

use super::history::{Answer, Question, VenueRefusal};
use crate::market::{Symbol, Timestamp, Trade, TradeId};

/// A venue's trades of the past, over REST.
pub trait TradeHistory: Send + Sync + 'static {
    /// The request for the trades of a stretch of numbers, or for a part of them.
    fn trades(&self, endpoint: &str, symbol: &Symbol, missing: &MissingTrades) -> Question;

    /// The trades in an answer, in any order; those of other numbers are ignored.
    ///
    /// # Errors
    /// When it is a refusal or cannot be read.
    fn read_trades(&self, answer: &Answer<'_>) -> Result<Vec<Trade>, VenueRefusal>;

    /// Trades that one answer may hold, where numbers can be asked for from any one on; `None` where the next
    /// page is known from the one before.
    fn trades_a_page(&self, endpoint: &str) -> Option<u64>;
}

/// Trades that are missing of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingTrades {
    /// The first number, inclusive.
    pub first: TradeId,
    /// The last number, inclusive.
    pub last: TradeId,
    /// None of them is older.
    pub from: Timestamp,
    /// None of them is newer.
    pub to: Timestamp,
}

impl MissingTrades {
    /// How many are missing.
    #[must_use]
    pub const fn count(&self) -> u64 {
        (self.last.0 - self.first.0).saturating_add(1)
    }

    /// Stretches of at most so many numbers, ascending.
    pub(crate) fn pages(self, count: u64) -> impl Iterator<Item = Self> {
        let step = count.max(1);
        let starts = (0..self.count().div_ceil(step)).map(move |page| self.first.0 + page * step);
        starts.map(move |first| Self {
            first: TradeId(first),
            last: TradeId(self.last.0.min(first.saturating_add(step - 1))),
            ..self
        })
    }

    /// The rest that lies between the trades found at its two ends; `None` if there is none.
    pub(crate) fn without(mut self, found: &BTreeMap<u64, Trade>) -> Option<Self> {
        while let Some(trade) = found.get(&self.first.0) {
            self.from = self.from.max(trade.time);
            if self.first == self.last {
                return None;
            }
            self.first.0 += 1;
        }
        while let Some(trade) = found.get(&self.last.0) {
            self.to = self.to.min(trade.time);
            self.last.0 -= 1;
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Price, Quantity, TakerSide};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second).unwrap()
    }

    fn missing(first: u64, last: u64) -> MissingTrades {
        MissingTrades {
            first: TradeId(first),
            last: TradeId(last),
            from: at(0),
            to: at(100),
        }
    }

    fn found(ids: &[u64]) -> BTreeMap<u64, Trade> {
        let trade = |id: u64| Trade {
            id: TradeId(id),
            time: at(id as i64),
            price: Price::parse("1").unwrap(),
            quantity: Quantity::parse("1").unwrap(),
            taker: TakerSide::Buy,
        };
        ids.iter().map(|id| (*id, trade(*id))).collect()
    }

    #[test]
    fn what_was_found_at_the_ends_is_no_longer_missing() {
        let left = missing(10, 20).without(&found(&[10, 11, 15, 20])).unwrap();
        assert_eq!((left.first.0, left.last.0), (12, 19));
        assert_eq!((left.from, left.to), (at(11), at(20)));
        assert_eq!(missing(10, 11).without(&found(&[10, 11])), None);
        assert_eq!(missing(10, 10).without(&found(&[])), Some(missing(10, 10)));
    }

    #[test]
    fn pages_cover_every_number_once() {
        let pages: Vec<_> = missing(5, 11).pages(3).collect();
        let numbers: Vec<_> = pages
            .iter()
            .map(|page| (page.first.0, page.last.0))
            .collect();
        assert_eq!(numbers, [(5, 7), (8, 10), (11, 11)]);
        assert_eq!(missing(1, u64::MAX).count(), u64::MAX);
    }
}
