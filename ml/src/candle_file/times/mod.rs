//! Times as candle files write them: one cell, and what all cells of a file say of each.

mod text;

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use crate::bar::Interval;

/// The times that a candle may open at, 1970 to 2262, in milliseconds. (Nanoseconds of 64 bits, which
/// dumps are made with, end there.)
const RANGE: std::ops::RangeInclusive<i64> = 0..=9_223_372_036_854;
/// Numbers that are times before 1980 in the unit that the interval suggests may be of any size.
const EARLY: i64 = 315_532_800_000;
/// The days that spreadsheets count from 1899-12-30, in the years of [`RANGE`].
const SPREADSHEET_DAYS: std::ops::Range<i64> = 25_569..132_500;
const DAY: i64 = 86_400_000;

/// Notation of a file's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// Numbers of seconds since the Unix epoch.
    Seconds,
    /// Numbers of milliseconds.
    Milliseconds,
    /// Numbers of microseconds.
    Microseconds,
    /// Numbers of nanoseconds.
    Nanoseconds,
    /// Numbers of days as spreadsheets count them.
    SpreadsheetDays,
    /// Numbers whose digits are those of the calendar, such as 20210131.
    Calendar,
    /// Dates and times as text.
    Text,
    /// More than one of these.
    Mixed,
}

impl TimeUnit {
    const NUMBERS: [Self; 4] = [
        Self::Seconds,
        Self::Milliseconds,
        Self::Microseconds,
        Self::Nanoseconds,
    ];

    /// The unit in which a number is a time of our days.
    fn by_size(number: i64) -> Self {
        let seconds = *RANGE.end() / 1_000;
        match number {
            _ if calendar(number).is_some() => Self::Calendar,
            _ if SPREADSHEET_DAYS.contains(&number) => Self::SpreadsheetDays,
            _ if number <= seconds => Self::Seconds,
            _ if number <= seconds * 1_000 => Self::Milliseconds,
            _ if number <= seconds * 1_000_000 => Self::Microseconds,
            _ => Self::Nanoseconds,
        }
    }

    /// A number of this unit in milliseconds. Never rounded up: a closing time of 23:59:59.999999 must
    /// not become the next day.
    fn millis(self, whole: i64, fraction: f64) -> Option<i64> {
        let millis = match self {
            Self::Seconds => whole.checked_mul(1_000)? + (fraction * 1e3).round() as i64,
            Self::Milliseconds => whole,
            Self::Microseconds => whole.div_euclid(1_000),
            Self::Nanoseconds => whole.div_euclid(1_000_000),
            Self::SpreadsheetDays => {
                // Fractions of a day have some seven digits: seconds are what is known of them.
                let seconds = (fraction * 86_400.0).round() as i64;
                (whole - SPREADSHEET_DAYS.start) * DAY + seconds * 1_000
            }
            Self::Calendar => calendar(whole)?,
            Self::Text | Self::Mixed => return None,
        };
        Some(millis).filter(|millis| RANGE.contains(millis))
    }
}

/// One time, as far as it is known before the whole file is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Stamp {
    /// A number in a unit that is not known yet.
    Number {
        /// Digits before the point.
        whole: i64,
        /// Digits after the point.
        fraction: f64,
    },
    /// Milliseconds since the Unix epoch.
    Millis(i64),
    /// Day and month in an unknown order.
    Slashed {
        /// The first number.
        first: u8,
        /// The second number.
        second: u8,
        /// The year.
        year: u16,
        /// Milliseconds of the day, less the zone's offset.
        of_day: i64,
    },
}

/// Why a cell is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misread {
    /// It is written in no known way.
    #[error("no time that is understood")]
    Unknown,
    /// It is one that no candle has.
    #[error("no time between the years 1970 and 2262")]
    OutOfRange,
}

impl Stamp {
    /// A number, RFC 3339, the same with a space, without zone or seconds (UTC), or a date.
    pub(super) fn parse(text: &str) -> Result<Self, Misread> {
        if !text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) {
            return text::parse(text);
        }
        if let Ok(whole) = text.parse::<i64>() {
            return if whole < 0 {
                Err(Misread::OutOfRange)
            } else {
                Ok(Self::Number {
                    whole,
                    fraction: 0.0,
                })
            };
        }
        match text.parse::<f64>() {
            Ok(number) if (0.0..9.2e18).contains(&number) => Ok(Self::Number {
                whole: number.trunc() as i64,
                fraction: number.fract(),
            }),
            Ok(_) => Err(Misread::OutOfRange),
            Err(_) => text::parse(text),
        }
    }

    /// A date, and a time of day from another column, unless that has the whole time.
    pub(super) fn joined(date: &str, time: &str) -> Result<Self, Misread> {
        let is_number = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
        match time.len() {
            0 => Self::parse(date),
            1..=4 if is_number => text::parse(&format!("{date} {time:0>4}")),
            5 | 6 if is_number => text::parse(&format!("{date} {time:0>6}")),
            _ if !is_number && time.contains(':') && !time.contains(['/']) && time.len() <= 20 => {
                text::parse(&format!("{date} {time}")).or_else(|_| Self::parse(time))
            }
            _ => Self::parse(time),
        }
    }

    /// Its notation, if it alone tells that.
    fn unit(self) -> TimeUnit {
        match self {
            Self::Number { whole, .. } => TimeUnit::by_size(whole),
            Self::Millis(_) | Self::Slashed { .. } => TimeUnit::Text,
        }
    }

    /// Why it is no time after all.
    pub(super) fn refusal(self) -> String {
        match self {
            Self::Slashed {
                first,
                second,
                year,
                ..
            } => format!(
                "which of {first}/{second}/{year} is the day and which the month is not clear: write {year}-{first:02}-{second:02}"
            ),
            Self::Number { whole, .. } => format!("{whole} is {}", Misread::OutOfRange),
            Self::Millis(millis) => format!("{millis} ms is {}", Misread::OutOfRange),
        }
    }
}

/// Milliseconds at the beginning of a day, from 1970 to 2262.
fn midnight(year: i32, month: u32, day: u32) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    Some(date.and_time(NaiveTime::MIN).and_utc().timestamp_millis())
}

/// The time of a number whose digits are those of the calendar: `20210131`, with hours and minutes,
/// with seconds, or with milliseconds too.
fn calendar(number: i64) -> Option<i64> {
    let (date, of_day) = match number.checked_ilog10()? + 1 {
        8 => (number, 0),
        12 => (number / 10_000, number % 10_000 * 100_000),
        14 => (number / 1_000_000, number % 1_000_000 * 1_000),
        17 => (number / 1_000_000_000, number % 1_000_000_000),
        _ => return None,
    };
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let midnight = midnight(year as i32, month as u32, day as u32)?;
    let (hours, minutes) = (of_day / 10_000_000, of_day / 100_000 % 100);
    let (seconds, millis) = (of_day / 1_000 % 100, of_day % 1_000);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let of_day = ((hours * 60 + minutes) * 60 + seconds) * 1_000 + millis;
    Some(midnight + of_day).filter(|millis| RANGE.contains(millis))
}

/// Times of a whole file.
pub(super) struct Times {
    /// Milliseconds since the Unix epoch, by row; `None` outside the years 1970 to 2262, or where day
    /// and month cannot be distinguished.
    pub(super) millis: Vec<Option<i64>>,
    /// Notation of the times.
    pub(super) unit: TimeUnit,
    /// The first row whose time is written in another way than the one before.
    pub(super) changes_at: Option<usize>,
}

/// Resolves each time by what all times of a file together say. Each number is read by its own size:
/// there are dumps that go from milliseconds to microseconds.
pub(super) fn resolve(stamps: &[Stamp], interval: Interval) -> Times {
    let early = early_unit(stamps, interval);
    let month_first = month_first(stamps, interval);
    let unit_of = |stamp: &Stamp| match (early, stamp.unit()) {
        (Some(early), unit) if unit != TimeUnit::Text => early,
        (_, unit) => unit,
    };
    let millis = stamps
        .iter()
        .map(|stamp| match *stamp {
            Stamp::Millis(millis) => Some(millis),
            Stamp::Number { whole, fraction } => unit_of(stamp).millis(whole, fraction),
            Stamp::Slashed { .. } => slashed(*stamp, month_first?),
        })
        .collect();
    let changes_at = stamps
        .windows(2)
        .position(|pair| unit_of(&pair[0]) != unit_of(&pair[1]))
        .map(|row| row + 1);
    let unit = match (changes_at, stamps.first()) {
        (None, Some(first)) => unit_of(first),
        (None, None) => TimeUnit::Text,
        (Some(_), _) => TimeUnit::Mixed,
    };
    Times {
        millis,
        unit,
        changes_at,
    }
}

/// The unit of numbers that are times shortly after 1970, where sizes say nothing: that in which
/// neighbours are an interval apart.
fn early_unit(stamps: &[Stamp], interval: Interval) -> Option<TimeUnit> {
    let mut numbers: Vec<i64> = stamps
        .iter()
        .filter_map(|stamp| match stamp {
            Stamp::Number { whole, .. } => Some(*whole),
            _ => None,
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let last = *numbers.last()?;
    let mut apart: Vec<i64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
    apart.sort_unstable();
    let median = *apart.get(apart.len() / 2)?;
    let step = interval.millis();
    TimeUnit::NUMBERS.into_iter().find(|unit| {
        let in_unit = |number: i64| unit.millis(number, 0.0);
        in_unit(median).is_some_and(|apart| (apart - step).abs() * 20 < step)
            && in_unit(last).is_some_and(|last| last < EARLY)
    })
}

/// Returns whether the month stands first in dates that do not begin with the year: in the order in which more
/// of them are dates, or else more are an interval after the one before.
fn month_first(stamps: &[Stamp], interval: Interval) -> Option<bool> {
    let score = |month_first: bool| {
        let dates = || stamps.iter().filter_map(move |&s| slashed(s, month_first));
        let next = dates()
            .zip(dates().skip(1))
            .filter(|(one, other)| one.abs_diff(*other) == interval.millis().unsigned_abs());
        (dates().count(), next.count())
    };
    let (day, month) = (score(false), score(true));
    (day != month).then_some(month > day)
}

fn slashed(stamp: Stamp, month_first: bool) -> Option<i64> {
    let Stamp::Slashed {
        first,
        second,
        year,
        of_day,
    } = stamp
    else {
        return None;
    };
    let (month, day) = if month_first {
        (first, second)
    } else {
        (second, first)
    };
    let millis = midnight(year.into(), month.into(), day.into())? + of_day;
    RANGE.contains(&millis).then_some(millis)
}

#[cfg(test)]
mod tests;
