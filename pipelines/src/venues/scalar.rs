//! Reads single values of a frame exactly as the venue wrote them. JSON numbers are never turned
//! into floats: the digits are taken from the frame's own text. Knows JSON and trades, no venue.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::protocol::DecodeError;
use crate::market::{Price, Quantity, Timestamp, TradeId};

/// A JSON string or number, not yet looked at. Venues write the same field as either, sometimes
/// both over the years.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub(super) struct Scalar<'a>(#[serde(borrow)] &'a RawValue);

impl<'a> Scalar<'a> {
    /// The string's content, or the number's digits.
    ///
    /// # Errors
    /// When it is neither a string nor a number.
    pub(super) fn text(self) -> Result<Cow<'a, str>, DecodeError> {
        let raw = self.0.get();
        match raw.as_bytes() {
            [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => {
                Ok(Cow::Borrowed(&raw[1..raw.len() - 1]))
            }
            [b'"', ..] => serde_json::from_str(raw)
                .map(Cow::Owned)
                .map_err(DecodeError::malformed),
            [b'-' | b'0'..=b'9', ..] => Ok(Cow::Borrowed(raw)),
            _ => Err(DecodeError::malformed(format_args!(
                "expected a string or a number, found {raw}"
            ))),
        }
    }

    /// Returns whether it is this text.
    pub(super) fn is(self, text: &str) -> bool {
        self.text().is_ok_and(|own| own == text)
    }

    /// A price, exactly.
    pub(super) fn price(self) -> Result<Price, DecodeError> {
        price(&self.text()?)
    }

    /// A quantity, exactly.
    pub(super) fn quantity(self) -> Result<Quantity, DecodeError> {
        quantity(&self.text()?)
    }

    /// A trade's number.
    pub(super) fn trade_id(self) -> Result<TradeId, DecodeError> {
        self.unsigned("trade id").map(TradeId)
    }

    /// A whole number from 0 to 2^64 - 1.
    pub(super) fn unsigned(self, what: &str) -> Result<u64, DecodeError> {
        unsigned(&self.text()?, what)
    }

    /// A time in milliseconds or microseconds since the epoch: see [`epoch_time`].
    pub(super) fn epoch_time(self) -> Result<Timestamp, DecodeError> {
        epoch_time(self.unsigned("time")?)
    }
}

/// A trade's number.
pub(super) fn trade_id(text: &str) -> Result<TradeId, DecodeError> {
    unsigned(text, "trade id").map(TradeId)
}

fn unsigned(text: &str, what: &str) -> Result<u64, DecodeError> {
    // `u64::from_str` takes a leading plus, which no venue writes.
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(number) = text.parse()
    {
        return Ok(number);
    }
    Err(DecodeError::impossible(format_args!(
        "{what} {text:?} is not a whole number below 2^64"
    )))
}

/// A price, exactly.
pub(super) fn price(text: &str) -> Result<Price, DecodeError> {
    Price::parse(without_trailing_zeros(text)).map_err(DecodeError::impossible)
}

/// A quantity, exactly.
pub(super) fn quantity(text: &str) -> Result<Quantity, DecodeError> {
    Quantity::parse(without_trailing_zeros(text)).map_err(DecodeError::impossible)
}

/// The first day of Bitcoin, 2009-01-03: no trade is older. A time before it is in another unit.
const FIRST: Timestamp = Timestamp::from_nanos(1_230_940_800_000_000_000);

/// A time in RFC 3339.
pub(super) fn rfc3339(text: &str) -> Result<Timestamp, DecodeError> {
    let time = Timestamp::parse_rfc3339(text).map_err(DecodeError::impossible)?;
    if time < FIRST {
        return Err(DecodeError::impossible(format_args!(
            "time {text} is before the first trade of any venue"
        )));
    }
    Ok(time)
}

/// A time in milliseconds or microseconds since the epoch, distinguished by their size: as
/// milliseconds 10^14 is the year 5138, as microseconds it is 1973.
pub(super) fn epoch_time(number: u64) -> Result<Timestamp, DecodeError> {
    const MICROSECONDS_FROM: i64 = 100_000_000_000_000;
    let time = match i64::try_from(number) {
        Ok(0) | Err(_) => None,
        Ok(millis @ 1..MICROSECONDS_FROM) => Timestamp::from_millis(millis),
        Ok(micros) => Timestamp::from_micros(micros),
    };
    time.filter(|time| *time >= FIRST).ok_or_else(|| {
        DecodeError::impossible(format_args!(
            "time {number} is not of a day since 2009 in milliseconds or microseconds since 1970"
        ))
    })
}

/// `61837.63000000` as `61837.63`: parsing what is left is several times faster than dividing the
/// zeros away afterwards. Texts with an exponent are left alone.
fn without_trailing_zeros(text: &str) -> &str {
    if !text.ends_with('0') || !text.contains('.') || text.contains(['e', 'E']) {
        return text;
    }
    let trimmed = text.trim_end_matches('0');
    trimmed.strip_suffix('.').unwrap_or(trimmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(json: &str) -> Scalar<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_keep_every_digit() {
        for (json, expected) in [
            ("999999999999999999", "999999999999999999"),
            ("9999999999999999.99", "9999999999999999.99"),
            ("0.00000000000000001", "0.00000000000000001"),
            ("99999999999999999999.9", "99999999999999999999.9"),
            ("0.00044780", "0.0004478"),
            ("\"61837.63000000\"", "61837.63"),
            ("100.000", "100"),
            ("100", "100"),
            ("1e-8", "0.00000001"),
            ("2.50E+3", "2500"),
            ("0.1234567890123456789", "0.1234567890123456789"),
            ("\"8374\\u0034.3\"", "83744.3"),
        ] {
            assert_eq!(
                scalar(json).price().unwrap().to_string(),
                expected,
                "{json}"
            );
        }
    }

    #[test]
    fn tells_impossible_from_malformed() {
        for json in [
            "\"\"",
            "0",
            "-1",
            "\"0.000\"",
            "\".000\"",
            "\"abc\"",
            "1e99",
        ] {
            let error = scalar(json).quantity().unwrap_err();
            assert_eq!(error.reason(), "impossible_value", "{json}: {error}");
        }
        for json in ["null", "true", "[1]", "{}", "\"\\ud800\""] {
            let error = scalar(json).quantity().unwrap_err();
            assert_eq!(error.reason(), "malformed", "{json}: {error}");
        }
        for json in ["-1", "1.0", "1e3", "18446744073709551616", "\"+1\"", "\"\""] {
            let error = scalar(json).trade_id().unwrap_err();
            assert_eq!(error.reason(), "impossible_value", "{json}: {error}");
        }
        assert_eq!(
            scalar("18446744073709551615").trade_id(),
            Ok(TradeId(u64::MAX))
        );
    }

    #[test]
    fn milliseconds_and_microseconds_are_told_apart() {
        let time = "2024-08-08T23:54:15.342Z";
        assert_eq!(
            scalar("1723161255342").epoch_time().unwrap().to_string(),
            time
        );
        assert_eq!(
            scalar("1723161255342000").epoch_time().unwrap().to_string(),
            time
        );
        for json in [
            "0",
            "-5",
            "1723161255",
            "1230940799999",
            "9223372036854775807",
            "18446744073709551615",
            "1723161255342000000000",
        ] {
            assert!(scalar(json).epoch_time().is_err(), "{json}");
        }
        assert!(scalar("1230940800000").epoch_time().is_ok());
        assert!(rfc3339("2009-01-03T00:00:00Z").is_ok());
        for text in [
            "1677-09-21T00:12:43.145224192Z",
            "1970-01-01T00:00:00Z",
            "2009-01-02T23:59:59.999999999Z",
            "9999-12-31T00:00:00Z",
        ] {
            assert!(rfc3339(text).is_err(), "{text}");
        }
    }
}
