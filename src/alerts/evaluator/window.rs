//! Windows of prices: the price a while ago, and the highest and lowest since. One window serves all
//! signals of its instrument and length. It is kept in cells of a 240th of its length.

use std::collections::VecDeque;

use rust_decimal::Decimal;
/// Cells of a window.
const CELLS: i64 = 240;

/// Prices of trades that followed one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) high: Decimal,
    pub(super) low: Decimal,
    pub(super) close: Decimal,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    at: i64,
    range: Range,
}

#[derive(Debug)]
pub(super) struct Window {
    /// Nanoseconds of a cell.
    cell: i64,
    /// In order; the first may be older than the window: the price at its beginning.
    cells: VecDeque<Cell>,
    /// Cells whose high no later one reaches, with that high: descending. The same of lows.
    highs: VecDeque<(i64, Decimal)>,
    lows: VecDeque<(i64, Decimal)>,
    /// The first cell that there ever was.
    first: Option<i64>,
    /// The highest and lowest are asked for.
    has_extremes: bool,
}

impl Window {
    /// A window of so many seconds, a multiple of 60.
    pub(super) fn new(seconds: u32) -> Self {
        Self {
            cell: i64::from(seconds) * 1_000_000_000 / CELLS,
            cells: VecDeque::new(),
            highs: VecDeque::new(),
            lows: VecDeque::new(),
            first: None,
            has_extremes: false,
        }
    }

    /// True if the highest and lowest are asked for.
    pub(super) const fn has_extremes(&self) -> bool {
        self.has_extremes
    }

    /// Keeps the highest and lowest, too: of the cells there are, from their prices.
    pub(super) fn keep_extremes(&mut self) {
        if !self.has_extremes {
            self.has_extremes = true;
            self.warm(std::iter::empty());
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
        let at = self.cell_of(time);
        self.first.get_or_insert(at);
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
    pub(super) fn pass(&mut self, time: i64) {
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
        self.is_whole(time)
            .then(|| Self::extreme(&self.highs, self.cell_of(time) - CELLS))?
    }

    /// The lowest price within the window; none while there was no trade before it.
    pub(super) fn lowest(&self, time: i64) -> Option<Decimal> {
        self.is_whole(time)
            .then(|| Self::extreme(&self.lows, self.cell_of(time) - CELLS))?
    }

    fn extreme(extremes: &VecDeque<(i64, Decimal)>, oldest: i64) -> Option<Decimal> {
        let within = |(at, _): &&(i64, Decimal)| *at >= oldest;
        extremes.iter().find(within).map(|(_, price)| *price)
    }

    fn is_whole(&self, time: i64) -> bool {
        self.first
            .is_some_and(|first| first < self.cell_of(time) - CELLS)
    }

    /// Begins with the ranges before the first cell there is; in order.
    pub(super) fn warm(&mut self, before: impl Iterator<Item = (i64, Range)>) {
        let first = self.first.unwrap_or(i64::MAX);
        let known = std::mem::take(&mut self.cells);
        (self.first, self.highs, self.lows) = (None, VecDeque::new(), VecDeque::new());
        for (time, range) in before {
            if self.cell_of(time) < first {
                self.add(time, range);
            }
        }
        for cell in known {
            self.add(cell.at * self.cell, cell.range);
        }
    }
}
