//! Signals of the reference, each time from all trades there were.

use coinsphere_alerts::rules::{Weights, WindowLength};
use coinsphere_alerts::{Condition, Decimal, Tick};
use rust_decimal::RoundingStrategy;
use rust_decimal::prelude::ToPrimitive;

/// Everything that happened to an instrument: trades with their event times.
#[derive(Default)]
pub(crate) struct History {
    pub(crate) ticks: Vec<(i64, Tick)>,
    pub(crate) now: i64,
}

/// A number over another.
pub(crate) type Fraction = (Decimal, Decimal);

/// Occasion on which a value is asked for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum When {
    /// The newest trade has just happened.
    Trade,
    /// A rule is armed.
    Arming,
    /// A candle has closed.
    Close,
}

/// A candle: its number, its close and its volume.
type Candle = (i64, Decimal, Decimal);

impl History {
    pub(crate) fn price(&self) -> Option<Decimal> {
        self.ticks.last().map(|(_, tick)| tick.price)
    }

    /// The candles that have closed by `now`, and the open one's volume.
    fn candles(&self, seconds: u32, now: i64) -> (Vec<Candle>, Decimal) {
        let length = i64::from(seconds) * 1_000_000_000;
        let mut candles: Vec<Candle> = Vec::new();
        for (time, tick) in &self.ticks {
            let number = time.div_euclid(length);
            match candles.last_mut() {
                Some(last) if last.0 == number => {
                    last.1 = tick.price;
                    last.2 += tick.quantity;
                }
                _ => candles.push((number, tick.price, tick.quantity)),
            }
        }
        let open = candles.pop_if(|(number, ..)| (*number + 1) * length > now);
        (candles, open.map_or(Decimal::ZERO, |open| open.2))
    }

    fn last_candles(&self, seconds: u32, count: u32, now: i64) -> Option<(Vec<Candle>, Decimal)> {
        let (mut candles, open) = self.candles(seconds, now);
        let skipped = candles.len().checked_sub(count as usize)?;
        Some((candles.split_off(skipped), open))
    }

    /// Trades by the number of their cell, a 240th of a window.
    fn cells(&self, window: WindowLength) -> (impl Iterator<Item = (i64, Decimal)>, i64) {
        let cell = i64::from(window.seconds()) * 1_000_000_000 / 240;
        let now = self.ticks.last().map_or(i64::MIN, |(time, _)| *time);
        let cells = self.ticks.iter();
        let cells = cells.map(move |(time, tick)| (time.div_euclid(cell), tick.price));
        (cells, now.div_euclid(cell) - 240)
    }

    /// The highest or lowest of so many days, and of what came before them anything at all.
    fn extreme(&self, days: u32, highest: bool) -> Option<Decimal> {
        let window = serde_json::from_value(format!("{days}d").into()).unwrap();
        let (cells, oldest) = self.cells(window);
        let mut cells: Vec<(i64, Decimal)> = cells.collect();
        cells.pop();
        cells.iter().find(|(at, _)| *at < oldest)?;
        let within = cells.iter().filter(|(at, _)| *at >= oldest);
        let prices = within.map(|(_, price)| *price);
        if highest { prices.max() } else { prices.min() }
    }

    /// The distance from the highest or lowest since the trade of this number.
    pub(crate) fn distance(&self, from: usize, highest: bool, when: When) -> Option<Fraction> {
        if when == When::Close {
            return None;
        }
        let price = self.price()?;
        let since = self.ticks[from..].iter().map(|(_, tick)| tick.price);
        let extreme = if highest { since.max()? } else { since.min()? };
        Some(((price - extreme) * Decimal::ONE_HUNDRED, extreme))
    }

    /// The signal as a fraction; none if it has no value.
    pub(crate) fn signal(&self, condition: &Condition, when: When) -> Option<Fraction> {
        let price = self.price()?;
        // A close changes nothing else before the next trade.
        let traded = self.ticks.last()?.0;
        let percent = |of: Decimal, number: Decimal| ((number - of) * Decimal::ONE_HUNDRED, of);
        let is_of_closes = matches!(condition, Condition::Candle(_) | Condition::Volatility(_));
        if (when == When::Close) != is_of_closes && when != When::Arming {
            return None;
        }
        match condition {
            Condition::Price(_) => Some((price, Decimal::ONE)),
            Condition::Change(change) => {
                let (cells, oldest) = self.cells(change.window);
                let before = cells.take_while(|(at, _)| *at < oldest).last()?;
                Some(percent(before.1, price))
            }
            Condition::Average(average) => {
                let (seconds, length) = (average.interval.seconds(), average.length);
                let (last, _) = self.last_candles(seconds, length, traded)?;
                if average.weights == Weights::Simple {
                    let sum: Decimal = last.iter().map(|candle| candle.1).sum();
                    return Some(percent(sum, price * Decimal::from(length)));
                }
                let weight = Decimal::TWO / Decimal::from(length + 1);
                let (all, _) = self.candles(seconds, traded);
                let moved = all.iter().skip(1).fold(all[0].1, |average, candle| {
                    let moved = average + (candle.1 - average) * weight;
                    moved.round_dp_with_strategy(24, RoundingStrategy::ToZero)
                });
                Some(percent(moved, price))
            }
            Condition::Volume(volume) => {
                let (last, open) =
                    self.last_candles(volume.interval.seconds(), volume.length, traded)?;
                let mut volumes: Vec<Decimal> = last.iter().map(|candle| candle.2).collect();
                volumes.sort();
                Some((open, volumes[volumes.len() / 2]))
            }
            Condition::Candle(candle) => {
                let (last, _) =
                    self.last_candles(candle.interval.seconds(), candle.count, self.now)?;
                let closes = last.iter().map(|candle| candle.1);
                let above = candle.operator == coinsphere_alerts::rules::ClosesAt::ClosesAbove;
                let close = if above { closes.min() } else { closes.max() };
                Some((close?, Decimal::ONE))
            }
            Condition::Volatility(volatility) => {
                let (seconds, usual) = (volatility.interval.seconds(), volatility.usual);
                let (last, _) = self.last_candles(seconds, usual + 1, self.now)?;
                let closes: Vec<f64> = last.iter().map(|it| it.1.to_f64().unwrap()).collect();
                let of = |count: u32| {
                    let from = closes.len() - count as usize;
                    let moves = (from..closes.len()).map(|at| (closes[at] / closes[at - 1]).ln());
                    (moves.map(|it| it * it).sum::<f64>() / f64::from(count)).sqrt()
                };
                let (now, usual) = (of(volatility.length), of(usual));
                if usual == 0.0 {
                    return None;
                }
                Some((Decimal::from_f64_retain(now / usual).unwrap(), Decimal::ONE))
            }
            Condition::NewHigh(high) => Some(percent(self.extreme(high.days, true)?, price)),
            Condition::NewLow(low) => Some(percent(self.extreme(low.days, false)?, price)),
            other => panic!("{other:?}"),
        }
    }
}
