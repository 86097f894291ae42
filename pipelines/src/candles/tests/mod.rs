//! Tests of candle building, and the small feed they share.

mod clocks;
mod computed;
mod numberings;
mod rules;
mod truth;

use std::time::Duration;

use rust_decimal::Decimal;

use super::*;
use crate::events::{Body, ConnectionId, InstrumentTrades, Record};
use crate::market::{
    Candle, InstrumentKey, Price, Quantity, Symbol, TakerSide, Timestamp, Trade, TradeId,
};
use crate::venues;

/// 2024-08-08T00:00:00Z, in seconds.
const DAY: i64 = 1_723_075_200;

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_millis(DAY * 1_000 + (seconds * 1_000.0) as i64).unwrap()
}

fn symbol() -> Symbol {
    Symbol::new("BTCUSDT").unwrap()
}

fn key() -> InstrumentKey {
    InstrumentKey::new(venues::named("binance").unwrap(), symbol())
}

fn trade(id: u64, seconds: f64) -> Trade {
    Trade {
        id: TradeId(id),
        time: at(seconds),
        price: Price::new(Decimal::from(100 + id % 7)).unwrap(),
        quantity: Quantity::new(Decimal::new(1 + (id % 5) as i64, 3)).unwrap(),
        taker: if id.is_multiple_of(3) {
            TakerSide::Buy
        } else {
            TakerSide::Sell
        },
    }
}

/// Feeds an engine record by record; each arrives 50 ms after its newest trade unless said.
struct EngineDriver {
    engine: CandleEngine,
    connection: ConnectionId,
}

impl EngineDriver {
    fn new(rules: Rules) -> Self {
        Self {
            engine: CandleEngine::new(0, rules),
            connection: ConnectionId(1),
        }
    }

    /// Listening since before the day began, so that no minute is a late start's.
    fn since_midnight() -> Self {
        let mut feed = Self::new(Rules::default());
        feed.send(at(0.0), Body::Subscribed(vec![symbol()]));
        feed
    }

    fn send(&mut self, received_at: Timestamp, body: Body) {
        let record = Record {
            venue: venues::named("binance").unwrap(),
            connection: self.connection,
            received_at,
            body,
        };
        self.engine.apply(self.engine.next_offset(), &record);
    }

    fn trades(&mut self, trades: &[Trade]) {
        let newest = trades.iter().map(|trade| trade.time).max().unwrap();
        self.send(
            newest + Duration::from_millis(50),
            Body::Trades(vec![InstrumentTrades {
                symbol: symbol(),
                trades: trades.to_vec(),
            }]),
        );
    }

    fn tick(&mut self, seconds: f64) {
        self.send(at(seconds), Body::Tick);
    }

    fn commit(&mut self) -> Commit {
        self.engine.take_commit().unwrap_or_default()
    }

    fn complete(&mut self) -> Vec<(String, bool)> {
        self.commit()
            .closed
            .into_iter()
            .map(|write| {
                (
                    write.candle.open_time.to_string()[11..16].to_owned(),
                    write.candle.complete,
                )
            })
            .collect()
    }
}
