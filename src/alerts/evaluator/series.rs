//! Candles of one interval as rules need them: closes and volumes, made of the trades by event time. A minute
//! without trades has no candle.

use std::collections::VecDeque;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

/// The places that volumes are counted with; what a quantity has beyond them does not count.
const VOLUME_PLACES: u32 = 12;

/// The places that an exponential average is kept with.
const AVERAGE_PLACES: u32 = 15;

#[derive(Debug)]
pub(super) struct Series {
    /// Nanoseconds of a candle.
    length: i64,
    open: Option<OpenCandle>,
    closes: VecDeque<Decimal>,
    volumes: VecDeque<i128>,
    /// Number of closes kept.
    keep: usize,
    /// Exponential averages by their length, with how many closes they have seen.
    averages: Vec<(u32, Decimal, u32)>,
    /// Sums of the last closes and medians of the last volumes, by their length: as of the last close.
    sums: Vec<(u32, Option<Decimal>)>,
    medians: Vec<(u32, Option<i128>)>,
}

#[derive(Debug, Clone, Copy)]
struct OpenCandle {
    /// Its number since the epoch.
    at: i64,
    close: Decimal,
    volume: i128,
}

/// A candle that has closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClosedCandle {
    pub(super) open_time: i64,
    pub(super) end: i64,
    pub(super) close: Decimal,
}

impl Series {
    /// Candles of so many seconds.
    pub(super) fn new(seconds: u32) -> Self {
        Self {
            length: i64::from(seconds) * 1_000_000_000,
            open: None,
            closes: VecDeque::new(),
            volumes: VecDeque::new(),
            keep: 0,
            averages: Vec::new(),
            sums: Vec::new(),
            medians: Vec::new(),
        }
    }

    /// Keeps at least so many closes and volumes.
    pub(super) fn keep(&mut self, count: u32) {
        self.keep = self.keep.max(count as usize);
    }

    /// Keeps the sum of this many closes.
    pub(super) fn keep_sum(&mut self, length: u32) {
        if self.sum(length).is_none() {
            self.sums.retain(|(other, _)| *other != length);
            self.sums.push((length, None));
            self.summarize();
        }
    }

    /// Keeps the median of this many volumes.
    pub(super) fn keep_median(&mut self, length: u32) {
        self.medians.retain(|(other, _)| *other != length);
        self.medians.push((length, None));
        self.summarize();
    }

    fn summarize(&mut self) {
        for at in 0..self.sums.len() {
            let closes = self.last_closes(self.sums[at].0);
            self.sums[at].1 = closes.and_then(|mut closes| {
                closes.try_fold(Decimal::ZERO, |sum, close| sum.checked_add(*close))
            });
        }
        for at in 0..self.medians.len() {
            let length = self.medians[at].0 as usize;
            let skipped = self.volumes.len().checked_sub(length);
            self.medians[at].1 = skipped.and_then(|skipped| {
                let mut last: Vec<i128> = self.volumes.iter().skip(skipped).copied().collect();
                last.sort_unstable();
                last.get(last.len() / 2).copied()
            });
        }
    }

    /// Keeps an exponential average of this length.
    pub(super) fn keep_average(&mut self, length: u32) {
        if !self.averages.iter().any(|(other, ..)| *other == length) {
            self.averages.push((length, Decimal::ZERO, 0));
            // As far as the closes there are tell.
            let closes: Vec<Decimal> = self.closes.iter().copied().collect();
            if let Some(average) = self.averages.last_mut() {
                for close in closes {
                    Self::step(average, close);
                }
            }
        }
    }

    /// Adds trades of one candle, the latest of them at `time`.
    pub(super) fn add(&mut self, time: i64, close: Decimal, volume: i128) {
        let at = time.div_euclid(self.length);
        match &mut self.open {
            Some(open) if open.at >= at => {
                open.close = close;
                open.volume = open.volume.saturating_add(volume);
            }
            open => *open = Some(OpenCandle { at, close, volume }),
        }
    }

    /// When the open candle ends.
    pub(super) fn end(&self) -> i64 {
        self.open
            .map_or(i64::MAX, |open| (open.at + 1).saturating_mul(self.length))
    }

    /// When the candle ends that `time` is in.
    pub(super) const fn end_after(&self, time: i64) -> i64 {
        (time.div_euclid(self.length) + 1).saturating_mul(self.length)
    }

    /// Closes the open candle.
    pub(super) fn close(&mut self) -> Option<ClosedCandle> {
        let closed = self.end_open();
        self.summarize();
        closed
    }

    fn end_open(&mut self) -> Option<ClosedCandle> {
        let open = self.open.take()?;
        self.closes.push_back(open.close);
        self.volumes.push_back(open.volume);
        while self.closes.len() > self.keep {
            self.closes.pop_front();
            self.volumes.pop_front();
        }
        for average in &mut self.averages {
            Self::step(average, open.close);
        }
        Some(ClosedCandle {
            open_time: open.at.saturating_mul(self.length),
            end: (open.at + 1).saturating_mul(self.length),
            close: open.close,
        })
    }

    fn step((length, average, seen): &mut (u32, Decimal, u32), close: Decimal) {
        *seen = seen.saturating_add(1);
        if *seen == 1 {
            *average = close;
            return;
        }
        let weight = Decimal::TWO / Decimal::from(*length + 1);
        let moved = close
            .checked_sub(*average)
            .and_then(|distance| distance.checked_mul(weight))
            .and_then(|step| average.checked_add(step));
        if let Some(moved) = moved {
            *average = moved.round_dp_with_strategy(AVERAGE_PLACES, RoundingStrategy::ToZero);
        }
    }

    /// The sum of the last `length` closes, which is kept.
    pub(super) fn sum(&self, length: u32) -> Option<Decimal> {
        let found = self.sums.iter().find(|(other, _)| *other == length)?;
        found.1
    }

    /// The exponential average, once it has seen its length.
    pub(super) fn average(&self, length: u32) -> Option<Decimal> {
        let found = self.averages.iter().find(|(other, ..)| *other == length)?;
        (found.2 >= length).then_some(found.1)
    }

    /// The lowest, or the highest, of the last `count` closes.
    pub(super) fn extreme(&self, count: u32, lowest: bool) -> Option<Decimal> {
        let closes = self.last_closes(count)?.copied();
        if lowest { closes.min() } else { closes.max() }
    }

    /// The volume of the open candle, and the median of the `length` before it, which is kept.
    pub(super) fn volume(&self, length: u32) -> Option<(i128, i128)> {
        let found = self.medians.iter().find(|(other, _)| *other == length)?;
        Some((self.open.map_or(0, |open| open.volume), found.1?))
    }

    /// Volatility, the root of the mean square of the logarithmic moves from close to close: of the last
    /// `length` moves, and of the last `usual`.
    pub(super) fn volatility(&self, length: u32, usual: u32) -> Option<(f64, f64)> {
        let prices: Vec<f64> = self
            .last_closes(usual.max(length) + 1)?
            .filter_map(ToPrimitive::to_f64)
            .collect();
        let moves: Vec<f64> = prices
            .windows(2)
            .map(|pair| (pair[1] / pair[0]).ln())
            .collect();
        let of = |count: u32| {
            let last = &moves[moves.len() - count as usize..];
            (last.iter().map(|step| step * step).sum::<f64>() / f64::from(count)).sqrt()
        };
        Some((of(length), of(usual)))
    }

    fn last_closes(&self, count: u32) -> Option<impl Iterator<Item = &Decimal>> {
        let skipped = self.closes.len().checked_sub(count as usize)?;
        Some(self.closes.iter().skip(skipped))
    }

    /// Begins with the candles before the open one, if nothing has closed yet; in order.
    pub(super) fn warm(&mut self, before: impl Iterator<Item = (i64, Decimal, i128)>) {
        if !self.closes.is_empty() {
            return;
        }
        let known = self.open.take();
        for (time, close, volume) in before {
            if self.end() <= time {
                self.end_open();
            }
            self.add(time, close, volume);
        }
        match (known, &mut self.open) {
            (Some(known), Some(open)) if open.at == known.at => {
                open.close = known.close;
                open.volume = open.volume.saturating_add(known.volume);
            }
            (Some(known), _) => {
                self.end_open();
                self.open = Some(known);
            }
            (None, _) => {}
        }
        self.summarize();
    }
}

/// A quantity in the steps that volumes are counted in.
pub(super) fn volume_of(quantity: Decimal) -> i128 {
    let (mantissa, scale) = (quantity.mantissa(), quantity.scale());
    if scale <= VOLUME_PLACES {
        mantissa.saturating_mul(10_i128.pow(VOLUME_PLACES - scale))
    } else {
        mantissa / 10_i128.pow(scale - VOLUME_PLACES)
    }
}
