//! Dates and times as text. A year has four digits: of two, nobody knows the century or even which
//! of three numbers it is.

use super::{Misread, RANGE, Stamp, midnight};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A calendar's date.
enum Date {
    /// Milliseconds at its beginning.
    Midnight(i64),
    /// Day and month in an unknown order, and the year.
    Slashed(u8, u8, u16),
}

/// A date, and perhaps a time of day and its zone; without one it is UTC.
pub(super) fn parse(text: &str) -> Result<Stamp, Misread> {
    let text = text.split(" (").next().unwrap_or_default().trim();
    let (date, clock) = if is_named(text) {
        named(text).ok_or(Misread::Unknown)?
    } else {
        let text = text.trim_end_matches(['Z', 'z']).trim_end();
        let (date, clock) = text.split_at(text.find(['T', 't', ' ']).unwrap_or(text.len()));
        let clock = clock.trim_start_matches(['T', 't', ' ']);
        (numbered(date).ok_or(Misread::Unknown)?, clock.to_owned())
    };
    let of_day = of_day(&clock).ok_or(Misread::Unknown)?;
    match date {
        Date::Midnight(midnight) if RANGE.contains(&(midnight + of_day)) => {
            Ok(Stamp::Millis(midnight + of_day))
        }
        Date::Slashed(first, second, year) if (1970..2262).contains(&year) => Ok(Stamp::Slashed {
            first,
            second,
            year,
            of_day,
        }),
        _ => Err(Misread::OutOfRange),
    }
}

/// A number of so many digits.
fn digits(text: &str, most: usize) -> Option<u32> {
    let is_number = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// `2021-01-31`, `2021/1/31`, `20210131`, `31.01.2021`, `1/31/2021`.
fn numbered(text: &str) -> Option<Date> {
    if text.len() == 8
        && let Some(date) = digits(text, 8)
    {
        return date_of(date / 10_000, date / 100 % 100, date % 100);
    }
    let mut parts = text.split(['-', '/', '.']);
    let (one, two, three) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    match (one.len(), three.len()) {
        (4, _) => date_of(digits(one, 4)?, digits(two, 2)?, digits(three, 2)?),
        (_, 4) => {
            let (first, second) = (digits(one, 2)?, digits(two, 2)?);
            let is_date =
                (1..=31).contains(&first.max(second)) && (1..=12).contains(&first.min(second));
            let year = u16::try_from(digits(three, 4)?).ok()?;
            is_date.then_some(Date::Slashed(first as u8, second as u8, year))
        }
        _ => None,
    }
}

fn date_of(year: u32, month: u32, day: u32) -> Option<Date> {
    midnight(year as i32, month, day).map(Date::Midnight)
}

/// Returns whether a month stands there by its name.
fn is_named(text: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_alphabetic())
        .any(|word| month(word).is_some())
}

fn month(word: &str) -> Option<u32> {
    let word = word.to_ascii_lowercase();
    let place = MONTHS.iter().position(|name| word.starts_with(name))?;
    u32::try_from(place + 1).ok()
}

/// `Jan 31, 2021`, `31-Jan-2021`, `Sun Jan 31 2021`: the date, and what follows it.
fn named(text: &str) -> Option<(Date, String)> {
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let (mut year, mut month_of_year, mut day) = (None, None, None);
    let mut rest: Vec<&str> = Vec::new();
    for word in words.by_ref() {
        if word.contains(':') {
            rest.push(word);
            break;
        }
        for part in word.split(['-', '/', '.']).filter(|part| !part.is_empty()) {
            let lower = part.to_ascii_lowercase();
            if let Some(number) = digits(part, 4).filter(|_| part.len() == 4 && year.is_none()) {
                year = Some(number);
            } else if let Some(number) = digits(part, 2).filter(|_| day.is_none()) {
                day = Some(number);
            } else if let Some(found) = month(part).filter(|_| month_of_year.is_none()) {
                month_of_year = Some(found);
            } else if !WEEKDAYS.iter().any(|name| lower.starts_with(name)) {
                return None;
            }
        }
    }
    rest.extend(words);
    let date = date_of(year?, month_of_year?, day?)?;
    Some((date, rest.join(" ")))
}

/// Milliseconds of the day, less what the zone is ahead of UTC.
fn of_day(text: &str) -> Option<i64> {
    let text = text.trim_end_matches(['Z', 'z']).trim_end();
    let text = text.replace("UTC", " ").replace("GMT", " ");
    let (clock, offset) = match text.rfind(['+', '-']) {
        // CryptoDataDownload's hours, `01-PM`, have no zone.
        Some(at) if !text[at..].contains(['M', 'm']) => (&text[..at], zone(text[at..].trim())?),
        _ => (text.as_str(), 0),
    };
    let clock = clock.trim().to_ascii_lowercase();
    if clock.is_empty() {
        return Some(-offset);
    }
    let (clock, half) = match (clock.strip_suffix("am"), clock.strip_suffix("pm")) {
        (Some(clock), _) => (clock, Some(0)),
        (_, Some(clock)) => (clock, Some(12)),
        _ => (clock.as_str(), None),
    };
    let clock = clock.trim_end_matches([' ', '-']);
    let (clock, fraction) = clock.split_once(['.', ',']).unwrap_or((clock, ""));
    let parts: Vec<&str> = match (clock.len(), clock.contains(':')) {
        (_, true) => clock.split(':').collect(),
        (4, _) => vec![clock.get(..2)?, clock.get(2..)?],
        (6, _) => vec![clock.get(..2)?, clock.get(2..4)?, clock.get(4..)?],
        _ if half.is_some() => vec![clock],
        _ => return None,
    };
    let mut numbers = [0; 3];
    if parts.len() > 3 {
        return None;
    }
    for (number, part) in numbers.iter_mut().zip(&parts) {
        *number = i64::from(digits(part, 2)?);
    }
    let [mut hours, minutes, seconds] = numbers;
    if let Some(half) = half {
        if !(1..=12).contains(&hours) {
            return None;
        }
        hours = hours % 12 + half;
    }
    let millis = match fraction.get(..fraction.len().min(3)) {
        None | Some("") => 0,
        Some(first) => i64::from(digits(first, 3)?) * 10_i64.pow(3 - first.len() as u32),
    };
    let is_time = hours < 24 && minutes < 60 && seconds < 60;
    let of_day = ((hours * 60 + minutes) * 60 + seconds) * 1_000 + millis;
    is_time.then_some(of_day - offset)
}

/// `+01:00`, `+0100` or `+1`, in milliseconds.
fn zone(text: &str) -> Option<i64> {
    let (sign, rest) = text.split_at(1);
    let rest = rest.trim().replace(':', "");
    let (hours, minutes) = match rest.len() {
        1 | 2 => (rest.as_str(), "0"),
        4 => rest.split_at(2),
        _ => return None,
    };
    let (hours, minutes) = (i64::from(digits(hours, 2)?), i64::from(digits(minutes, 2)?));
    let millis = (hours * 60 + minutes) * 60_000;
    let is_zone = hours <= 18 && minutes < 60;
    is_zone.then_some(if sign == "-" { -millis } else { millis })
}
