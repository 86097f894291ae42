//! Kraken's candles of the past: `/0/public/OHLC`, the newest 720 of a length and no older ones. They name
//! no volume in the quote asset but an average price that is rounded: that volume stays 0.
//!
//! Sources: docs.kraken.com, `api-reference/market-data/get-ohlc-data`, `exchange/guides/rest/ratelimits`
//! (a counter of 15 that falls by 0.33 a second). Errors come with status 200.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Kraken, asset_of_today, old_asset};
use crate::market::{Candle, Interval, Symbol, Timestamp, Venue};
use crate::net::Allowance;
use crate::time_ranges::TimeRange;
use crate::venues::history::{
    Answer, CandleHistory, Columns, Question, Quiet, VenueRefusal, escaped, next_to_stream,
};
use crate::venues::protocol::{VenueProtocol, shorten};

/// The newest candles that there are; the last of them is the unfinished one.
const ROWS: u32 = 720;

/// The wait when the counter is full: it falls to two thirds.
const COUNTER_WAIT: Duration = Duration::from_secs(15);

/// The length of a lockout.
const LOCKOUT: Duration = Duration::from_secs(15 * 60);

/// Time in seconds, open, high, low, close, average price, volume, trades.
#[derive(Deserialize)]
struct Row<'a>(
    i64,
    #[serde(borrow)] &'a str,
    #[serde(borrow)] &'a str,
    #[serde(borrow)] &'a str,
    #[serde(borrow)] &'a str,
    IgnoredAny,
    #[serde(borrow)] &'a str,
    u64,
);

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    error: Vec<String>,
    #[serde(borrow)]
    result: Option<std::collections::BTreeMap<String, &'a RawValue>>,
}

#[derive(Deserialize)]
struct Pair {
    wsname: Option<String>,
}

impl CandleHistory for Kraken {
    fn venue(&self) -> Venue {
        VenueProtocol::venue(self)
    }

    fn default_endpoint(&self) -> &'static str {
        "https://api.kraken.com"
    }

    fn endpoint_of(&self, stream: &str) -> Option<String> {
        next_to_stream(stream, "kraken.com", &["/v2"])
    }

    fn allowance(&self) -> Allowance {
        Allowance {
            burst: 12,
            per_minute: 20,
        }
    }

    fn rows(&self, _: &str, _: Interval) -> Option<u32> {
        Some(ROWS)
    }

    fn reach(&self) -> Option<u32> {
        Some(ROWS - 1)
    }

    fn quiet(&self) -> Quiet {
        Quiet::Flat
    }

    fn candles(
        &self,
        endpoint: &str,
        symbol: &Symbol,
        interval: Interval,
        (from, _): TimeRange,
    ) -> Question {
        let pair = rest_pair(symbol);
        Question {
            // `since` is exclusive.
            url: format!(
                "{}/0/public/OHLC?pair={}&interval={}&since={}",
                endpoint.trim_end_matches('/'),
                escaped(&pair),
                interval.duration().as_secs() / 60,
                from.millis() / 1_000 - 1,
            ),
            cost: 1,
        }
    }

    fn read_candles(
        &self,
        interval: Interval,
        answer: &Answer<'_>,
    ) -> Result<Vec<Candle>, VenueRefusal> {
        rows::<Row<'_>>(answer)?
            .iter()
            .map(|row| {
                let columns = Columns {
                    open: row.1,
                    high: row.2,
                    low: row.3,
                    close: row.4,
                    volume: row.6,
                };
                let mut candle = columns.candle(interval, Timestamp::from_seconds(row.0))?;
                candle.trades = row.7;
                Ok(candle)
            })
            .collect()
    }

    fn instruments(&self, endpoint: &str) -> Question {
        Question {
            url: format!("{}/0/public/AssetPairs", endpoint.trim_end_matches('/')),
            cost: 1,
        }
    }

    fn read_instruments(&self, answer: &Answer<'_>) -> Result<Vec<String>, VenueRefusal> {
        let result = accepted(answer)?;
        let mut names = Vec::new();
        for pair in result.values() {
            let pair: Pair = serde_json::from_str(pair.get()).map_err(VenueRefusal::unreadable)?;
            if let Some((base, quote)) =
                pair.wsname.as_deref().and_then(|name| name.split_once('/'))
            {
                names.push(format!(
                    "{}/{}",
                    asset_of_today(base),
                    asset_of_today(quote)
                ));
            }
        }
        Ok(names)
    }
}

/// A symbol as REST and downloaded files have it: `XBTUSD` for `BTC/USD`.
pub(in crate::venues) fn rest_pair(symbol: &Symbol) -> String {
    match symbol.as_str().split_once('/') {
        Some((base, quote)) => format!("{}{}", old_asset(base), old_asset(quote)),
        None => symbol.as_str().to_owned(),
    }
}

/// The result, unless the answer is a refusal.
pub(super) fn accepted<'a>(
    answer: &Answer<'a>,
) -> Result<std::collections::BTreeMap<String, &'a RawValue>, VenueRefusal> {
    let refused = answer.refusal();
    let body: Body<'a> = match serde_json::from_slice(answer.body) {
        Ok(body) => body,
        Err(error) => return Err(refused.unwrap_or_else(|| VenueRefusal::unreadable(error))),
    };
    if let Some(error) = body.error.first() {
        return Err(refusal(error, answer));
    }
    match (refused, body.result) {
        (None, Some(result)) => Ok(result),
        (Some(refusal), _) => Err(refusal),
        (None, None) => Err(VenueRefusal::unreadable("neither error nor result")),
    }
}

/// The rows of the pair that was asked for: the answer names it as it likes, and says beside it where it ends.
pub(super) fn rows<'a, R: Deserialize<'a>>(answer: &Answer<'a>) -> Result<Vec<R>, VenueRefusal> {
    let result = accepted(answer)?;
    let rows = result.iter().find(|(name, _)| *name != "last");
    let (_, rows) = rows.ok_or_else(|| VenueRefusal::unreadable("no pair in the answer"))?;
    serde_json::from_str(rows.get()).map_err(VenueRefusal::unreadable)
}

/// The errors that REST shares with the other interfaces: docs.kraken.com, `guides/rest/ratelimits`.
fn refusal(error: &str, answer: &Answer<'_>) -> VenueRefusal {
    let (status, words) = (answer.status, shorten(error));
    let limited = |wait| VenueRefusal::RateLimited {
        status,
        wait: Some(wait),
        words: words.clone(),
    };
    if let Some(until) = error.strip_prefix("EService: Throttled:") {
        let until = until.trim().parse().ok().and_then(Timestamp::from_seconds);
        return limited(answer.until(until).unwrap_or(COUNTER_WAIT));
    }
    if error.contains("Rate limit exceeded") || error.contains("Too many requests") {
        return limited(answer.retry_after.unwrap_or(COUNTER_WAIT));
    }
    if error.contains("Temporary lockout") {
        return VenueRefusal::Banned {
            status,
            wait: Some(LOCKOUT),
            words,
        };
    }
    if error.contains("Unknown asset pair") || error.contains("Invalid asset pair") {
        return VenueRefusal::UnknownInstrument(words);
    }
    if error.starts_with("EService:") || error.contains("Internal error") {
        return VenueRefusal::Trouble { status, words };
    }
    VenueRefusal::Refused { status, words }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Vec<Candle>, VenueRefusal> {
        let answer = Answer {
            status: 200,
            retry_after: None,
            body: body.as_bytes(),
            received_at: Timestamp::from_seconds(1_699_999_990).unwrap(),
        };
        Kraken.read_candles(Interval::Minute1, &answer)
    }

    #[test]
    fn rows_are_read_exactly() {
        let body = r#"{"error":[],"result":{"XXBTZUSD":[[1688671200,"30306.1","30306.2","30305.7","30305.7","30306.1","3.39243896",23],[1688671260,"30305.7","30305.7","30305.7","30305.7","0.0","0.00000000",0]],"last":1688671200}}"#;
        let rows = read(body).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[0].volume.to_string().as_str(), rows[0].trades),
            ("3.39243896", 23)
        );
        assert!(rows[1].volume.is_zero());
        assert!(read(r#"{"error":[]}"#).is_err());
    }

    #[test]
    fn errors_with_status_200_become_what_they_mean() {
        let refusal = |error: &str| read(&format!(r#"{{"error":["{error}"]}}"#)).unwrap_err();
        let unknown = refusal("EQuery:Unknown asset pair");
        assert!(matches!(unknown, VenueRefusal::UnknownInstrument(_)));
        assert_eq!(
            refusal("EAPI:Rate limit exceeded").wait(),
            Some(COUNTER_WAIT)
        );
        assert_eq!(
            refusal("EService: Throttled: 1700000000").wait(),
            Some(Duration::from_secs(10))
        );
        assert_eq!(refusal("EGeneral:Temporary lockout").wait(), Some(LOCKOUT));
        assert!(refusal("EService:Unavailable").is_retriable());
        assert!(!refusal("EAPI:Invalid nonce").is_retriable());
    }

    #[test]
    fn rest_calls_bitcoin_by_its_old_name() {
        let symbol = Symbol::new("BTC/USD").unwrap();
        let at = |seconds| Timestamp::from_seconds(seconds).unwrap();
        let asked = Kraken.candles(
            "http://x/kraken",
            &symbol,
            Interval::Hour4,
            (at(14_400), at(28_800)),
        );
        assert_eq!(
            asked.url,
            "http://x/kraken/0/public/OHLC?pair=XBTUSD&interval=240&since=14399"
        );
    }
}
