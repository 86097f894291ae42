//! Repair of rows before they are a series: impossible ones go, the others are put on one grid and
//! in order. Where too many would have to be repaired, the rows are not what they seem.

use super::{SeriesError, SeriesReport, is_too_large_a_share, shown};
use crate::bar::{Bar, BarError, Interval};

/// Prices that went through floats of 32 bits are off by no more than this share.
const ROUNDING: f64 = 1e-6;

/// A row, and its place among those given, the first being 1.
pub(super) type Row = (usize, Bar);

/// Leaves out what no market could have produced, and widens ranges that only rounding broke.
pub(super) fn possible(rows: Vec<Bar>, report: &mut SeriesReport) -> Result<Vec<Row>, SeriesError> {
    let mut kept = Vec::with_capacity(rows.len());
    let (mut first_refused, mut first_contradiction, mut contradictions) = (None, None, 0);
    for (row, mut bar) in (1..).zip(rows) {
        match bar.check() {
            Ok(()) => kept.push((row, bar)),
            Err(cause @ BarError::NotFinite { .. }) => {
                return Err(SeriesError::NotFinite {
                    row,
                    time: shown(bar.open_time),
                    cause,
                });
            }
            Err(BarError::OutOfRange { .. }) => {
                let (high, low) = (bar.high, bar.low);
                bar.high = high.max(low).max(bar.open).max(bar.close);
                bar.low = low.min(high).min(bar.open).min(bar.close);
                if bar.high - high > ROUNDING * high || low - bar.low > ROUNDING * low {
                    contradictions += 1;
                    first_contradiction.get_or_insert(row);
                }
                report.widened += 1;
                kept.push((row, bar));
            }
            Err(cause) => {
                report.refused += 1;
                first_refused.get_or_insert(row);
                report.first_refused.get_or_insert_with(|| {
                    format!("candle {row} ({}): {cause}", shown(bar.open_time))
                });
            }
        }
    }
    if let Some(row) = first_refused
        && is_too_large_a_share(report.refused, report.rows)
    {
        return Err(SeriesError::Refused {
            refused: report.refused,
            rows: report.rows,
            row,
            first: report.first_refused.clone().unwrap_or_default(),
        });
    }
    if let Some(row) = first_contradiction
        && is_too_large_a_share(contradictions, report.rows)
    {
        return Err(SeriesError::Ranges {
            widened: contradictions,
            rows: report.rows,
            row,
        });
    }
    Ok(kept)
}

/// Most neighbours must be one interval apart.
pub(super) fn check_spacing(interval: Interval, rows: &[Row]) -> Result<(), SeriesError> {
    let mut times: Vec<i64> = rows.iter().map(|(_, bar)| bar.open_time).collect();
    times.sort_unstable();
    times.dedup();
    let mut apart: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if apart.is_empty() {
        return Ok(());
    }
    let middle = apart.len() / 2;
    let (_, &mut median, _) = apart.select_nth_unstable(middle);
    let step = interval.millis();
    // Daylight saving moves daily candles by an hour: a twentieth of the interval is nothing.
    if (median - step).abs() * 20 > step {
        return Err(SeriesError::WrongInterval {
            found_seconds: median / 1_000,
            interval,
        });
    }
    Ok(())
}

/// Candles open where the one before them closed, by far nearer than they close to where that one opened;
/// the other way round, the two columns have each other's names.
pub(super) fn check_continuity(bars: &[Bar]) -> Result<(), SeriesError> {
    let median = |apart: &dyn Fn(&Bar, &Bar) -> f64| {
        let pairs = bars.windows(2).map(|pair| apart(&pair[0], &pair[1]).abs());
        let mut apart: Vec<f64> = pairs.collect();
        let middle = apart.len() / 2;
        *apart.select_nth_unstable_by(middle, f64::total_cmp).1
    };
    let as_named = median(&|before, after| after.open - before.close);
    let crossed = median(&|before, after| after.close - before.open);
    if crossed * 10.0 < as_named {
        return Err(SeriesError::Swapped);
    }
    Ok(())
}

/// Where in an interval most times stand, in milliseconds after its beginning. Where no place has most
/// of them and they scatter around the beginning, that is it.
pub(crate) fn common_offset(times: impl Iterator<Item = i64>, interval: Interval) -> i64 {
    let step = interval.millis();
    let mut offsets: Vec<i64> = times.map(|time| time.rem_euclid(step)).collect();
    offsets.sort_unstable();
    let (common, count) = offsets
        .chunk_by(|a, b| a == b)
        .map(|chunk| (chunk[0], chunk.len()))
        .max_by_key(|(_, count)| *count)
        .unwrap_or_default();
    let aside = common.min(step - common);
    if count * 2 <= offsets.len() && aside * 20 <= step {
        0
    } else {
        common
    }
}

/// Moves rows that are a little off the grid that most share to it, by no more than daylight saving
/// moves a day, and leaves out those that begin between its points.
pub(super) fn on_grid(
    interval: Interval,
    mut rows: Vec<Row>,
    report: &mut SeriesReport,
) -> Result<Vec<Row>, SeriesError> {
    let step = interval.millis();
    let common = common_offset(rows.iter().map(|(_, bar)| bar.open_time), interval);
    let mut first = None;
    rows.retain_mut(|(row, bar)| {
        let off = (bar.open_time - common + step / 2).rem_euclid(step) - step / 2;
        if off.abs() * 20 > step {
            report.between += 1;
            first.get_or_insert((*row, bar.open_time));
            return false;
        }
        if off != 0 {
            bar.open_time -= off;
            report.off_grid += 1;
        }
        true
    });
    if let Some((row, time)) = first {
        if is_too_large_a_share(report.between, report.rows) {
            return Err(SeriesError::Between {
                between: report.between,
                rows: report.rows,
                row,
                time: shown(time),
            });
        }
        report.first_between = Some(shown(time));
    }
    Ok(rows)
}

/// Sorts, and keeps the last row given of each time.
pub(super) fn unique(
    mut rows: Vec<Row>,
    report: &mut SeriesReport,
) -> Result<Vec<Bar>, SeriesError> {
    let mut latest = i64::MIN;
    for (_, bar) in &rows {
        if bar.open_time < latest {
            report.out_of_order += 1;
        }
        latest = latest.max(bar.open_time);
    }
    // Stable: rows of one time stay in the order given.
    rows.sort_by_key(|(_, bar)| bar.open_time);
    let mut kept: Vec<Bar> = Vec::with_capacity(rows.len());
    let mut first = None;
    for (row, bar) in rows {
        match kept.last_mut() {
            Some(last) if last.open_time == bar.open_time => {
                if *last == bar {
                    report.duplicates += 1;
                } else {
                    report.conflicting += 1;
                    first.get_or_insert((row, bar.open_time));
                    *last = bar;
                }
            }
            _ => kept.push(bar),
        }
    }
    if let Some((row, time)) = first
        && is_too_large_a_share(report.conflicting, report.rows)
    {
        return Err(SeriesError::Conflicting {
            conflicting: report.conflicting,
            rows: report.rows,
            row,
            time: shown(time),
        });
    }
    Ok(kept)
}
