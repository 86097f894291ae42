//! Candles of one interval as rules need them: closes and volumes, made of the trades by event time. A minute
//! without trades has no candle.

use std::collections::VecDeque;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use crate::input;
use crate::number::{NotANumber, decimal_of, text};

/// The places that volumes are counted with; what a quantity has beyond them does not count.
const VOLUME_PLACES: u32 = 18;

/// The places that an exponential average is kept with.
const AVERAGE_PLACES: u32 = 24;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Series {
    /// Nanoseconds of a candle.
    length: i64,
    open: Option<Candle>,
    /// Candles that have closed, in order.
    closed: VecDeque<Candle>,
    /// The squares of the logarithmic moves from close to close: that to each candle that has closed but the first.
    #[serde(skip)]
    squares: VecDeque<f64>,
    /// The moves are asked for.
    #[serde(skip)]
    has_moves: bool,
    /// Number of them kept.
    keep: usize,
    averages: Vec<Average>,
    /// Sums of the last closes and medians of the last volumes, by their length: as of the last close.
    #[serde(skip)]
    sums: Vec<(u32, Option<Decimal>)>,
    #[serde(skip)]
    medians: Vec<(u32, Option<i128>)>,
    /// From when on it has every trade; `i64::MAX` until the first.
    since: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StoredCandle", try_from = "StoredCandle")]
struct Candle {
    /// Its number since the epoch.
    at: i64,
    close: Decimal,
    volume: i128,
}

/// A candle in JSON: its number, close and volume.
type StoredCandle = (i64, String, String);

impl From<Candle> for StoredCandle {
    fn from(candle: Candle) -> Self {
        let (close, volume) = (candle.close.to_string(), candle.volume.to_string());
        (candle.at, close, volume)
    }
}

impl TryFrom<StoredCandle> for Candle {
    type Error = NotANumber;

    fn try_from((at, close, volume): StoredCandle) -> Result<Self, Self::Error> {
        Ok(Self {
            at,
            close: decimal_of(&close)?,
            volume: volume.parse().map_err(|_| NotANumber)?,
        })
    }
}

/// An exponential average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Average {
    length: u32,
    #[serde(with = "text")]
    value: Decimal,
    /// Number of closes it has seen.
    seen: u32,
}

/// A candle that has closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClosedCandle {
    pub(super) open_time: i64,
    pub(super) end: i64,
    pub(super) close: Decimal,
}

impl Series {
    /// Candles of so many seconds, of the trades after `since`; `i64::MIN` if there was none before.
    pub(super) fn new(seconds: u32, since: i64) -> Self {
        Self {
            length: i64::from(seconds) * 1_000_000_000,
            open: None,
            closed: VecDeque::new(),
            squares: VecDeque::new(),
            has_moves: false,
            keep: 0,
            averages: Vec::new(),
            sums: Vec::new(),
            medians: Vec::new(),
            since: if since == i64::MIN { i64::MAX } else { since },
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
                closes.try_fold(Decimal::ZERO, |sum, close| sum.checked_add(close))
            });
        }
        for at in 0..self.medians.len() {
            let length = self.medians[at].0 as usize;
            let skipped = self.closed.len().checked_sub(length);
            self.medians[at].1 = skipped.and_then(|skipped| {
                let last = self.closed.iter().skip(skipped);
                let mut last: Vec<i128> = last.map(|candle| candle.volume).collect();
                last.sort_unstable();
                last.get(last.len() / 2).copied()
            });
        }
    }

    /// Keeps an exponential average of this length.
    pub(super) fn keep_average(&mut self, length: u32) {
        if !self.averages.iter().any(|it| it.length == length) {
            // As far as the closes there are tell.
            let closes = self.closed.iter().map(|candle| candle.close);
            self.averages.push(Average::of(length, closes));
        }
    }

    /// Adds trades of one candle, the latest of them at `time`.
    pub(super) fn add(&mut self, time: i64, close: Decimal, volume: i128) {
        self.since = self.since.min(time);
        let at = time.div_euclid(self.length);
        match &mut self.open {
            Some(open) if open.at >= at => {
                open.close = close;
                open.volume = open.volume.saturating_add(volume);
            }
            open => *open = Some(Candle { at, close, volume }),
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
        let open = self.open.take()?;
        if let Some(last) = self.closed.back().filter(|_| self.has_moves) {
            self.squares.push_back(square_of_move(last, &open));
        }
        self.closed.push_back(open);
        while self.closed.len() > self.keep {
            self.closed.pop_front();
            self.squares.pop_front();
        }
        for average in &mut self.averages {
            average.step(open.close);
        }
        self.summarize();
        Some(ClosedCandle {
            open_time: open.at.saturating_mul(self.length),
            end: (open.at + 1).saturating_mul(self.length),
            close: open.close,
        })
    }

    /// The sum of the last `length` closes, which is kept.
    pub(super) fn sum(&self, length: u32) -> Option<Decimal> {
        let found = self.sums.iter().find(|(other, _)| *other == length)?;
        found.1
    }

    /// The exponential average, once it has seen its length.
    pub(super) fn average(&self, length: u32) -> Option<Decimal> {
        let found = self.averages.iter().find(|it| it.length == length)?;
        (found.seen >= length).then_some(found.value)
    }

    /// The lowest, or the highest, of the last `count` closes.
    pub(super) fn extreme(&self, count: u32, lowest: bool) -> Option<Decimal> {
        let closes = self.last_closes(count)?;
        if lowest { closes.min() } else { closes.max() }
    }

    /// The volume of the open candle, and the median of the `length` before it, which is kept.
    pub(super) fn volume(&self, length: u32) -> Option<(i128, i128)> {
        let found = self.medians.iter().find(|(other, _)| *other == length)?;
        Some((self.open.map_or(0, |open| open.volume), found.1?))
    }

    /// Keeps the moves from close to close.
    pub(super) fn keep_moves(&mut self) {
        self.has_moves = true;
        let candles = self.closed.iter();
        let moves = candles.clone().zip(candles.skip(1));
        self.squares = moves.map(|(from, to)| square_of_move(from, to)).collect();
    }

    /// Volatility, the root of the mean square of the logarithmic moves from close to close: of the last
    /// `length` moves, and of the last `usual`.
    pub(super) fn volatility(&self, length: u32, usual: u32) -> Option<(f64, f64)> {
        let of = |count: u32| {
            let skipped = self.squares.len().checked_sub(count as usize)?;
            let last = self.squares.range(skipped..);
            Some((last.sum::<f64>() / f64::from(count)).sqrt())
        };
        Some((of(length)?, of(usual)?))
    }

    fn last_closes(&self, count: u32) -> Option<impl Iterator<Item = Decimal>> {
        let skipped = self.closed.len().checked_sub(count as usize)?;
        Some(self.closed.iter().skip(skipped).map(|it| it.close))
    }

    /// Begins with the candles of one minute before what it has; in order.
    pub(super) fn warm(&mut self, candles: &[input::Candle], now: i64) {
        let since = self.since;
        let mut older: Vec<Candle> = Vec::new();
        for candle in candles.iter().filter(|it| it.end().0 <= since) {
            self.since = self.since.min(candle.open_time.0);
            let at = (candle.end().0 - 1).div_euclid(self.length);
            let (close, volume) = (candle.close, volume_of(candle.volume));
            match older.last_mut() {
                Some(last) if last.at == at => {
                    last.close = close;
                    last.volume = last.volume.saturating_add(volume);
                }
                _ => older.push(Candle { at, close, volume }),
            }
        }
        // The newest of them may have gone on in what there is, or go on. What has closed is as it was: no signal
        // that has a value gets another.
        if let Some(newest) = older.pop() {
            let (first, is_open) = match self.closed.front() {
                Some(closed) => (Some(*closed), false),
                None => (self.open, true),
            };
            match first {
                Some(known) if known.at == newest.at => {
                    if let Some(open) = self.open.as_mut().filter(|_| is_open) {
                        open.volume = open.volume.saturating_add(newest.volume);
                    }
                }
                None if now < (newest.at + 1).saturating_mul(self.length) => {
                    self.open = Some(newest)
                }
                _ => older.push(newest),
            }
        }
        let closed = older.iter().chain(&self.closed);
        let closes = closed.map(|candle| candle.close);
        for average in &mut self.averages {
            let seen = average.seen as usize;
            if average.seen < average.length && seen < older.len() + self.closed.len() {
                *average = Average::of(average.length, closes.clone());
            }
        }
        let missing = self.keep.saturating_sub(self.closed.len());
        for candle in older.into_iter().rev().take(missing) {
            self.closed.push_front(candle);
        }
        if self.has_moves {
            self.keep_moves();
        }
        self.summarize();
    }

    /// Forgets what nobody asks for: `used` are the averages, sums and medians that somebody does.
    pub(super) fn keep_only(&mut self, is_used: impl Fn(Kept) -> bool) {
        self.averages.retain(|it| is_used(Kept::Average(it.length)));
        self.sums.retain(|(length, _)| is_used(Kept::Sum(*length)));
        self.medians
            .retain(|(length, _)| is_used(Kept::Median(*length)));
    }
}

/// A figure that a series keeps of so many candles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    Average(u32),
    Sum(u32),
    Median(u32),
}

impl Average {
    fn of(length: u32, closes: impl Iterator<Item = Decimal>) -> Self {
        let mut average = Self {
            length,
            value: Decimal::ZERO,
            seen: 0,
        };
        closes.for_each(|close| average.step(close));
        average
    }

    fn step(&mut self, close: Decimal) {
        self.seen = self.seen.saturating_add(1);
        if self.seen == 1 {
            self.value = close;
            return;
        }
        let weight = Decimal::TWO / Decimal::from(self.length + 1);
        let moved = close
            .checked_sub(self.value)
            .and_then(|distance| distance.checked_mul(weight))
            .and_then(|step| self.value.checked_add(step));
        if let Some(moved) = moved {
            self.value = moved.round_dp_with_strategy(AVERAGE_PLACES, RoundingStrategy::ToZero);
        }
    }
}

fn square_of_move(from: &Candle, to: &Candle) -> f64 {
    let price = |candle: &Candle| candle.close.to_f64().unwrap_or(f64::NAN);
    (price(to) / price(from)).ln().powi(2)
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
