//! Kraken's trades of the past: `/0/public/Trades`, from a time on. The numbers of the trades are those of the
//! stream.
//!
//! Source: docs.kraken.com, `api-reference/market-data/get-recent-trades` (at most 1,000; `since` in
//! nanoseconds, exclusive; the row ends in the trade's number). Errors come with status 200.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::Kraken;
use super::rest::{rest_pair, rows};
use crate::market::{Symbol, TakerSide, Timestamp, Trade, parse_exact};
use crate::venues::history::{Answer, Question, VenueRefusal, escaped};
use crate::venues::scalar::Scalar;
use crate::venues::trade_history::{MissingTrades, TradeHistory};

/// Trades of one answer at most.
const LIMIT: u64 = 1_000;

/// Price, volume, time in seconds, side, order type, miscellaneous, number.
#[derive(Deserialize)]
struct Row<'a>(
    #[serde(borrow)] Scalar<'a>,
    #[serde(borrow)] Scalar<'a>,
    #[serde(borrow)] &'a RawValue,
    #[serde(borrow)] &'a str,
    IgnoredAny,
    IgnoredAny,
    #[serde(borrow)] Scalar<'a>,
);

impl TradeHistory for Kraken {
    fn trades(&self, endpoint: &str, symbol: &Symbol, missing: &MissingTrades) -> Question {
        Question {
            url: format!(
                "{}/0/public/Trades?pair={}&since={}&count={LIMIT}",
                endpoint.trim_end_matches('/'),
                escaped(&rest_pair(symbol)),
                // Exclusive, and some of the missing may have the time of the trade before them.
                missing.from.nanos().saturating_sub(1_000),
            ),
            cost: 1,
        }
    }

    fn read_trades(&self, answer: &Answer<'_>) -> Result<Vec<Trade>, VenueRefusal> {
        rows::<Row<'_>>(answer)?
            .iter()
            .map(|row| {
                let taker = match row.3 {
                    "b" => TakerSide::Buy,
                    "s" => TakerSide::Sell,
                    other => return Err(VenueRefusal::unreadable(format!("side {other:?}"))),
                };
                Ok(Trade {
                    id: row.6.trade_id().map_err(VenueRefusal::unreadable)?,
                    time: seconds(row.2.get())?,
                    price: row.0.price().map_err(VenueRefusal::unreadable)?,
                    quantity: row.1.quantity().map_err(VenueRefusal::unreadable)?,
                    taker,
                })
            })
            .collect()
    }

    fn trades_a_page(&self, _: &str) -> Option<u64> {
        None
    }
}

/// A time in seconds with fractions, to the microsecond, as the stream has it.
fn seconds(text: &str) -> Result<Timestamp, VenueRefusal> {
    let micros = parse_exact(text)
        .and_then(|seconds| seconds.checked_mul(1_000_000.into()))
        .and_then(|micros| i64::try_from(micros.trunc()).ok());
    micros
        .and_then(Timestamp::from_micros)
        .ok_or_else(|| VenueRefusal::unreadable(format!("the time {text:?} is impossible")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::TradeId;

    #[test]
    fn trades_are_read_to_the_microsecond() {
        let body = r#"{"error":[],"result":{"XXBTZUSD":[["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952],["30243.3","0.0045",1688669598,"s","l","",61044953]],"last":"1688671969993150842"}}"#;
        let answer = Answer {
            status: 200,
            retry_after: None,
            body: body.as_bytes(),
            received_at: Timestamp::from_nanos(0),
        };
        let trades = Kraken.read_trades(&answer).unwrap();
        assert_eq!(trades[0].id, TradeId(61_044_952));
        assert_eq!(trades[0].taker, TakerSide::Buy);
        assert_eq!(trades[0].time.nanos(), 1_688_669_597_827_736_000);
        assert_eq!(trades[1].time.nanos(), 1_688_669_598_000_000_000);
        let missing = MissingTrades {
            first: TradeId(1),
            last: TradeId(2),
            from: trades[0].time,
            to: trades[1].time,
        };
        let symbol = Symbol::new("BTC/USD").unwrap();
        assert_eq!(
            Kraken.trades("http://x/kraken", &symbol, &missing).url,
            "http://x/kraken/0/public/Trades?pair=XBTUSD&since=1688669597827735000&count=1000"
        );
    }
}
