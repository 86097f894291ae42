//! Candles computed in the plainest way, from all trades at once: what the program's are compared
//! with. Shares no code with it.

use std::collections::{BTreeMap, HashSet};

use chrono::DateTime;
use rust_decimal::Decimal;
use serde_json::Value;

/// One trade as a venue sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deal {
    pub(crate) symbol: String,
    pub(crate) id: u64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) time: i64,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) taker_buys: bool,
}

/// Fields of a candle that must be equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    /// Seconds since the Unix epoch.
    pub(crate) open_time: i64,
    pub(crate) open: Decimal,
    pub(crate) high: Decimal,
    pub(crate) low: Decimal,
    pub(crate) close: Decimal,
    pub(crate) volume: Decimal,
    pub(crate) quote_volume: Decimal,
    pub(crate) trades: u64,
    pub(crate) taker_buy_volume: Decimal,
}

impl Bar {
    /// From an answer or a row whose fields have these names.
    pub(crate) fn of(row: &Value) -> Self {
        let decimal = |name: &str| -> Decimal {
            let text = row[name]
                .as_str()
                .unwrap_or_else(|| panic!("{name}: {row}"));
            text.parse()
                .unwrap_or_else(|e| panic!("{name}: {e}: {row}"))
        };
        Self {
            open_time: seconds(row["open_time"].as_str().expect("a time")),
            open: decimal("open"),
            high: decimal("high"),
            low: decimal("low"),
            close: decimal("close"),
            volume: decimal("volume"),
            quote_volume: decimal("quote_volume"),
            trades: row["trades"].as_u64().expect("a number of trades"),
            taker_buy_volume: decimal("taker_buy_volume"),
        }
    }
}

/// Seconds since the Unix epoch of an RFC 3339 time.
pub(crate) fn seconds(text: &str) -> i64 {
    let time = DateTime::parse_from_rfc3339(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    time.timestamp()
}

/// Nanoseconds since the Unix epoch of an RFC 3339 time.
pub(crate) fn nanoseconds(text: &str) -> i64 {
    let time = DateTime::parse_from_rfc3339(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    time.timestamp_nanos_opt().expect("a year near ours")
}

/// RFC 3339 of seconds since the Unix epoch.
pub(crate) fn rfc3339(seconds: i64) -> String {
    let time = DateTime::from_timestamp(seconds, 0).expect("a time");
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The candles of every symbol: each trade id once, open and close by (time, id).
pub(crate) fn bars(deals: &[Deal], interval_seconds: i64) -> BTreeMap<String, Vec<Bar>> {
    let mut known = HashSet::new();
    let mut buckets = BTreeMap::<(String, i64), Vec<&Deal>>::new();
    for deal in deals {
        if known.insert((&deal.symbol, deal.id)) {
            let open_time =
                deal.time.div_euclid(interval_seconds * 1_000_000_000) * interval_seconds;
            let bucket = buckets.entry((deal.symbol.clone(), open_time));
            bucket.or_default().push(deal);
        }
    }
    let mut all = BTreeMap::<String, Vec<Bar>>::new();
    for ((symbol, open_time), mut deals) in buckets {
        deals.sort_by_key(|deal| (deal.time, deal.id));
        let sum = |of: fn(&Deal) -> Decimal| deals.iter().copied().map(of).sum::<Decimal>();
        let taker = |deal: &Deal| {
            if deal.taker_buys {
                deal.quantity
            } else {
                Decimal::ZERO
            }
        };
        all.entry(symbol).or_default().push(Bar {
            open_time,
            open: deals[0].price,
            high: deals.iter().map(|d| d.price).max().expect("a trade"),
            low: deals.iter().map(|d| d.price).min().expect("a trade"),
            close: deals[deals.len() - 1].price,
            volume: sum(|d| d.quantity),
            quote_volume: sum(|d| d.price * d.quantity),
            trades: deals.len() as u64,
            taker_buy_volume: sum(taker),
        });
    }
    all
}

/// Says where two series differ first.
pub(crate) fn compare(what: &str, found: &[Bar], expected: &[Bar]) -> Result<(), String> {
    for (found, expected) in found.iter().zip(expected) {
        if found != expected {
            let at = rfc3339(expected.open_time);
            return Err(format!(
                "{what} at {at}:\n   found {found:?}\nexpected {expected:?}"
            ));
        }
    }
    if found.len() != expected.len() {
        let (found, expected) = (found.len(), expected.len());
        return Err(format!("{what}: {found} candles instead of {expected}"));
    }
    Ok(())
}
