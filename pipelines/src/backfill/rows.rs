//! Candles of a file on their way into batches, ascending, with what is proven by them and what is not. Pure.

use crate::market::{Candle, Interval, Timestamp};
use crate::store::HistoryBatch;
use crate::time_ranges::{TimeRange, joined, subtract};

/// Rows that are written at once, about; of minutes, whole days.
const ROWS: usize = 5_760;

/// The meaning of intervals that are absent between others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absence {
    /// Something is missing: they are gaps.
    Hole,
    /// Nothing was traded: they are proven.
    Quiet,
    /// Either.
    Unknown,
}

/// The candles since the last batch.
pub(super) struct Rows {
    source: &'static str,
    interval: Interval,
    absence: Absence,
    /// The beginning of the next batch.
    begin: Option<Timestamp>,
    /// The end of the last row.
    end: Option<Timestamp>,
    candles: Vec<Candle>,
    holes: Vec<TimeRange>,
    unknown: Vec<TimeRange>,
}

impl Rows {
    pub(super) const fn new(source: &'static str, interval: Interval, absence: Absence) -> Self {
        Self {
            source,
            interval,
            absence,
            begin: None,
            end: None,
            candles: Vec::new(),
            holes: Vec::new(),
            unknown: Vec::new(),
        }
    }

    pub(super) const fn interval(&self) -> Interval {
        self.interval
    }

    /// Adds a candle. Answers a batch when there are enough before it.
    pub(super) fn add(&mut self, candle: Candle) -> Result<Option<HistoryBatch>, String> {
        let full = self.reach(candle.open_time, self.absence)?;
        self.end = Some(self.interval.end_of(candle.open_time));
        // A candle of nothing is absent here.
        if candle.trades > 0 || !candle.volume.is_zero() {
            self.candles.push(candle);
        }
        Ok(full)
    }

    /// Adds an interval that the file has only in part; and perhaps lacks those before it, too.
    pub(super) fn add_damaged(
        &mut self,
        open: Timestamp,
        after_gap: bool,
    ) -> Result<Option<HistoryBatch>, String> {
        let before = if after_gap {
            Absence::Hole
        } else {
            self.absence
        };
        let full = self.reach(open, before)?;
        self.absent((open, self.interval.end_of(open)), Absence::Hole);
        Ok(full)
    }

    /// Adds an interval whose candle the file says is not whole.
    pub(super) fn add_unknown(&mut self, open: Timestamp) -> Result<Option<HistoryBatch>, String> {
        let full = self.reach(open, self.absence)?;
        self.absent((open, self.interval.end_of(open)), Absence::Unknown);
        Ok(full)
    }

    /// Goes on to this time, before which there are no other candles.
    pub(super) fn extend(&mut self, to: Timestamp, absence: Absence) {
        if let Some(end) = self.end.filter(|end| *end < to) {
            self.absent((end, to), absence);
        }
    }

    fn reach(&mut self, time: Timestamp, before: Absence) -> Result<Option<HistoryBatch>, String> {
        if self.end.is_some_and(|end| time < end) {
            return Err(format!(
                "the candle at {time} does not come after the one before"
            ));
        }
        let whole_days = self.interval != Interval::Minute1 || Interval::Day1.open_of(time) == time;
        let full = if self.candles.len() >= ROWS && whole_days {
            self.take()
        } else {
            None
        };
        self.extend(time, before);
        self.begin.get_or_insert(time);
        Ok(full)
    }

    fn absent(&mut self, range: TimeRange, absence: Absence) {
        match absence {
            Absence::Hole => self.holes.push(range),
            Absence::Unknown => self.unknown.push(range),
            Absence::Quiet => {}
        }
        self.end = Some(range.1);
    }

    /// What has been added since the last batch.
    pub(super) fn take(&mut self) -> Option<HistoryBatch> {
        let span = self.begin.take().zip(self.end)?;
        self.begin = self.end;
        let holes = joined(std::mem::take(&mut self.holes));
        let unknown = std::mem::take(&mut self.unknown);
        let proven = holes
            .iter()
            .chain(&unknown)
            .fold(vec![span], |left, hole| subtract(&left, *hole));
        Some(HistoryBatch {
            interval: self.interval,
            source: self.source.to_owned(),
            candles: std::mem::take(&mut self.candles),
            proven,
            holes,
        })
    }
}
