//! The part of what is missing that is fetched next, and its requests. Pure.

use std::time::Duration;

use crate::market::{Interval, Timestamp};
use crate::time_ranges::{TimeRange, length};

/// Minutes are fetched in whole days, so that the longer candles made of them are whole; so many at once.
const DAYS: u32 = 4;

/// Longer candles at once.
const LONGER: u32 = 3_000;

/// The number of candles in stretches.
pub(super) fn candles(stretches: &[TimeRange], interval: Interval) -> u64 {
    length(stretches) / interval.nanos().unsigned_abs()
}

/// The newest part of what is missing that is fetched and written at once. It begins with a whole day,
/// where that is missing too.
pub(super) fn newest_part(missing: &[TimeRange], interval: Interval) -> Option<TimeRange> {
    let &(from, to) = missing.last()?;
    let begin = match interval {
        Interval::Minute1 => {
            let day = Interval::Day1;
            let last = day.open_of(to - Duration::from_nanos(1));
            last - day.duration() * (DAYS - 1)
        }
        longer => to - longer.duration() * LONGER,
    };
    Some((begin.max(from), to))
}

/// A part cut into what one answer may hold, the newest first.
pub(super) fn pages(missing: &[TimeRange], interval: Interval, rows: u32) -> Vec<TimeRange> {
    let mut pages = Vec::new();
    for &(from, to) in missing.iter().rev() {
        let mut end = to;
        while from < end {
            let begin = from.max(end - interval.duration() * rows.max(1));
            pages.push((begin, end));
            end = begin;
        }
    }
    pages
}

/// The asked time as whole candles that have closed by now; of minutes, as whole days.
pub(super) fn window(
    from: Timestamp,
    to: Timestamp,
    interval: Interval,
    now: Timestamp,
) -> TimeRange {
    let unit = match interval {
        Interval::Minute1 => Interval::Day1,
        longer => longer,
    };
    let begin = unit.open_of(from);
    let end = match unit.open_of(to) {
        open if open == to => to,
        open => unit.end_of(open),
    };
    (begin, end.min(interval.open_of(now)))
}

/// The minutes that a stretch touches.
pub(super) fn minutes_of((from, to): TimeRange) -> TimeRange {
    let minute = Interval::Minute1;
    let last = to - Duration::from_nanos(1);
    (
        minute.open_of(from),
        minute.end_of(minute.open_of(last.max(from))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_ranges::subtract;

    const MINUTE: Interval = Interval::Minute1;
    const DAY: i64 = 1_440;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_seconds(minute * 60).unwrap()
    }

    fn stretch(from: i64, to: i64) -> TimeRange {
        (at(from), at(to))
    }

    #[test]
    fn the_newest_whole_days_come_first() {
        let missing = [stretch(0, 10 * DAY + 77)];
        let part = newest_part(&missing, MINUTE).unwrap();
        assert_eq!(part, stretch(7 * DAY, 10 * DAY + 77));
        let rest = subtract(&missing, part);
        assert_eq!(newest_part(&rest, MINUTE), Some(stretch(3 * DAY, 7 * DAY)));
        assert_eq!(newest_part(&[stretch(5, 9)], MINUTE), Some(stretch(5, 9)));
        assert_eq!(newest_part(&[], MINUTE), None);
        assert_eq!(candles(&rest, MINUTE), 7 * 1_440);
        let pages = pages(&[stretch(0, 5), stretch(8, 20)], MINUTE, 5);
        assert_eq!(
            pages,
            [
                stretch(15, 20),
                stretch(10, 15),
                stretch(8, 10),
                stretch(0, 5)
            ]
        );
    }

    #[test]
    fn a_window_is_of_whole_days_that_have_passed() {
        let of = |from, to, now| window(at(from), at(to), MINUTE, at(now));
        assert_eq!(of(5, DAY + 5, 9 * DAY), stretch(0, 2 * DAY));
        assert_eq!(of(5, DAY, 9 * DAY), stretch(0, DAY));
        assert_eq!(of(0, 9 * DAY, DAY + 7), stretch(0, DAY + 7));
    }
}
