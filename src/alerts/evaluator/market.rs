//! Markets: the state of one instrument, and the guard that lets trades pass which nobody waits for.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::series::{Kept, Series, volume_of};
use super::signal::USUAL_PLACES;
use super::state::Restored;
use super::trail::Trail;
use super::types::Cause;
use super::window::{Range, Window};
use crate::input::{Candle, Instrument, Tick};
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
    /// The last trade has passed quietly.
    pub(super) has_passed: bool,
    /// The last number that was fed in by name.
    pub(super) fed: Option<Cause>,
    windows: Vec<(u32, Window)>,
    series: Vec<(u32, Series)>,
    /// Trades since windows and series were given any.
    passed: Option<Passed>,
    pub(super) trails: Vec<Trail>,
    /// Left by a restart for the rules that are armed before the next trade.
    pub(super) restored: Option<Box<Restored>>,
}

/// Trades that have passed quietly.
#[derive(Debug, Clone, Copy)]
struct Passed {
    range: Range,
    /// The keys of its low and high, in the guard's places.
    keys: (i64, i64),
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
            has_passed: false,
            fed: None,
            windows: Vec::new(),
            series: Vec::new(),
            passed: None,
            trails: Vec::new(),
            restored: None,
        }
    }

    /// Lets a trade pass for whose doing nobody waits; false, and nothing is changed, if somebody does.
    pub(super) fn lets_pass(&mut self, tick: &Tick) -> bool {
        let guard = &self.guard;
        let key = match narrow(tick.price, guard.places) {
            Some(key) if guard.low < key && key < guard.high => key,
            _ => return false,
        };
        let passes = tick.time.0 < guard.due
            && (guard.volume == i128::MAX || self.volume_with(tick) < guard.volume);
        if passes {
            self.has_passed = true;
            self.remember(tick, key);
        }
        passes
    }

    fn volume_with(&self, tick: &Tick) -> i128 {
        let passed = self.passed.map_or(0, |passed| passed.volume);
        passed.saturating_add(volume_of(tick.quantity))
    }

    /// Remembers a trade that was looked at.
    pub(super) fn note(&mut self, tick: &Tick) {
        self.has_passed = false;
        self.fold();
        self.remember(tick, 0);
        self.fold();
    }

    fn remember(&mut self, tick: &Tick, key: i64) {
        self.last = Some(*tick);
        self.now = self.now.max(tick.time.0);
        self.last_at = self.now;
        self.has_closed = false;
        if self.windows.is_empty() && self.series.is_empty() {
            return;
        }
        let volume = self.volume_with(tick);
        let price = tick.price;
        let Some(passed) = &mut self.passed else {
            self.passed = Some(Passed {
                range: Range::of(price),
                keys: (key, key),
                volume,
            });
            return;
        };
        passed.volume = volume;
        passed.range.close = price;
        if key < passed.keys.0 {
            (passed.keys.0, passed.range.low) = (key, price);
        }
        if passed.keys.1 < key {
            (passed.keys.1, passed.range.high) = (key, price);
        }
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

    pub(super) fn windows(&self) -> &[(u32, Window)] {
        &self.windows
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
            let restored = self.restored.as_ref().and_then(|restored| {
                let mut windows = restored.windows.iter();
                windows.find(|(other, _)| *other == seconds)
            });
            let window = match (restored, self.last) {
                (Some((_, window)), _) => window.clone().restored(),
                (None, Some(last)) => {
                    let mut window = Window::new(seconds);
                    window.add(self.last_at, Range::of(last.price));
                    window
                }
                (None, None) => Window::new(seconds),
            };
            self.windows.push((seconds, window));
        }
        let Some(lookback) = source.candles() else {
            return;
        };
        if self.series(lookback.interval).is_none() {
            let interval = lookback.interval;
            let restored = self.restored.as_ref().and_then(|restored| {
                let mut series = restored.series.iter();
                series.find(|(other, _)| *other == interval)
            });
            let series = match restored {
                Some((_, series)) => series.clone(),
                None => Series::new(interval, self.last_at),
            };
            self.series.push((interval, series));
        }
        for (seconds, series) in &mut self.series {
            if *seconds == lookback.interval {
                series.keep(lookback.count);
                if matches!(source, Source::Volatility(..)) {
                    series.keep_moves();
                }
                match source.keeps() {
                    Some((_, Kept::Average(length))) => series.keep_average(length),
                    Some((_, Kept::Sum(length))) => series.keep_sum(length),
                    Some((_, Kept::Median(length))) => series.keep_median(length),
                    None => {}
                }
            }
        }
    }

    /// Drops the windows and series that none of the sources is computed from.
    pub(super) fn drop_unused<'a>(&mut self, used: impl Iterator<Item = &'a Source> + Clone) {
        let windows = used.clone().filter_map(Source::window);
        self.windows
            .retain(|(seconds, _)| windows.clone().any(|other| other == *seconds));
        let series = used.clone().filter_map(Source::candles);
        self.series.retain(|(seconds, _)| {
            let mut series = series.clone();
            series.any(|lookback| lookback.interval == *seconds)
        });
        for (seconds, series) in &mut self.series {
            series.keep_only(|kept| {
                let mut used = used.clone();
                used.any(|source| source.keeps() == Some((*seconds, kept)))
            });
        }
    }

    /// Begins windows and series with the candles before what they have, in order.
    pub(super) fn warm(&mut self, candles: &[Candle]) {
        for (_, window) in &mut self.windows {
            window.warm(candles);
        }
        for (_, series) in &mut self.series {
            series.warm(candles, self.now);
        }
    }
}

impl Source {
    /// The figure of candles of so many seconds that it needs kept.
    fn keeps(&self) -> Option<(u32, Kept)> {
        let kept = match self {
            Self::Average(_, average) if average.exponential => Kept::Average,
            Self::Average(..) => Kept::Sum,
            Self::Volume(..) => Kept::Median,
            _ => return None,
        };
        let lookback = self.candles()?;
        Some((lookback.interval, kept(lookback.count)))
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
