//! The JSON of a candle, the one there is: what the API answers, the stream sends, processes send to one
//! another and the command line prints. Numbers and times are written from where they are, digit by digit, without a text of their
//! own in between.

use rust_decimal::Decimal;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::{Candle, InstrumentKey, Timestamp};

/// A candle with how often it was corrected and whether its interval has closed.
#[derive(Debug, Clone, Copy)]
pub struct CandleJson<'a> {
    /// The candle.
    pub candle: &'a Candle,
    /// The number of times it was replaced by a different one.
    pub revision: u32,
    /// True if its interval has closed: an open one is never complete.
    pub closed: bool,
}

impl Serialize for CandleJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("Candle", FIELDS + 1)?;
        write_fields(&mut json, self.candle, self.candle.complete && self.closed)?;
        json.serialize_field("revision", &self.revision)?;
        json.end()
    }
}

/// A candle of an instrument, as a row of its own.
#[derive(Debug, Clone, Copy)]
pub struct CandleRow<'a> {
    /// The instrument.
    pub instrument: &'a InstrumentKey,
    /// The candle.
    pub candle: &'a Candle,
}

impl CandleRow<'_> {
    /// The names of the fields, in order.
    pub const COLUMNS: [&'static str; FIELDS + 2] = [
        "venue",
        "instrument",
        "open_time",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "quote_volume",
        "trades",
        "taker_buy_volume",
        "complete",
    ];
}

impl Serialize for CandleRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("CandleRow", FIELDS + 2)?;
        json.serialize_field("venue", &self.instrument.venue)?;
        json.serialize_field("instrument", self.instrument.symbol.as_str())?;
        write_fields(&mut json, self.candle, self.candle.complete)?;
        json.end()
    }
}

impl Serialize for Candle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("Candle", FIELDS)?;
        write_fields(&mut json, self, self.complete)?;
        json.end()
    }
}

/// Number of fields that [`write_fields`] writes.
const FIELDS: usize = 10;

fn write_fields<S: SerializeStruct>(
    json: &mut S,
    candle: &Candle,
    complete: bool,
) -> Result<(), S::Error> {
    json.serialize_field("open_time", &candle.open_time)?;
    json.serialize_field("open", &DecimalText(candle.open))?;
    json.serialize_field("high", &DecimalText(candle.high))?;
    json.serialize_field("low", &DecimalText(candle.low))?;
    json.serialize_field("close", &DecimalText(candle.close))?;
    json.serialize_field("volume", &DecimalText(candle.volume))?;
    json.serialize_field("quote_volume", &DecimalText(candle.quote_volume))?;
    json.serialize_field("trades", &candle.trades)?;
    json.serialize_field("taker_buy_volume", &DecimalText(candle.taker_buy_volume))?;
    json.serialize_field("complete", &complete)
}

/// A decimal as a text: plain digits, no zeros at the end of its fraction.
#[derive(Debug, Clone, Copy)]
pub struct DecimalText(pub Decimal);

/// 29 digits or a zero and 28 places, a point and a sign.
const LONGEST: usize = 32;

impl Serialize for DecimalText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut space = [0; LONGEST];
        serializer.serialize_str(digits(self.0, &mut space))
    }
}

fn digits(decimal: Decimal, space: &mut [u8; LONGEST]) -> &str {
    const WORD: u128 = 10_u128.pow(19);
    let mantissa = decimal.mantissa().unsigned_abs();
    // Machine words: dividing more than one by ten, digit by digit, takes ten times as long.
    let (mut word, mut above) = ((mantissa % WORD) as u64, (mantissa / WORD) as u64);
    let mut left_in_word = 19;
    let mut places = decimal.scale();
    let mut at = LONGEST;
    let mut put = |byte: u8| {
        at -= 1;
        space[at] = byte;
    };
    let mut written = false;
    loop {
        let digit = (word % 10) as u8;
        word /= 10;
        left_in_word -= 1;
        if left_in_word == 0 {
            (word, above) = (above, 0);
            left_in_word = 19;
        }
        // A zero at the end of the fraction is left out, and the point if all of it is.
        if places == 0 || written || digit != 0 {
            put(b'0' + digit);
            written = true;
        }
        if places > 0 {
            places -= 1;
            if places == 0 && written {
                put(b'.');
            }
            written |= places == 0;
            continue;
        }
        if word == 0 && above == 0 {
            break;
        }
    }
    if decimal.is_sign_negative() && mantissa != 0 {
        put(b'-');
    }
    // Only digits, a point and a sign were put.
    std::str::from_utf8(&space[at..]).unwrap_or("0")
}

impl Timestamp {
    /// RFC 3339 in UTC with as many groups of three decimals as the time has.
    pub(super) fn digits(self, space: &mut [u8; 30]) -> &str {
        const DAY: i64 = 86_400;
        let seconds = self.nanos().div_euclid(1_000_000_000);
        let mut nanos = self.nanos().rem_euclid(1_000_000_000);
        let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let mut at = 0;
        let mut put = |byte: u8| {
            space[at] = byte;
            at += 1;
        };
        let mut pair = |number: i64, before: Option<u8>| {
            if let Some(before) = before {
                put(before);
            }
            // Both are below ten.
            put(b'0' + (number / 10 % 10) as u8);
            put(b'0' + (number % 10) as u8);
        };
        pair(year / 100, None);
        pair(year % 100, None);
        pair(month, Some(b'-'));
        pair(day, Some(b'-'));
        pair(second / 3_600, Some(b'T'));
        pair(second / 60 % 60, Some(b':'));
        pair(second % 60, Some(b':'));
        if nanos > 0 {
            put(b'.');
        }
        let mut unit = 100_000_000;
        while nanos > 0 || (unit != 100_000_000 && !matches!(unit, 100_000 | 100 | 0)) {
            put(b'0' + (nanos / unit % 10) as u8);
            nanos %= unit;
            unit /= 10;
        }
        put(b'Z');
        std::str::from_utf8(&space[..at]).unwrap_or_default()
    }
}

/// Year, month and day of a day since 1970 in the Gregorian calendar, which repeats every 400 years.
/// Howard Hinnant's `civil_from_days`: <https://howardhinnant.github.io/date_algorithms.html>.
const fn civil(days: i64) -> (i64, i64, i64) {
    // Days since 0000-03-01: years begin in March, so that a leap day is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + (month <= 2) as i64, month, day)
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;

    use crate::market::{Symbol, Venue};

    use super::*;

    #[test]
    fn decimals_are_written_as_they_are_without_zeros_at_the_end() {
        let mantissas = [
            0,
            1,
            9,
            10,
            100,
            101,
            120_050,
            9_999_999_999_999_999_999,
            10_000_000_000_000_000_000,
            12_000_000_000_000_000_000_003,
            79_228_162_514_264_337_593_543_950_335,
        ];
        for mantissa in mantissas {
            for scale in 0..=28 {
                for mantissa in [mantissa, -mantissa] {
                    let decimal = Decimal::from_i128_with_scale(mantissa, scale);
                    let mut space = [0; LONGEST];
                    assert_eq!(digits(decimal, &mut space), decimal.normalize().to_string());
                }
            }
        }
    }

    #[test]
    fn times_are_written_as_rfc_3339() {
        let mut times = vec![i64::MIN, -1, 0, 1, 1_000, 1_000_000, 120_000_000, i64::MAX];
        // Every day and hour of 30 years, leap days and the end of a century among them.
        times.extend((0..30 * 366 * 24).map(|hour| (hour * 3_600 - 2_300_000_000) * 1_000_000_000));
        times.extend([
            1_723_161_255_342_000_000,
            1_723_161_255_342_000_010,
            951_782_400_000_001_000,
        ]);
        for nanos in times {
            let time = Timestamp::from_nanos(nanos);
            let expected = time.to_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true);
            assert_eq!(time.digits(&mut [0; 30]), expected);
        }
    }

    fn candle() -> Candle {
        Candle {
            open_time: Timestamp::from_seconds(60).unwrap(),
            open: Decimal::new(150, 1),
            high: Decimal::new(16, 0),
            low: Decimal::new(1, 8),
            close: Decimal::new(15, 0),
            volume: Decimal::ZERO,
            quote_volume: Decimal::new(100, 0),
            trades: 3,
            taker_buy_volume: Decimal::ONE,
            complete: true,
        }
    }

    #[test]
    fn a_candle_reads_back_as_it_was_written() {
        let text = serde_json::to_string(&candle()).unwrap();
        assert_eq!(serde_json::from_str::<Candle>(&text).unwrap(), candle());
    }

    #[test]
    fn a_row_has_its_columns() {
        let key = InstrumentKey::new(Venue::new("binance"), Symbol::new("BTCUSDT").unwrap());
        let row = serde_json::to_string(&CandleRow {
            instrument: &key,
            candle: &candle(),
        })
        .unwrap();
        let mut names = row.split('"').skip(1).step_by(2);
        assert!(
            CandleRow::COLUMNS
                .iter()
                .all(|column| names.any(|name| name == *column)),
            "{row}"
        );
    }

    #[test]
    fn an_open_candle_is_not_complete() {
        let candle = candle();
        let json = |closed| {
            serde_json::to_string(&CandleJson {
                candle: &candle,
                revision: 2,
                closed,
            })
            .unwrap()
        };
        assert_eq!(
            json(true),
            r#"{"open_time":"1970-01-01T00:01:00Z","open":"15","high":"16","low":"0.00000001","close":"15","volume":"0","quote_volume":"100","trades":3,"taker_buy_volume":"1","complete":true,"revision":2}"#
        );
        assert!(json(false).contains(r#""complete":false"#));
    }
}
