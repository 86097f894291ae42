//! Trades that a consumer which builds no candles takes once each, by the rules by which candles count them.

use serde::{Deserialize, Serialize};

use super::rules::Rules;
use super::seen::{Insertion, SeenTrades};
use crate::market::Trade;

/// Earlier numberings of a venue's trades that are remembered.
const MAX_EARLIER: usize = 5;

/// Which trades of an instrument have been taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenTrades {
    current: SeenTrades,
    /// Oldest first.
    #[serde(default)]
    earlier: Vec<SeenTrades>,
}

/// A trade that was taken for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Trades are missing between the newest one before and this one, as their numbers show.
    pub after_gap: bool,
}

impl TakenTrades {
    /// Takes a trade; none if it was taken before, or is older than what is remembered.
    pub fn take(&mut self, trade: &Trade, rules: &Rules) -> Option<Taken> {
        let mut earlier = self.earlier.iter_mut();
        if let Some(earlier) = earlier.find(|seen| seen.explains(trade, rules.grace)) {
            return is_new(earlier.insert(trade, rules.max_runs))
                .then_some(Taken { after_gap: false });
        }
        let restarts = self.current.contradicts(trade, rules.grace);
        if restarts {
            let next = self.current.next_numbering();
            self.earlier
                .push(std::mem::replace(&mut self.current, next));
            if self.earlier.len() > MAX_EARLIER {
                self.earlier.remove(0);
            }
        }
        let newest = self.current.newest();
        let skips = newest.is_some_and(|newest| trade.id.0 > newest.0.saturating_add(1));
        is_new(self.current.insert(trade, rules.max_runs)).then_some(Taken {
            after_gap: skips || restarts,
        })
    }
}

fn is_new(insertion: Insertion) -> bool {
    matches!(insertion, Insertion::Next | Insertion::OutOfSequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Price, Quantity, TakerSide, Timestamp, TradeId};

    fn trade(id: u64, seconds: i64) -> Trade {
        Trade {
            id: TradeId(id),
            time: Timestamp::from_seconds(seconds).unwrap(),
            price: Price::parse("100").unwrap(),
            quantity: Quantity::parse("1").unwrap(),
            taker: TakerSide::Buy,
        }
    }

    #[test]
    fn each_trade_is_taken_once_also_after_a_restart_and_of_another_numbering() {
        let rules = Rules::default();
        let mut taken = TakenTrades::default();
        let mut take = |id, seconds| {
            let stored = serde_json::to_string(&taken).unwrap();
            taken = serde_json::from_str(&stored).unwrap();
            taken.take(&trade(id, seconds), &rules)
        };
        let next = Some(Taken { after_gap: false });
        let jumped = Some(Taken { after_gap: true });
        assert_eq!(take(10, 100), next);
        assert_eq!(take(10, 100), None);
        assert_eq!(take(11, 101), next);
        assert_eq!(take(14, 104), jumped);
        // It came out of order.
        assert_eq!(take(12, 102), next);
        assert_eq!(take(12, 102), None);
        // The venue begins its numbers again: the same number is another trade.
        assert_eq!(take(10, 200), jumped);
        assert_eq!(take(10, 200), None);
        assert_eq!(take(10, 100), None, "of the earlier numbering");
        assert_eq!(take(11, 201), next);
    }
}
