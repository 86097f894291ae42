//! Longer candles from shorter ones: 5m to 1d derive from 1m.

use crate::market::{Candle, Interval, exact_sum};

/// Combines candles of a shorter interval, ascending by time, into candles of `interval`. A result
/// is complete if all its parts are; whether time without trades is covered is the caller's to say.
///
/// Sums that no exact decimal can hold make the candle incomplete and keep the last exact sum.
#[must_use]
pub fn derive(parts: &[Candle], interval: Interval) -> Vec<Candle> {
    let mut derived: Vec<Candle> = Vec::new();
    for part in parts {
        let open_time = interval.open_of(part.open_time);
        match derived.last_mut() {
            Some(candle) if candle.open_time == open_time => merge(candle, part),
            _ => derived.push(Candle {
                open_time,
                ..part.clone()
            }),
        }
    }
    derived
}

/// Adds a later part to a candle.
pub fn merge(candle: &mut Candle, later: &Candle) {
    candle.high = candle.high.max(later.high);
    candle.low = candle.low.min(later.low);
    candle.close = later.close;
    candle.trades += later.trades;
    candle.complete &= later.complete;
    for (sum, part) in [
        (&mut candle.volume, later.volume),
        (&mut candle.quote_volume, later.quote_volume),
        (&mut candle.taker_buy_volume, later.taker_buy_volume),
    ] {
        match exact_sum(*sum, part) {
            Some(total) => *sum = total.normalize(),
            None => candle.complete = false,
        }
    }
}
