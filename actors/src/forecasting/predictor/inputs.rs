//! Which content of the newest candles a model's state rests on, so that a correction is noticed
//! whenever it came, also while the program was off.

use std::collections::BTreeMap;

use coinsphere_pipelines::fnv::fnv1a;
use coinsphere_pipelines::market::{Candle, Interval, Timestamp};

/// Digests of the newest candles, by opening time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Inputs(BTreeMap<Timestamp, u64>);

/// Bytes of an entry: opening time and digest.
const ENTRY: usize = 16;

/// Number of candles back within which a correction is noticed: a week of hours, two months of
/// days.
pub(super) const fn window(interval: Interval) -> u32 {
    match interval {
        Interval::Day1 => 60,
        _ => 192,
    }
}

impl Inputs {
    /// Notes a candle and forgets those that are too old.
    pub(super) fn push(&mut self, interval: Interval, candle: &Candle) {
        self.0.insert(candle.open_time, digest(candle));
        while self.0.len() > window(interval) as usize {
            self.0.pop_first();
        }
    }

    /// The earliest opening time at which the stored candles are not those that were noted: changed,
    /// gone or new in between. `stored` are those from [`Inputs::first`] on.
    pub(super) fn first_difference(&self, stored: &[Candle]) -> Option<Timestamp> {
        let (first, last) = (self.first()?, self.last()?);
        let now: BTreeMap<Timestamp, u64> = stored
            .iter()
            .filter(|candle| (first..=last).contains(&candle.open_time))
            .map(|candle| (candle.open_time, digest(candle)))
            .collect();
        let changed = self.0.iter().find(|(time, old)| now.get(time) != Some(old));
        let new = now.keys().find(|time| !self.0.contains_key(time));
        changed
            .map(|(time, _)| *time)
            .into_iter()
            .chain(new.copied())
            .min()
    }

    /// Opening time of the earliest candle noted.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.0.keys().next().copied()
    }

    fn last(&self) -> Option<Timestamp> {
        self.0.keys().next_back().copied()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let entries = self.0.iter();
        entries
            .flat_map(|(time, digest)| [time.nanos().to_le_bytes(), digest.to_le_bytes()])
            .flatten()
            .collect()
    }

    /// Reads the bytes that [`Inputs::to_bytes`] wrote; `None` for anything else.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (entries, rest) = bytes.as_chunks::<ENTRY>();
        let number = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
        let read = entries.iter().map(|entry| {
            let (time, digest) = entry.split_at(ENTRY / 2);
            let time = Timestamp::from_nanos(number(time)?.cast_signed());
            Some((time, number(digest)?))
        });
        rest.is_empty()
            .then(|| read.collect::<Option<_>>().map(Self))?
    }
}

/// A digest of what models see of a candle (FNV-1a): equal for equal numbers, however written.
fn digest(candle: &Candle) -> u64 {
    let numbers = [
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
    ];
    fnv1a(numbers.iter().flat_map(|n| n.normalize().serialize()))
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;

    fn candle(hour: i64, close: i64) -> Candle {
        let price = Decimal::from(close);
        Candle {
            open_time: Timestamp::from_seconds(hour * 3_600).unwrap(),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ONE,
            quote_volume: price,
            trades: 1,
            taker_buy_volume: Decimal::ZERO,
            complete: true,
        }
    }

    #[test]
    fn the_earliest_difference_is_found() {
        let hours: Vec<Candle> = [1, 2, 4, 5].map(|hour| candle(hour, 10 + hour)).to_vec();
        let mut inputs = Inputs::default();
        for hour in &hours {
            inputs.push(Interval::Hour1, hour);
        }
        let at = |hour: i64| Timestamp::from_seconds(hour * 3_600).unwrap();
        let difference = |change: fn(&mut Vec<Candle>)| {
            let mut changed = hours.clone();
            change(&mut changed);
            inputs.first_difference(&changed)
        };
        assert_eq!(difference(|_| {}), None);
        assert_eq!(difference(|all| all.push(candle(6, 1))), None, "newer");
        assert_eq!(
            difference(|all| all[0].trades = 9),
            None,
            "unseen by models"
        );
        assert_eq!(difference(|all| all[2].close = Decimal::TEN), Some(at(4)));
        let removed = difference(|all| {
            all.remove(1);
        });
        assert_eq!(removed, Some(at(2)));
        assert_eq!(difference(|all| all.insert(2, candle(3, 1))), Some(at(3)));
        assert_eq!(Inputs::default().first_difference(&hours), None);
    }

    #[test]
    fn they_are_bounded_and_round_trip() {
        let mut inputs = Inputs::default();
        for hour in 0..500 {
            inputs.push(Interval::Hour1, &candle(hour, 7));
        }
        assert_eq!(inputs.0.len(), window(Interval::Hour1) as usize);
        let bytes = inputs.to_bytes();
        assert_eq!(Inputs::from_bytes(&bytes), Some(inputs));
        assert_eq!(Inputs::from_bytes(&bytes[1..]), None);
        assert_eq!(Inputs::from_bytes(&[]), Some(Inputs::default()));
    }
}
