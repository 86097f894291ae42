//! Coinbase's trades of the past. Exchange: `/products/{id}/trades`, below a number. Advanced:
//! `/api/v3/brokerage/market/products/{id}/ticker`, the newest of a time.
//!
//! Sources: docs.cdp.coinbase.com, `exchange-api/rest-api/products/get-product-trades` (at most 1,000, `after`
//! is a number and exclusive; the side is the maker's), `advanced-trade-api/rest-api/public/get-public-market-trades`
//! (`start` and `end` in seconds; the side as in the stream).

use serde::Deserialize;

use super::Coinbase;
use super::rest::{accepted, is_advanced};
use crate::market::{Symbol, TakerSide, Trade};
use crate::venues::history::{Answer, Question, VenueRefusal, escaped};
use crate::venues::scalar::{self, Scalar};
use crate::venues::trade_history::{MissingTrades, TradeHistory};

/// Trades of one answer at most.
const LIMIT: u64 = 1_000;

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    trade_id: Scalar<'a>,
    side: &'a str,
    size: &'a str,
    price: &'a str,
    time: &'a str,
}

#[derive(Deserialize)]
struct AdvancedAnswer<'a> {
    #[serde(borrow)]
    trades: Vec<Row<'a>>,
}

impl TradeHistory for Coinbase {
    fn trades(&self, endpoint: &str, symbol: &Symbol, missing: &MissingTrades) -> Question {
        let (base, symbol) = (endpoint.trim_end_matches('/'), escaped(symbol.as_str()));
        let url = if is_advanced(endpoint) {
            format!(
                "{base}/api/v3/brokerage/market/products/{symbol}/ticker?limit={LIMIT}&start={}&end={}",
                missing.from.millis().div_euclid(1_000),
                // Whole seconds: the one in which the last of them may have traded is asked for too.
                missing.to.millis().div_euclid(1_000) + 1,
            )
        } else {
            let count = missing.count().min(LIMIT);
            format!(
                "{base}/products/{symbol}/trades?limit={count}&after={}",
                missing.first.0.saturating_add(count),
            )
        };
        Question { url, cost: 1 }
    }

    fn read_trades(&self, answer: &Answer<'_>) -> Result<Vec<Trade>, VenueRefusal> {
        accepted(answer)?;
        let rows: Vec<Row<'_>> = if answer.body.trim_ascii_start().starts_with(b"{") {
            let read: AdvancedAnswer<'_> =
                serde_json::from_slice(answer.body).map_err(VenueRefusal::unreadable)?;
            read.trades
        } else {
            serde_json::from_slice(answer.body).map_err(VenueRefusal::unreadable)?
        };
        rows.iter().map(trade).collect()
    }

    fn trades_a_page(&self, endpoint: &str) -> Option<u64> {
        (!is_advanced(endpoint)).then_some(LIMIT)
    }
}

fn trade(row: &Row<'_>) -> Result<Trade, VenueRefusal> {
    let maker = if row.side.eq_ignore_ascii_case("buy") {
        TakerSide::Buy
    } else if row.side.eq_ignore_ascii_case("sell") {
        TakerSide::Sell
    } else {
        return Err(VenueRefusal::unreadable(format!("side {:?}", row.side)));
    };
    Ok(Trade {
        id: row.trade_id.trade_id().map_err(VenueRefusal::unreadable)?,
        time: scalar::rfc3339(row.time).map_err(VenueRefusal::unreadable)?,
        price: scalar::price(row.price).map_err(VenueRefusal::unreadable)?,
        quantity: scalar::quantity(row.size).map_err(VenueRefusal::unreadable)?,
        taker: maker.opposite(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Timestamp, TradeId};

    fn read(body: &str) -> Vec<Trade> {
        let answer = Answer {
            status: 200,
            retry_after: None,
            body: body.as_bytes(),
            received_at: Timestamp::from_nanos(0),
        };
        Coinbase.read_trades(&answer).unwrap()
    }

    #[test]
    fn both_interfaces_are_read_and_asked() {
        let exchange = read(
            r#"[{"trade_id":74,"side":"sell","size":"0.01000000","price":"10.00000000","time":"2014-11-07T22:19:28.578544Z"}]"#,
        );
        assert_eq!(
            (exchange[0].id, exchange[0].taker),
            (TradeId(74), TakerSide::Buy)
        );
        let advanced = read(
            r#"{"trades":[{"trade_id":"74","product_id":"BTC-USD","price":"10","size":"0.01","time":"2014-11-07T22:19:28.578544Z","side":"SELL","bid":"","ask":""}],"best_bid":"","best_ask":""}"#,
        );
        assert_eq!(advanced, exchange);
        let missing = MissingTrades {
            first: TradeId(70),
            last: TradeId(5_000),
            from: exchange[0].time,
            to: exchange[0].time,
        };
        let symbol = Symbol::new("BTC-USD").unwrap();
        let asked = |endpoint| Coinbase.trades(endpoint, &symbol, &missing).url;
        assert_eq!(
            asked("http://x/coinbase"),
            "http://x/coinbase/products/BTC-USD/trades?limit=1000&after=1070"
        );
        assert_eq!(
            asked("https://api.coinbase.com"),
            "https://api.coinbase.com/api/v3/brokerage/market/products/BTC-USD/ticker?limit=1000&start=1415398768&end=1415398769"
        );
    }
}
