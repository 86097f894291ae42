//! Binance's candles of the past: `/api/v3/klines`.
//!
//! Source: rest-api.md of binance-spot-api-docs, "Kline/Candlestick data" (weight 2), "LIMITS" (6,000 a
//! minute and address, 429, 418 and `Retry-After`), and errors.md.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::Binance;
use crate::market::{Candle, Interval, Symbol, Timestamp, Venue};
use crate::net::Allowance;
use crate::time_ranges::TimeRange;
use crate::venues::history::{
    Answer, CandleHistory, Columns, Question, Quiet, VenueRefusal, amount, escaped, next_to_stream,
};
use crate::venues::protocol::VenueProtocol;

/// Candles of one answer at most.
const LIMIT: u32 = 1_000;

/// The weight that an address has a minute.
const WEIGHT: u32 = 6_000;

/// Errors.md: "Invalid symbol."
const INVALID_SYMBOL: i32 = -1_121;

/// Open time, open, high, low, close, volume, close time, quote volume, trades, taker buy base
/// volume, taker buy quote volume, unused.
#[derive(Deserialize)]
struct Row<'a>(
    i64,
    #[serde(borrow)] &'a str,
    #[serde(borrow)] &'a str,
    #[serde(borrow)] &'a str,
    #[serde(borrow)] &'a str,
    #[serde(borrow)] &'a str,
    i64,
    #[serde(borrow)] &'a str,
    u64,
    #[serde(borrow)] &'a str,
    IgnoredAny,
    IgnoredAny,
);

#[derive(Deserialize)]
struct ErrorBody {
    code: i32,
    msg: String,
}

#[derive(Deserialize)]
struct ExchangeInfo {
    symbols: Vec<ListedSymbol>,
}

#[derive(Deserialize)]
struct ListedSymbol {
    symbol: String,
}

impl CandleHistory for Binance {
    fn venue(&self) -> Venue {
        VenueProtocol::venue(self)
    }

    fn default_endpoint(&self) -> &'static str {
        "https://data-api.binance.vision"
    }

    fn endpoint_of(&self, stream: &str) -> Option<String> {
        let elsewhere = next_to_stream(stream, "binance.vision", &["/ws", "/stream"])?;
        next_to_stream(&elsewhere, "binance.com", &[])
    }

    fn allowance(&self) -> Allowance {
        // In no minute more than 5,100, so that other programs of this address have some too. At once, as
        // much as the trades of an outage of a minute cost where there are 1,500 a second.
        Allowance {
            burst: 2_400,
            per_minute: 2_700,
        }
    }

    fn rows(&self, _: &str, _: Interval) -> Option<u32> {
        Some(LIMIT)
    }

    fn quiet(&self) -> Quiet {
        Quiet::Flat
    }

    fn candles(
        &self,
        endpoint: &str,
        symbol: &Symbol,
        interval: Interval,
        (from, to): TimeRange,
    ) -> Question {
        klines(endpoint, symbol, interval, from, Some(to), LIMIT)
    }

    fn read_candles(
        &self,
        interval: Interval,
        answer: &Answer<'_>,
    ) -> Result<Vec<Candle>, VenueRefusal> {
        accepted(answer)?;
        let rows: Vec<Row<'_>> =
            serde_json::from_slice(answer.body).map_err(VenueRefusal::unreadable)?;
        rows.iter().map(|row| candle(row, interval)).collect()
    }

    fn first_candle(
        &self,
        endpoint: &str,
        symbol: &Symbol,
        interval: Interval,
    ) -> Option<Question> {
        let epoch = Timestamp::from_nanos(0);
        Some(klines(endpoint, symbol, interval, epoch, None, 1))
    }

    fn instruments(&self, endpoint: &str) -> Question {
        Question {
            url: format!("{}/api/v3/exchangeInfo", endpoint.trim_end_matches('/')),
            cost: 20,
        }
    }

    fn read_instruments(&self, answer: &Answer<'_>) -> Result<Vec<String>, VenueRefusal> {
        accepted(answer)?;
        let info: ExchangeInfo =
            serde_json::from_slice(answer.body).map_err(VenueRefusal::unreadable)?;
        Ok(info
            .symbols
            .into_iter()
            .map(|listed| listed.symbol)
            .collect())
    }

    fn spent_header(&self) -> Option<(&'static str, u32)> {
        Some(("x-mbx-used-weight-1m", WEIGHT))
    }
}

fn klines(
    endpoint: &str,
    symbol: &Symbol,
    interval: Interval,
    from: Timestamp,
    to: Option<Timestamp>,
    limit: u32,
) -> Question {
    // `endTime` is inclusive.
    let end = to.map_or_else(String::new, |to| {
        format!("&endTime={}", to.millis().saturating_sub(1))
    });
    Question {
        url: format!(
            "{}/api/v3/klines?symbol={}&interval={interval}&startTime={}{end}&limit={limit}",
            endpoint.trim_end_matches('/'),
            escaped(symbol.as_str()),
            from.millis(),
        ),
        cost: 2,
    }
}

/// Refusals have a body `{"code":…,"msg":…}`.
pub(super) fn accepted(answer: &Answer<'_>) -> Result<(), VenueRefusal> {
    let Some(refusal) = answer.refusal() else {
        return Ok(());
    };
    let said: Option<ErrorBody> = serde_json::from_slice(answer.body).ok();
    match (refusal, said) {
        (VenueRefusal::Refused { .. }, Some(body)) if body.code == INVALID_SYMBOL => {
            Err(VenueRefusal::UnknownInstrument(body.msg))
        }
        (
            VenueRefusal::Banned {
                status,
                wait: None,
                words,
            },
            Some(body),
        ) => {
            // "IP banned until 1660090423228."
            let until = body.msg.split_once("banned until ").and_then(|(_, rest)| {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                Timestamp::from_millis(digits.parse().ok()?)
            });
            Err(VenueRefusal::Banned {
                status,
                wait: answer.until(until),
                words,
            })
        }
        (refusal, _) => Err(refusal),
    }
}

fn candle(row: &Row<'_>, interval: Interval) -> Result<Candle, VenueRefusal> {
    let columns = Columns {
        open: row.1,
        high: row.2,
        low: row.3,
        close: row.4,
        volume: row.5,
    };
    let mut candle = columns.candle(interval, Timestamp::from_millis(row.0))?;
    let ends = interval.end_of(candle.open_time).millis() - 1;
    if row.6 != ends {
        let at = candle.open_time;
        let why = format!("the candle at {at} ends at {}, not {ends}", row.6);
        return Err(VenueRefusal::Unreadable(why));
    }
    candle.quote_volume = amount("quote volume", row.7)?;
    candle.trades = row.8;
    candle.taker_buy_volume = amount("taker volume", row.9)?;
    if candle.taker_buy_volume > candle.volume {
        let why = format!(
            "takers buy more than all of the candle at {}",
            candle.open_time
        );
        return Err(VenueRefusal::Unreadable(why));
    }
    // A row without trades has no volume.
    if candle.trades == 0 {
        candle.volume = Decimal::ZERO;
    }
    Ok(candle)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer<'_> {
        Answer {
            status,
            retry_after: None,
            body: body.as_bytes(),
            received_at: Timestamp::from_millis(1_660_090_400_000).unwrap(),
        }
    }

    fn read(body: &str) -> Result<Vec<Candle>, VenueRefusal> {
        Binance.read_candles(Interval::Hour1, &answer(200, body))
    }

    const ROW: &str = r#"[[1790010000000,"69375.80000000","69526.19000000","68806.59000000","68809.69000000","1257.67729000",1790013599999,"86870629.34211450",5,"632.18879000","43668145.67290580","0"]]"#;

    #[test]
    fn a_row_is_read_exactly() {
        let candle = &read(ROW).unwrap()[0];
        assert_eq!(candle.close.to_string(), "68809.69");
        assert_eq!(candle.quote_volume.to_string(), "86870629.3421145");
        assert_eq!((candle.trades, candle.complete), (5, true));
        for (from, to) in [
            ("69375.80000000", "0"),
            ("1257.67", "-1257.67"),
            ("1790013599999", "1790013599998"),
            ("632.18879", "6320.18879"),
        ] {
            assert!(read(&ROW.replacen(from, to, 1)).is_err(), "{from} as {to}");
        }
        assert!(
            Binance
                .read_candles(Interval::Day1, &answer(200, ROW))
                .is_err()
        );
    }

    #[test]
    fn refusals_become_what_they_mean() {
        let refusal = |status, body: &str| {
            let refused = Binance.read_candles(Interval::Hour1, &answer(status, body));
            refused.unwrap_err()
        };
        let unknown = refusal(400, r#"{"code":-1121,"msg":"Invalid symbol."}"#);
        assert!(matches!(unknown, VenueRefusal::UnknownInstrument(_)));
        let banned = refusal(
            418,
            r#"{"code":-1003,"msg":"Way too much request weight used; IP banned until 1660090423228. Please use the websocket for live updates to avoid bans."}"#,
        );
        assert_eq!(banned.wait(), Some(Duration::from_millis(23_228)));
        assert!(banned.is_retriable());
        let html = refusal(503, "<html>\n trouble </html>");
        assert!(matches!(html, VenueRefusal::Trouble { status: 503, .. }));
        assert!(!refusal(403, "").is_retriable(), "a firewall's");
    }

    #[test]
    fn a_request_names_its_stretch_and_escapes_its_symbol() {
        let symbol = Symbol::new("BTC/USD").unwrap();
        let at = |seconds| Timestamp::from_seconds(seconds).unwrap();
        let asked = Binance.candles(
            "http://x/binance/",
            &symbol,
            Interval::Hour1,
            (at(3_600), at(7_200)),
        );
        assert_eq!(
            asked.url,
            "http://x/binance/api/v3/klines?symbol=BTC%2FUSD&interval=1h&startTime=3600000&endTime=7199999&limit=1000"
        );
        assert_eq!(
            Binance.endpoint_of("wss://data-stream.binance.vision"),
            None
        );
    }
}
