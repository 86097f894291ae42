//! One line of a recording: `<receive time, ns since the epoch> <frame>`.

use crate::market::Timestamp;

/// Receive times before this are in another unit than nanoseconds: no venue of ours is older than 2011,
/// and as nanoseconds the microseconds of any day before 5138 are below it.
const FIRST: Timestamp = Timestamp::from_nanos(100_000_000_000_000_000);

/// A line that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BadLine {
    /// It has another form; says what it looks like.
    Form(String),
    /// Its receive time cannot be in nanoseconds; says what it looks like.
    ReceiveTime(String),
}

/// Returns whether a last line without a line end is nevertheless all there: its JSON is.
pub(super) fn is_whole(line: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(line) else {
        return false;
    };
    match split(text) {
        Ok((_, frame)) => serde_json::from_str::<serde::de::IgnoredAny>(frame).is_ok(),
        Err(_) => is_blank(text),
    }
}

/// Returns whether there is nothing in the line.
pub(super) fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| byte.is_ascii_whitespace())
}

/// The receive time and the frame.
pub(super) fn parse(line: &str) -> Result<(Timestamp, &str), BadLine> {
    let (nanos, frame) = split(line).map_err(|form| {
        let time = line.split(' ').next().unwrap_or_default();
        match time.parse::<f64>() {
            // As Python's `time.time()` gives them. Whole numbers were read.
            Ok(number) if time.contains('.') && (1e8..1e17).contains(&number) => {
                BadLine::ReceiveTime(other_unit(Timestamp::from_nanos(number as i64)))
            }
            _ => BadLine::Form(form),
        }
    })?;
    let received_at = Timestamp::from_nanos(nanos);
    if received_at < FIRST {
        return Err(BadLine::ReceiveTime(other_unit(received_at)));
    }
    Ok((received_at, frame))
}

/// Splits a line; the error says what it looks like.
fn split(line: &str) -> Result<(i64, &str), String> {
    if let Some((time, frame)) = line.split_once(' ')
        && let Ok(nanos) = time.parse()
    {
        return Ok((nanos, frame));
    }
    let start: String = line.chars().take(80).collect();
    let first = start.split(' ').next().unwrap_or_default();
    let seconds = first
        .strip_suffix(':')
        .is_some_and(|t| t.parse::<f64>().is_ok());
    Err(
        if seconds || start.contains(" <-> ") || start.contains(" <- ") {
            "it looks like a capture of `seconds: frame` lines, which has to be converted first"
                .to_owned()
        } else if start.starts_with(['{', '[']) {
            "it has a frame but no receive time".to_owned()
        } else {
            format!("it begins with {start:?}")
        },
    )
}

/// Says of which day a receive time would be, and in which unit it seems to be: the one in which it is
/// of a day since 1973.
fn other_unit(received_at: Timestamp) -> String {
    let day = received_at.to_utc().date_naive();
    let unit = match received_at.nanos() {
        100_000_000..100_000_000_000 => "; these look like seconds",
        100_000_000_000..100_000_000_000_000 => "; these look like milliseconds",
        100_000_000_000_000..100_000_000_000_000_000 => "; these look like microseconds",
        _ => "",
    };
    format!("of {day}: they must be nanoseconds since the epoch{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_a_receive_time_is_told_by_its_size() {
        let frame = "1735689600005000000 {}";
        let (time, _) = parse(frame).unwrap();
        assert_eq!(time.to_string(), "2025-01-01T00:00:00.005Z");
        for (time, day, unit) in [
            (
                "1735689600005000",
                "1970-01-21",
                "; these look like microseconds",
            ),
            (
                "1735689600005",
                "1970-01-01",
                "; these look like milliseconds",
            ),
            ("1735689600", "1970-01-01", "; these look like seconds"),
            ("1293840000", "1970-01-01", "; these look like seconds"),
            (
                "4102444800000",
                "1970-01-01",
                "; these look like milliseconds",
            ),
            ("1735689600.005", "1970-01-01", "; these look like seconds"),
            ("0", "1970-01-01", ""),
            ("-1735689600005000000", "1914-12-31", ""),
        ] {
            let expected = format!("of {day}: they must be nanoseconds since the epoch{unit}");
            let line = format!("{time} {{}}");
            assert_eq!(parse(&line), Err(BadLine::ReceiveTime(expected)), "{time}");
        }
    }
}
