//! Coinbase's candles of the past, of Exchange and of Advanced Trade. Neither says how many trades a candle
//! has, nor its volume in the quote asset: those stay 0.
//!
//! Sources: docs.cdp.coinbase.com, `exchange-api/rest-api/products/get-product-candles` and
//! `exchange/rest-api/rate-limits` ("Exchange"), `advanced-trade-api/rest-api/public` ("Advanced").

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Coinbase, speaks_advanced};
use crate::market::{Candle, Interval, Symbol, Timestamp, Venue};
use crate::net::Allowance;
use crate::time_ranges::TimeRange;
use crate::venues::history::{
    Answer, CandleHistory, Columns, Question, Quiet, VenueRefusal, escaped, next_to_stream,
};
use crate::venues::protocol::VenueProtocol;

/// Exchange: "The maximum number of data points for a single request is 300 candles."
const LIMIT: u32 = 300;

/// The public interface of Advanced.
const ADVANCED: &str = "https://api.coinbase.com";

/// Time in seconds, low, high, open, close, volume.
#[derive(Deserialize)]
struct Row<'a>(
    i64,
    #[serde(borrow)] &'a RawValue,
    #[serde(borrow)] &'a RawValue,
    #[serde(borrow)] &'a RawValue,
    #[serde(borrow)] &'a RawValue,
    #[serde(borrow)] &'a RawValue,
);

#[derive(Deserialize)]
struct AdvancedAnswer<'a> {
    #[serde(borrow)]
    candles: Vec<AdvancedRow<'a>>,
}

#[derive(Deserialize)]
struct AdvancedRow<'a> {
    start: &'a str,
    low: &'a str,
    high: &'a str,
    open: &'a str,
    close: &'a str,
    volume: &'a str,
}

#[derive(Deserialize)]
struct Product {
    id: String,
}

#[derive(Deserialize)]
struct AdvancedProducts {
    products: Vec<AdvancedProduct>,
}

#[derive(Deserialize)]
struct AdvancedProduct {
    product_id: String,
}

impl CandleHistory for Coinbase {
    fn venue(&self) -> Venue {
        VenueProtocol::venue(self)
    }

    fn default_endpoint(&self) -> &'static str {
        "https://api.exchange.coinbase.com"
    }

    fn endpoint_of(&self, stream: &str) -> Option<String> {
        next_to_stream(stream, "coinbase.com", &[])
            .or_else(|| speaks_advanced(stream).then(|| ADVANCED.to_owned()))
    }

    fn allowance(&self) -> Allowance {
        // Exchange, rate limits: 10 requests a second and address, 15 in bursts. Half of it.
        Allowance {
            burst: 7,
            per_minute: 300,
        }
    }

    fn rows(&self, endpoint: &str, interval: Interval) -> Option<u32> {
        // Exchange knows 1, 5, 15 minutes, 1, 6 and 24 hours.
        (interval != Interval::Hour4 || is_advanced(endpoint)).then_some(LIMIT)
    }

    fn quiet(&self) -> Quiet {
        // Exchange: "No data is published for intervals where there are no ticks."
        Quiet::Absent
    }

    fn candles(
        &self,
        endpoint: &str,
        symbol: &Symbol,
        interval: Interval,
        (from, to): TimeRange,
    ) -> Question {
        let seconds = |time: Timestamp| time.millis() / 1_000;
        // Both ends are inclusive.
        let last = seconds(to - interval.duration());
        let (base, symbol) = (endpoint.trim_end_matches('/'), escaped(symbol.as_str()));
        let url = if is_advanced(endpoint) {
            format!(
                "{base}/api/v3/brokerage/market/products/{symbol}/candles?granularity={}&start={}&end={last}&limit={LIMIT}",
                granularity(interval),
                seconds(from),
            )
        } else {
            format!(
                "{base}/products/{symbol}/candles?granularity={}&start={}&end={last}",
                interval.duration().as_secs(),
                seconds(from),
            )
        };
        Question { url, cost: 1 }
    }

    fn read_candles(
        &self,
        interval: Interval,
        answer: &Answer<'_>,
    ) -> Result<Vec<Candle>, VenueRefusal> {
        accepted(answer)?;
        if answer.body.trim_ascii_start().starts_with(b"{") {
            let read: AdvancedAnswer<'_> =
                serde_json::from_slice(answer.body).map_err(VenueRefusal::unreadable)?;
            return read
                .candles
                .iter()
                .map(|row| {
                    let columns = Columns {
                        open: row.open,
                        high: row.high,
                        low: row.low,
                        close: row.close,
                        volume: row.volume,
                    };
                    let start = row.start.parse().ok().and_then(Timestamp::from_seconds);
                    columns.candle(interval, start)
                })
                .collect();
        }
        let rows: Vec<Row<'_>> =
            serde_json::from_slice(answer.body).map_err(VenueRefusal::unreadable)?;
        rows.iter()
            .map(|row| {
                let columns = Columns {
                    open: row.3.get(),
                    high: row.2.get(),
                    low: row.1.get(),
                    close: row.4.get(),
                    volume: row.5.get(),
                };
                columns.candle(interval, Timestamp::from_seconds(row.0))
            })
            .collect()
    }

    fn instruments(&self, endpoint: &str) -> Question {
        let base = endpoint.trim_end_matches('/');
        let path = if is_advanced(endpoint) {
            "/api/v3/brokerage/market/products"
        } else {
            "/products"
        };
        Question {
            url: format!("{base}{path}"),
            cost: 1,
        }
    }

    fn read_instruments(&self, answer: &Answer<'_>) -> Result<Vec<String>, VenueRefusal> {
        accepted(answer)?;
        if answer.body.trim_ascii_start().starts_with(b"{") {
            let read: AdvancedProducts =
                serde_json::from_slice(answer.body).map_err(VenueRefusal::unreadable)?;
            return Ok(read
                .products
                .into_iter()
                .map(|one| one.product_id)
                .collect());
        }
        let read: Vec<Product> =
            serde_json::from_slice(answer.body).map_err(VenueRefusal::unreadable)?;
        Ok(read.into_iter().map(|one| one.id).collect())
    }
}

pub(super) fn is_advanced(endpoint: &str) -> bool {
    endpoint.starts_with(ADVANCED) || speaks_advanced(endpoint)
}

/// Advanced, "Get Public Product Candles".
const fn granularity(interval: Interval) -> &'static str {
    match interval {
        Interval::Minute1 => "ONE_MINUTE",
        Interval::Minute5 => "FIVE_MINUTE",
        Interval::Minute15 => "FIFTEEN_MINUTE",
        Interval::Hour1 => "ONE_HOUR",
        Interval::Hour4 => "FOUR_HOUR",
        Interval::Day1 => "ONE_DAY",
    }
}

/// Both answer 404 for a product that there is not; Advanced also 400 with these words.
pub(super) fn accepted(answer: &Answer<'_>) -> Result<(), VenueRefusal> {
    match answer.refusal() {
        None => Ok(()),
        Some(VenueRefusal::Refused { status, words })
            if status == 404 || words.contains("product_id") =>
        {
            Err(VenueRefusal::UnknownInstrument(words))
        }
        Some(refusal) => Err(refusal),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer<'_> {
        Answer {
            status,
            retry_after: Some(Duration::from_secs(7)),
            body: body.as_bytes(),
            received_at: Timestamp::from_nanos(0),
        }
    }

    #[test]
    fn the_columns_are_low_high_open_close() {
        let body = "[[1675123260,0.235,0.2441,0.2392,0.2413,28515145.3],[1675123200,1e-8,2,1,1,5]]";
        let rows = Coinbase
            .read_candles(Interval::Minute1, &answer(200, body))
            .unwrap();
        let row = &rows[0];
        let prices = [row.open, row.high, row.low, row.close].map(|price| price.to_string());
        assert_eq!(prices, ["0.2392", "0.2441", "0.235", "0.2413"]);
        assert_eq!(
            (row.volume.to_string().as_str(), row.trades),
            ("28515145.3", 0)
        );
        assert_eq!(rows[1].low.to_string(), "0.00000001");
    }

    #[test]
    fn refusals_become_what_they_mean() {
        let refusal = |status, body: &str| {
            let refused = Coinbase.read_candles(Interval::Minute1, &answer(status, body));
            refused.unwrap_err()
        };
        let unknown = refusal(404, r#"{"message":"NotFound"}"#);
        assert!(matches!(unknown, VenueRefusal::UnknownInstrument(_)));
        let limited = refusal(
            429,
            r#"{"errors":[{"id":"rate_limit_exceeded","message":"Too many requests"}]}"#,
        );
        assert_eq!(limited.wait(), Some(Duration::from_secs(7)));
        assert!(refusal(500, "").is_retriable());
        assert!(!refusal(400, "granularity too small").is_retriable());
    }

    #[test]
    fn each_interface_is_asked_in_its_own_way() {
        let symbol = Symbol::new("BTC-USD").unwrap();
        let at = |seconds| Timestamp::from_seconds(seconds).unwrap();
        let asked = |endpoint| {
            let stretch = (at(120), at(240));
            Coinbase
                .candles(endpoint, &symbol, Interval::Minute1, stretch)
                .url
        };
        assert_eq!(
            asked("http://x/coinbase"),
            "http://x/coinbase/products/BTC-USD/candles?granularity=60&start=120&end=180"
        );
        let own = Coinbase
            .endpoint_of("wss://advanced-trade-ws.coinbase.com")
            .unwrap();
        assert_eq!(
            asked(&own),
            "https://api.coinbase.com/api/v3/brokerage/market/products/BTC-USD/candles?granularity=ONE_MINUTE&start=120&end=180&limit=300"
        );
        assert_eq!(
            Coinbase.endpoint_of("wss://ws-feed.exchange.coinbase.com"),
            None
        );
        assert_eq!(Coinbase.rows("http://x/coinbase", Interval::Hour4), None);
    }
}
