//! Markets: the state of one instrument, and the guard that lets trades pass which nobody waits for.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::series::{Series, volume_of};
use super::signal::USUAL_PLACES;
use super::window::{Range, Window};
use crate::input::{Instrument, Tick};
use crate::number::narrow;
use crate::plan::Source;

#[derive(Debug)]
pub(super) struct Market {
    /// None for a number that is fed in by name.
    pub(super) instrument: Option<Instrument>,
    pub(super) last: Option<Tick>,
    /// Event time of the last trade.
    pub(super) last_at: i64,
    /// Event time: the latest of trades and ticks; never goes back.
    pub(super) now: i64,
    pub(super) guard: Guard,
    pub(super) signals: Vec<u32>,
    /// Signals of other markets that this one's price moves, too.
    pub(super) dependents: Vec<u32>,
    /// When something is due, and whose it is.
    pub(super) timers: BTreeSet<(i64, u32)>,
    /// Rules that fire on gaps.
    pub(super) gaps: BTreeSet<u32>,
    /// Rules on silence that the next trade arms.
    pub(super) silent: BTreeSet<u32>,
    /// A candle has closed since the last trade.
    pub(super) has_closed: bool,
    /// The highest and lowest of some window are asked for.
    has_extremes: bool,
    windows: Vec<(u32, Window)>,
    series: Vec<(u32, Series)>,
    /// Trades since windows and series were given any.
    passed: Option<Passed>,
}

/// Trades that have passed quietly.
#[derive(Debug, Clone, Copy)]
struct Passed {
    range: Range,
    volume: i128,
}

/// The bounds between which a trade changes nothing but what the market remembers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    /// The places of the two keys.
    pub(super) places: u32,
    pub(super) low: i64,
    pub(super) high: i64,
    /// From this time on, a trade or tick is looked at.
    pub(super) due: i64,
    /// The volume that may pass.
    pub(super) volume: i128,
}

impl Guard {
    pub(super) const OPEN: Self = Self {
        places: USUAL_PLACES,
        low: i64::MIN,
        high: i64::MAX,
        due: i64::MAX,
        volume: i128::MAX,
    };

    /// Nothing passes.
    pub(super) const fn shut(&mut self) {
        self.low = i64::MAX;
        self.high = i64::MIN;
    }

    /// Nothing passes, not even time, until the guard is set again.
    pub(super) const fn forget(&mut self) {
        self.shut();
        self.due = i64::MIN;
    }
}

impl Market {
    pub(super) const fn new(instrument: Option<Instrument>) -> Self {
        Self {
            instrument,
            last: None,
            last_at: i64::MIN,
            now: i64::MIN,
            guard: Guard::OPEN,
            signals: Vec::new(),
            dependents: Vec::new(),
            timers: BTreeSet::new(),
            gaps: BTreeSet::new(),
            silent: BTreeSet::new(),
            has_closed: false,
            has_extremes: false,
            windows: Vec::new(),
            series: Vec::new(),
            passed: None,
        }
    }

    /// True if nobody waits for what the trade does.
    pub(super) fn is_quiet(&self, tick: &Tick) -> bool {
        let guard = &self.guard;
        tick.time.0 < guard.due
            && narrow(tick.price, guard.places)
                .is_some_and(|key| guard.low < key && key < guard.high)
            && (guard.volume == i128::MAX || self.volume_with(tick) < guard.volume)
    }

    fn volume_with(&self, tick: &Tick) -> i128 {
        let passed = self.passed.map_or(0, |passed| passed.volume);
        passed.saturating_add(volume_of(tick.quantity))
    }

    /// Remembers a trade.
    pub(super) fn note(&mut self, tick: &Tick) {
        self.last = Some(*tick);
        self.now = self.now.max(tick.time.0);
        self.last_at = self.now;
        self.has_closed = false;
        if self.windows.is_empty() && self.series.is_empty() {
            return;
        }
        let volume = self.volume_with(tick);
        let price = tick.price;
        let range = match self.passed {
            Some(Passed { range, .. }) if self.has_extremes => Range {
                high: range.high.max(price),
                low: range.low.min(price),
                close: price,
            },
            _ => Range::of(price),
        };
        self.passed = Some(Passed { range, volume });
    }

    /// Gives windows and series the trades that have passed: all of it in the same cells, for their ends were due.
    pub(super) fn fold(&mut self) {
        let Some(passed) = self.passed.take() else {
            return;
        };
        for (_, window) in &mut self.windows {
            window.add(self.last_at, passed.range);
        }
        for (_, series) in &mut self.series {
            series.add(self.last_at, passed.range.close, passed.volume);
        }
    }

    /// When a cell of a window or a candle ends next.
    pub(super) fn next_end(&self) -> i64 {
        let windows = self.windows.iter().map(|(_, it)| it.end_of_cell(self.now));
        let series = self.series.iter().map(|(_, it)| it.end_after(self.now));
        windows.chain(series).min().unwrap_or(i64::MAX)
    }

    pub(super) fn window(&self, seconds: u32) -> Option<&Window> {
        let found = self.windows.iter().find(|(other, _)| *other == seconds);
        found.map(|(_, window)| window)
    }

    pub(super) fn series(&self, seconds: u32) -> Option<&Series> {
        let found = self.series.iter().find(|(other, _)| *other == seconds);
        found.map(|(_, series)| series)
    }

    pub(super) const fn all_series(&self) -> &Vec<(u32, Series)> {
        &self.series
    }

    pub(super) const fn all_series_mut(&mut self) -> &mut Vec<(u32, Series)> {
        &mut self.series
    }

    /// Keeps the window or candles that a signal is computed from.
    pub(super) fn keep(&mut self, source: &Source) {
        if let Some(seconds) = source.window()
            && self.window(seconds).is_none()
        {
            let mut window = Window::new(seconds);
            if let Some(last) = self.last {
                window.add(self.last_at, Range::of(last.price));
            }
            self.windows.push((seconds, window));
        }
        for (seconds, window) in &mut self.windows {
            if source.is_of_extremes() && source.window() == Some(*seconds) {
                window.keep_extremes();
            }
            self.has_extremes |= window.has_extremes();
        }
        let Some((lookback, exponential)) = source.candles() else {
            return;
        };
        if self.series(lookback.interval).is_none() {
            self.series
                .push((lookback.interval, Series::new(lookback.interval)));
        }
        for (seconds, series) in &mut self.series {
            if *seconds == lookback.interval {
                series.keep(lookback.count);
                match source {
                    Source::Average(..) if exponential => series.keep_average(lookback.count),
                    Source::Average(..) => series.keep_sum(lookback.count),
                    Source::Volume(..) => series.keep_median(lookback.count),
                    _ => {}
                }
            }
        }
    }

    /// Drops the windows and series that none of the sources is computed from.
    pub(super) fn drop_unused<'a>(&mut self, used: impl Iterator<Item = &'a Source> + Clone) {
        let windows = used.clone().filter_map(Source::window);
        self.windows
            .retain(|(seconds, _)| windows.clone().any(|other| other == *seconds));
        self.has_extremes = self.windows.iter().any(|(_, it)| it.has_extremes());
        let series = used.filter_map(Source::candles);
        self.series.retain(|(seconds, _)| {
            let mut series = series.clone();
            series.any(|(lookback, _)| lookback.interval == *seconds)
        });
    }

    /// Begins windows and series with the candles before their first trade, in order.
    pub(super) fn warm(&mut self, candles: &[crate::input::Candle]) {
        let before = self.last_at;
        let is_before =
            |candle: &&crate::input::Candle| candle.end().0 <= before || before == i64::MIN;
        for (_, window) in &mut self.windows {
            window.warm(candles.iter().filter(is_before).map(|candle| {
                let range = Range {
                    high: candle.high,
                    low: candle.low,
                    close: candle.close,
                };
                (candle.end().0 - 1, range)
            }));
        }
        for (_, series) in &mut self.series {
            series.warm(candles.iter().filter(is_before).map(|candle| {
                let volume = volume_of(candle.volume);
                (candle.end().0 - 1, candle.close, volume)
            }));
        }
    }
}

impl Range {
    pub(super) const fn of(price: Decimal) -> Self {
        Self {
            high: price,
            low: price,
            close: price,
        }
    }
}
