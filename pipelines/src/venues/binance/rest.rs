//! Binance's `/api/v3/klines`: what to ask and how to read the answer. Decimals stay exact.
//!
//! Source: rest-api.md of binance-spot-api-docs, "Kline/Candlestick data". Weight 2 of the 6,000 a
//! minute that an address has.

use std::time::Duration;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::market::{Candle, Interval, Symbol, Timestamp, parse_exact};
use crate::net::RestError;

/// Candles of one request: half of what is allowed, so that no answer takes long to make.
const LIMIT: u32 = 500;

/// Where Binance serves public market data.
const DEFAULT_ENDPOINT: &str = "https://data-api.binance.vision";

/// The REST interface that belongs to a venue's stream: `ws://host/path` becomes `http://host/path`;
/// without one it is the venue's own.
///
/// # Errors
/// When the endpoint is no `ws`, `wss`, `http` or `https` URL.
pub fn rest_endpoint(stream: Option<&str>) -> Result<String, RestError> {
    let Some(stream) = stream else {
        return Ok(DEFAULT_ENDPOINT.to_owned());
    };
    let plain = stream
        .trim_end_matches('/')
        .trim_end_matches("/stream")
        .trim_end_matches("/ws");
    match plain.split_once("://") {
        Some(("ws" | "http", rest)) if !rest.is_empty() => Ok(format!("http://{rest}")),
        Some(("wss" | "https", rest)) if !rest.is_empty() => Ok(format!("https://{rest}")),
        _ => Err(RestError::Endpoint(stream.to_owned())),
    }
}

/// A page of candles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KlinePage {
    /// Ascending; intervals without trades are absent.
    pub(crate) candles: Vec<Candle>,
    /// Time before which candles that are absent here are absent at the venue.
    pub(crate) covered_until: Timestamp,
}

/// Source name of imported candles.
pub(crate) const SOURCE: &str = "binance";

/// The least time between two requests: an eighth of what Binance allows.
pub(crate) const PACE: Duration = Duration::from_millis(150);

/// Where to ask for the closed candles from `from` on that begin before `to`, as many as one answer
/// holds.
pub(crate) fn klines_url(
    endpoint: &str,
    symbol: &Symbol,
    interval: Interval,
    (from, to): (Timestamp, Timestamp),
) -> String {
    format!(
        "{}/api/v3/klines?symbol={}&interval={interval}&startTime={}&endTime={}&limit={LIMIT}",
        endpoint.trim_end_matches('/'),
        escaped(symbol.as_str()),
        from.millis(),
        to.millis().saturating_sub(1),
    )
}

/// A symbol in a query.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

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

/// The candles of an answer to [`klines_url`].
pub(crate) fn read_klines(
    body: &[u8],
    interval: Interval,
    (from, to): (Timestamp, Timestamp),
) -> Result<KlinePage, String> {
    let rows: Vec<Row<'_>> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let full = rows.len() >= LIMIT as usize;
    let mut candles: Vec<Candle> = Vec::with_capacity(rows.len());
    let mut previous = None;
    for row in &rows {
        let candle = candle(row, interval)?;
        let open_time = candle.open_time;
        if open_time < from || open_time >= to || previous.is_some_and(|last| last >= open_time) {
            return Err(format!("a candle at {open_time} is out of order or range"));
        }
        previous = Some(open_time);
        // A venue may fill intervals without trades; here they are absent.
        if candle.trades > 0 {
            candles.push(candle);
        }
    }
    // A page may end early for the venue's own reasons; only an empty one says: nothing more.
    let covered_until = match previous {
        Some(last) if full || interval.end_of(last) < to => interval.end_of(last),
        _ => to,
    };
    Ok(KlinePage {
        candles,
        covered_until,
    })
}

fn candle(row: &Row<'_>, interval: Interval) -> Result<Candle, String> {
    let at = row.0;
    let number = |name: &str, text: &str| {
        parse_exact(text)
            .filter(|value| !value.is_sign_negative())
            .ok_or_else(|| format!("the {name} {text:?} of the candle at {at} is impossible"))
    };
    let open_time = Timestamp::from_millis(at)
        .filter(|time| interval.open_of(*time) == *time)
        .ok_or_else(|| format!("no candle of {interval} opens at {at}"))?;
    let ends = interval.end_of(open_time).millis() - 1;
    if row.6 != ends {
        return Err(format!("the candle at {at} ends at {}, not {ends}", row.6));
    }
    let candle = Candle {
        open_time,
        open: number("open", row.1)?,
        high: number("high", row.2)?,
        low: number("low", row.3)?,
        close: number("close", row.4)?,
        volume: number("volume", row.5)?,
        quote_volume: number("quote volume", row.7)?,
        trades: row.8,
        taker_buy_volume: number("taker volume", row.9)?,
        complete: true,
    };
    let inside = |price: Decimal| candle.low <= price && price <= candle.high;
    if candle.low.is_zero() || !inside(candle.open) || !inside(candle.close) {
        return Err(format!("the prices of the candle at {at} are impossible"));
    }
    Ok(candle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Interval = Interval::Hour1;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_seconds(1_790_000_000 / 3_600 * 3_600 + hour * 3_600).unwrap()
    }

    fn row(hour: i64, trades: u64) -> String {
        let open = at(hour).millis();
        format!(
            r#"[{open},"69375.80000000","69526.19000000","68806.59000000","68809.69000000","1257.67729000",{},"86870629.34211450",{trades},"632.18879000","43668145.67290580","0"]"#,
            open + 3_599_999
        )
    }

    fn page(rows: &[String]) -> Result<KlinePage, String> {
        read_klines(
            format!("[{}]", rows.join(",")).as_bytes(),
            HOUR,
            (at(0), at(10)),
        )
    }

    #[test]
    fn a_page_is_read_exactly() {
        let read = page(&[row(0, 5), row(1, 0), row(2, 7)]).unwrap();
        let times: Vec<_> = read.candles.iter().map(|c| c.open_time).collect();
        assert_eq!(times, [at(0), at(2)], "no trades, no candle");
        assert_eq!(read.covered_until, at(3));
        let candle = &read.candles[0];
        assert_eq!(candle.close.to_string(), "68809.69");
        assert_eq!(candle.quote_volume.to_string(), "86870629.3421145");
        assert!(candle.complete);
        assert_eq!(page(&[]).unwrap().covered_until, at(10));
        assert_eq!(page(&[row(9, 1)]).unwrap().covered_until, at(10));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let wrong = |from: &str, to: &str| page(&[row(0, 5).replacen(from, to, 1)]).unwrap_err();
        assert!(wrong("\"69375.80000000\"", "\"0\"").contains("prices"));
        assert!(wrong("69526.19", "69000.19").contains("prices"));
        assert!(wrong("1257.67", "-1257.67").contains("volume"));
        assert!(wrong("69375.80000000", "NaN").contains("open"));
        assert!(page(&[row(1, 5), row(0, 5)]).unwrap_err().contains("order"));
        assert!(page(&[row(11, 5)]).unwrap_err().contains("range"));
        assert!(read_klines(br#"{"code":-1121}"#, HOUR, (at(0), at(1))).is_err());
        let day = read_klines(
            format!("[{}]", row(1, 5)).as_bytes(),
            Interval::Day1,
            (at(0), at(99)),
        );
        assert!(day.is_err(), "{day:?}");
    }

    #[test]
    fn the_rest_interface_lies_next_to_the_stream() {
        let of = |stream| rest_endpoint(Some(stream)).unwrap();
        assert_eq!(of("ws://127.0.0.1:9/binance"), "http://127.0.0.1:9/binance");
        assert_eq!(
            of("wss://stream.example:9443/ws/"),
            "https://stream.example:9443"
        );
        assert_eq!(rest_endpoint(None).unwrap(), DEFAULT_ENDPOINT);
        assert!(rest_endpoint(Some("ftp://x")).is_err());
    }

    #[test]
    fn a_request_names_its_window_and_escapes_its_symbol() {
        let symbol = Symbol::new("BTC/USD").unwrap();
        let url = klines_url("http://x/binance/", &symbol, HOUR, (at(0), at(2)));
        let (from, last) = (at(0).millis(), at(2).millis() - 1);
        assert_eq!(
            url,
            format!(
                "http://x/binance/api/v3/klines?symbol=BTC%2FUSD&interval=1h&startTime={from}&endTime={last}&limit=500"
            )
        );
    }
}
