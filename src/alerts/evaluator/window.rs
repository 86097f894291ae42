//! Windows of prices: the price a while ago, and the highest and lowest since. One window serves all
//! signals of its instrument and length. It is kept in cells of a 240th of its length.

use std::collections::VecDeque;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::input::Candle;
use crate::number::{NotANumber, decimal_of};

/// Cells of a window.
const CELLS: i64 = 240;

/// Prices of trades that followed one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) high: Decimal,
    pub(super) low: Decimal,
    pub(super) close: Decimal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "StoredCell", try_from = "StoredCell")]
struct Cell {
    at: i64,
    range: Range,
}

/// A cell in JSON: its number, high, low and close.
type StoredCell = (i64, String, String, String);

impl From<Cell> for StoredCell {
    fn from(Cell { at, range }: Cell) -> Self {
        let [high, low, close] = [range.high, range.low, range.close].map(|it| it.to_string());
        (at, high, low, close)
    }
}

impl TryFrom<StoredCell> for Cell {
    type Error = NotANumber;

    fn try_from((at, high, low, close): StoredCell) -> Result<Self, Self::Error> {
        let range = Range {
            high: decimal_of(&high)?,
            low: decimal_of(&low)?,
            close: decimal_of(&close)?,
        };
        Ok(Self { at, range })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Window {
    /// Nanoseconds of a cell.
    cell: i64,
    /// In order; the first may be older than the window: the price at its beginning.
    cells: VecDeque<Cell>,
    /// Cells whose high no later one reaches, with that high: descending. The same of lows.
    #[serde(skip)]
    highs: VecDeque<(i64, Decimal)>,
    #[serde(skip)]
    lows: VecDeque<(i64, Decimal)>,
    /// From when on it has every trade; `i64::MAX` until the first.
    since: i64,
}

impl Window {
    /// A window of so many seconds, a multiple of 60.
    pub(super) fn new(seconds: u32) -> Self {
        Self {
            cell: i64::from(seconds) * 1_000_000_000 / CELLS,
            cells: VecDeque::new(),
            highs: VecDeque::new(),
            lows: VecDeque::new(),
            since: i64::MAX,
        }
    }

    const fn cell_of(&self, time: i64) -> i64 {
        time.div_euclid(self.cell)
    }

    /// When the cell that `time` is in ends.
    pub(super) const fn end_of_cell(&self, time: i64) -> i64 {
        (self.cell_of(time) + 1).saturating_mul(self.cell)
    }

    /// Adds prices of one cell, the latest of them at `time`.
    pub(super) fn add(&mut self, time: i64, range: Range) {
        self.since = self.since.min(time);
        let at = self.cell_of(time);
        match self.cells.back_mut() {
            Some(last) if last.at >= at => {
                last.range.high = last.range.high.max(range.high);
                last.range.low = last.range.low.min(range.low);
                last.range.close = range.close;
            }
            _ => self.cells.push_back(Cell { at, range }),
        }
        let at = self.cells.back().map_or(at, |cell| cell.at);
        while self
            .highs
            .back()
            .is_some_and(|(_, high)| *high <= range.high)
        {
            self.highs.pop_back();
        }
        self.highs.push_back((at, range.high));
        while self.lows.back().is_some_and(|(_, low)| range.low <= *low) {
            self.lows.pop_back();
        }
        self.lows.push_back((at, range.low));
        self.pass(time);
    }

    /// Forgets the cells that are too old at `time`.
    fn pass(&mut self, time: i64) {
        let oldest = self.cell_of(time) - CELLS;
        while self.cells.get(1).is_some_and(|next| next.at < oldest) {
            self.cells.pop_front();
        }
        for extremes in [&mut self.highs, &mut self.lows] {
            while extremes.front().is_some_and(|(at, _)| *at < oldest) {
                extremes.pop_front();
            }
        }
    }

    /// The last price before the window began; none while there was no trade before it.
    pub(super) fn reference(&self, time: i64) -> Option<Decimal> {
        let oldest = self.cell_of(time) - CELLS;
        let before = self.cells.iter().take_while(|cell| cell.at < oldest);
        before.last().map(|cell| cell.range.close)
    }

    /// The highest price within the window; none while there was no trade before it.
    pub(super) fn highest(&self, time: i64) -> Option<Decimal> {
        self.extreme(&self.highs, time)
    }

    /// The lowest price within the window; none while there was no trade before it.
    pub(super) fn lowest(&self, time: i64) -> Option<Decimal> {
        self.extreme(&self.lows, time)
    }

    fn extreme(&self, extremes: &VecDeque<(i64, Decimal)>, time: i64) -> Option<Decimal> {
        let oldest = self.cell_of(time) - CELLS;
        self.cells.front().filter(|first| first.at < oldest)?;
        let within = |(at, _): &&(i64, Decimal)| *at >= oldest;
        extremes.iter().find(within).map(|(_, price)| *price)
    }

    /// Begins with the candles before what it has; in order.
    pub(super) fn warm(&mut self, candles: &[Candle]) {
        let (known, since) = (std::mem::take(&mut self.cells), self.since);
        (self.highs, self.lows) = (VecDeque::new(), VecDeque::new());
        for candle in candles {
            if candle.end().0 <= since {
                let range = Range {
                    high: candle.high,
                    low: candle.low,
                    close: candle.close,
                };
                self.since = self.since.min(candle.open_time.0);
                self.add(candle.end().0 - 1, range);
            }
        }
        for cell in known {
            self.add(cell.at * self.cell, cell.range);
        }
    }

    /// The same after it was stored, with what is not stored.
    pub(super) fn restored(mut self) -> Self {
        let since = self.since;
        self.warm(&[]);
        self.since = since;
        self
    }
}
