//! Binance's trades of the past: `/api/v3/historicalTrades`.
//!
//! Source: rest-api.md of binance-spot-api-docs, "Old trade lookup" (weight 25, at most 1,000, `fromId`
//! inclusive). Aggregate trades are cheaper but join several, so that their numbers are others.

use serde::Deserialize;

use super::Binance;
use super::decode::taker;
use super::rest::accepted;
use crate::market::{Symbol, Trade};
use crate::venues::history::{Answer, Question, VenueRefusal, escaped};
use crate::venues::protocol::DecodeError;
use crate::venues::scalar::Scalar;
use crate::venues::trade_history::{MissingTrades, TradeHistory};

/// Trades of one answer at most.
const LIMIT: u64 = 1_000;

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    id: Scalar<'a>,
    #[serde(borrow)]
    price: Scalar<'a>,
    #[serde(borrow)]
    qty: Scalar<'a>,
    #[serde(borrow)]
    time: Scalar<'a>,
    #[serde(rename = "isBuyerMaker")]
    is_buyer_maker: bool,
}

impl TradeHistory for Binance {
    fn trades(&self, endpoint: &str, symbol: &Symbol, missing: &MissingTrades) -> Question {
        Question {
            url: format!(
                "{}/api/v3/historicalTrades?symbol={}&fromId={}&limit={}",
                endpoint.trim_end_matches('/'),
                escaped(symbol.as_str()),
                missing.first.0,
                missing.count().min(LIMIT),
            ),
            cost: 25,
        }
    }

    fn read_trades(&self, answer: &Answer<'_>) -> Result<Vec<Trade>, VenueRefusal> {
        accepted(answer)?;
        let rows: Vec<Row<'_>> =
            serde_json::from_slice(answer.body).map_err(VenueRefusal::unreadable)?;
        let trade = |row: &Row<'_>| -> Result<Trade, DecodeError> {
            Ok(Trade {
                id: row.id.trade_id()?,
                time: row.time.epoch_time()?,
                price: row.price.price()?,
                quantity: row.qty.quantity()?,
                taker: taker(row.is_buyer_maker),
            })
        };
        let trades: Result<Vec<_>, _> = rows.iter().map(trade).collect();
        trades.map_err(VenueRefusal::unreadable)
    }

    fn trades_a_page(&self, _: &str) -> Option<u64> {
        Some(LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{TakerSide, Timestamp, TradeId};

    #[test]
    fn trades_are_read_as_documented() {
        // Rest-api.md, "Old trade lookup", with numbers of one's own.
        let body = r#"[{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,"isBuyerMaker":true,"isBestMatch":true}]"#;
        let answer = Answer {
            status: 200,
            retry_after: None,
            body: body.as_bytes(),
            received_at: Timestamp::from_nanos(0),
        };
        let trades = Binance.read_trades(&answer).unwrap();
        let [trade] = &trades[..] else {
            panic!("{trades:?}");
        };
        assert_eq!((trade.id, trade.taker), (TradeId(28_457), TakerSide::Sell));
        assert_eq!(
            trade.time,
            Timestamp::from_millis(1_499_865_549_590).unwrap()
        );
        assert_eq!(trade.price.get().to_string(), "4.000001");
        let missing = MissingTrades {
            first: TradeId(5),
            last: TradeId(7),
            from: trade.time,
            to: trade.time,
        };
        let symbol = Symbol::new("BTCUSDT").unwrap();
        assert_eq!(
            Binance.trades("http://x/binance/", &symbol, &missing).url,
            "http://x/binance/api/v3/historicalTrades?symbol=BTCUSDT&fromId=5&limit=3"
        );
    }
}
