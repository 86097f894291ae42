//! Times as exports write them, to an instant. A time without a zone is in the zone that the source is known
//! to use; a date that may be read two ways is settled by the rest of its column, or asked about.

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;

use super::numbers::short;

/// Which comes first in dates like `03/04/2021`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateOrder {
    /// 3 April.
    DayFirst,
    /// March 4.
    MonthFirst,
}

/// Reading of a column's times.
#[derive(Clone, Copy)]
pub(super) struct Clock<'a> {
    /// Meaning of a time without a zone. `None`: such an hour does not exist there.
    pub local: &'a dyn Fn(NaiveDateTime) -> Option<DateTime<Utc>>,
    /// Unknown where nothing settles it.
    pub order: Option<DateOrder>,
    /// True when the name of a zone, as in `CET`, stands for the user's own.
    pub names: bool,
}

/// A time without a zone is UTC.
pub(super) const UTC: Clock<'static> = Clock {
    local: &utc,
    order: None,
    names: false,
};

pub(super) fn utc(time: NaiveDateTime) -> Option<DateTime<Utc>> {
    Some(time.and_utc())
}

/// A time without a zone is the user's: of an hour that occurs twice, the first.
pub(super) fn users_zone(zone: Tz) -> impl Fn(NaiveDateTime) -> Option<DateTime<Utc>> {
    move |time| {
        zone.from_local_datetime(&time)
            .earliest()
            .map(|time| time.to_utc())
    }
}

impl Clock<'_> {
    /// Reads a time.
    pub(super) fn time(&self, text: &str) -> Result<DateTime<Utc>, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("no time".to_owned());
        }
        if text.len() >= 10 && text.bytes().all(|b| b.is_ascii_digit()) {
            return since_1970(text).ok_or_else(|| not_a_time(text));
        }
        let (date, rest) = match text.find(['T', ' ']) {
            Some(end) => (&text[..end], text[end + 1..].trim()),
            None => (text, ""),
        };
        let date = match eight_digits(date) {
            Some(date) => date,
            None => self.date(date)?,
        };
        let (time, zone) = match clock_and_zone(rest) {
            Some(read) => read,
            None if self.names && rest.ends_with(|c: char| c.is_ascii_alphabetic()) => {
                let bare = rest
                    .trim_end_matches(|c: char| c.is_ascii_alphabetic())
                    .trim();
                clock_and_zone(bare).ok_or_else(|| not_a_time(text))?
            }
            None => return Err(not_a_time(text)),
        };
        let local = NaiveDateTime::new(date, time);
        match zone {
            Some(zone) => {
                Ok((local - TimeDelta::seconds(i64::from(zone.local_minus_utc()))).and_utc())
            }
            None => (self.local)(local)
                .ok_or_else(|| format!("\"{}\" does not exist in this zone", short(text))),
        }
    }

    fn date(&self, text: &str) -> Result<NaiveDate, String> {
        let Some((separator, [first, second, third])) = fields(text) else {
            return Err(not_a_time(text));
        };
        let number = |field: &str| field.parse::<u32>().map_err(|_| not_a_time(text));
        let (year, month, day) = if first.len() == 4 {
            (first, number(second)?, number(third)?)
        } else if separator == '-' && third.len() == 2 {
            // Two-digit years come first.
            (first, number(second)?, number(third)?)
        } else {
            let (one, two) = (number(first)?, number(second)?);
            let order = match (separator, self.order) {
                ('.', _) => DateOrder::DayFirst,
                (_, Some(order)) => order,
                _ if one == two => DateOrder::DayFirst,
                _ => order_of(one, two).ok_or_else(|| ambiguous(text))?,
            };
            match order {
                DateOrder::DayFirst => (third, two, one),
                DateOrder::MonthFirst => (third, one, two),
            }
        };
        let year = match (year.len(), number(year)?) {
            (2, year) => 2000 + year,
            (4, year) => year,
            _ => return Err(not_a_time(text)),
        };
        if !(1..=12).contains(&month) {
            return Err(format!("month {month} in \"{}\"", short(text)));
        }
        let date = i32::try_from(year)
            .ok()
            .and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
        date.filter(|_| (1970..2200).contains(&year))
            .ok_or_else(|| format!("\"{}\" is not a date", short(text)))
    }
}

/// `20210916`.
fn eight_digits(text: &str) -> Option<NaiveDate> {
    if text.len() != 8 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (
        text[..4].parse().ok()?,
        text[4..6].parse().ok()?,
        text[6..].parse().ok()?,
    );
    let date = NaiveDate::from_ymd_opt(year, month, day);
    date.filter(|date| (1970..2200).contains(&date.year()))
}

fn fields(text: &str) -> Option<(char, [&str; 3])> {
    let separator = text.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
    let mut fields = text.split(separator);
    let three = [fields.next()?, fields.next()?, fields.next()?];
    let digits = three
        .iter()
        .all(|f| !f.is_empty() && f.bytes().all(|b| b.is_ascii_digit()));
    (digits && fields.next().is_none()).then_some((separator, three))
}

fn order_of(first: u32, second: u32) -> Option<DateOrder> {
    match (first > 12, second > 12) {
        (true, false) => Some(DateOrder::DayFirst),
        (false, true) => Some(DateOrder::MonthFirst),
        _ => None,
    }
}

/// Which comes first in a column of dates: settled by any date with a day above 12.
pub(super) fn order<'a>(cells: impl Iterator<Item = &'a str>) -> Option<DateOrder> {
    let (mut day, mut month) = (false, false);
    for cell in cells {
        let date = cell.trim().split(['T', ' ']).next().unwrap_or_default();
        let Some((_, [first, second, _])) = fields(date) else {
            continue;
        };
        let (Ok(one), Ok(two)) = (first.parse(), second.parse()) else {
            continue;
        };
        if first.len() <= 2 {
            match order_of(one, two) {
                Some(DateOrder::DayFirst) => day = true,
                Some(DateOrder::MonthFirst) => month = true,
                None => {}
            }
        }
    }
    match (day, month) {
        (true, false) => Some(DateOrder::DayFirst),
        (false, true) => Some(DateOrder::MonthFirst),
        _ => None,
    }
}

/// Seconds, or milliseconds where there are more digits, since 1970.
fn since_1970(text: &str) -> Option<DateTime<Utc>> {
    let number: i64 = text.parse().ok()?;
    match text.len() {
        10 => DateTime::from_timestamp(number, 0),
        13 => DateTime::from_timestamp_millis(number),
        16 => DateTime::from_timestamp_micros(number),
        _ => None,
    }
}

/// `10:00`, `10:00:00.123Z`, `11:01:02 PM +01:00`, or nothing: the start of the day.
fn clock_and_zone(text: &str) -> Option<(NaiveTime, Option<FixedOffset>)> {
    let end =
        (text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.')).unwrap_or(text.len());
    let (time, rest) = text.split_at(end);
    let mut rest = rest.trim();
    let mut parts = time.split(':');
    let mut hour: u32 = match parts.next()? {
        "" => return zone(rest).map(|zone| (NaiveTime::MIN, zone)),
        hour => hour.parse().ok()?,
    };
    let minute: u32 = parts.next()?.parse().ok()?;
    let (second, nanos) = match parts.next() {
        None => (0, 0),
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            let fraction = &fraction[..fraction.len().min(9)];
            let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
            (whole.parse().ok()?, nanos)
        }
    };
    if parts.next().is_some() {
        return None;
    }
    let half = rest.get(..2).map(str::to_ascii_uppercase);
    if let Some(half @ ("AM" | "PM")) = half.as_deref() {
        rest = rest[2..].trim();
        hour = match (hour, half) {
            (12, "AM") => 0,
            (1..12, "PM") => hour + 12,
            (1..=12, _) => hour,
            _ => return None,
        };
    }
    Some((
        NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?,
        zone(rest)?,
    ))
}

/// Where a text names no zone that is known, `None`.
fn zone(text: &str) -> Option<Option<FixedOffset>> {
    match text {
        "" => return Some(None),
        "Z" | "UTC" | "GMT" | "+00" => return Some(FixedOffset::east_opt(0)),
        _ => {}
    }
    let text = text
        .strip_prefix("UTC")
        .or_else(|| text.strip_prefix("GMT"))
        .or_else(|| text.strip_suffix(" UTC"))
        .unwrap_or(text);
    offset(text).map(Some)
}

/// `+2`, `-0700`, `+05:30`.
pub(super) fn offset(text: &str) -> Option<FixedOffset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at(2),
        None => (digits, "0"),
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if !(0..=14).contains(&hours) || !(0..60).contains(&minutes) {
        return None;
    }
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))
}

fn not_a_time(text: &str) -> String {
    format!("\"{}\" is not a time", short(text))
}

fn ambiguous(text: &str) -> String {
    let text = short(text);
    format!(
        "\"{text}\" may have the day or the month first and no other row settles it: say which comes first"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn read(text: &str) -> String {
        UTC.time(text)
            .map_or_else(|reason| reason, |time| time.to_rfc3339())
    }

    #[test]
    fn times_are_read_as_exports_write_them() {
        for (written, read_as) in [
            ("2021-02-03 09:14:07", "2021-02-03T09:14:07+00:00"),
            ("21-02-03 09:14:07", "2021-02-03T09:14:07+00:00"),
            ("2021-01-04T09:05:00.456Z", "2021-01-04T09:05:00.456+00:00"),
            ("2024-03-01 10:00:00 UTC", "2024-03-01T10:00:00+00:00"),
            ("2023-04-05 10:00 UTC", "2023-04-05T10:00:00+00:00"),
            ("2017-05-06 07:08:09 -0700", "2017-05-06T14:08:09+00:00"),
            ("2017-05-06T07:08:09+05:30", "2017-05-06T01:38:09+00:00"),
            ("24.08.2019 23:01:59", "2019-08-24T23:01:59+00:00"),
            ("13/04/2021 10:15", "2021-04-13T10:15:00+00:00"),
            ("04/13/2021 10:15 PM", "2021-04-13T22:15:00+00:00"),
            ("2021-04-13", "2021-04-13T00:00:00+00:00"),
            ("20210413", "2021-04-13T00:00:00+00:00"),
            ("20211341", "\"20211341\" is not a time"),
            ("2021-04-13 10:15:00 +0000 UTC", "2021-04-13T10:15:00+00:00"),
            ("1612343647", "2021-02-03T09:14:07+00:00"),
            ("1612343647123", "2021-02-03T09:14:07.123+00:00"),
            ("2023-13-01 10:00:00 UTC", "month 13 in \"2023-13-01\""),
            ("2023-02-30 10:00:00", "\"2023-02-30\" is not a date"),
            (
                "2023-02-03 25:00:00",
                "\"2023-02-03 25:00:00\" is not a time",
            ),
            ("", "no time"),
            ("yesterday", "\"yesterday\" is not a time"),
        ] {
            assert_eq!(read(written), read_as, "{written}");
        }
        assert!(read("03/04/2021").contains("say which comes first"));
        assert_eq!(
            order(["03/04/2021 10:15", "13/04/2021"].into_iter()),
            Some(DateOrder::DayFirst)
        );
    }
}
