//! Numbers and times of the database as they arrive. A number there has more digits than a decimal
//! here holds: read exactly, or known not to be. (The library's own reading rounds silently, and panics for a number that is large.)

use std::error::Error;

use rust_decimal::Decimal;
use tokio_postgres::types::{FromSql, Type, accepts};

use crate::market::{Timestamp, exact_decimal};

/// A `numeric`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numeric {
    /// The number without trailing zeros; where it is not exact, near it.
    pub(super) value: Decimal,
    /// True if it is the number that the database holds.
    pub(super) exact: bool,
}

impl<'a> FromSql<'a> for Numeric {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        if let Some(value) = small(raw) {
            return Ok(Self { value, exact: true });
        }
        if let Some(value) = exactly(raw) {
            return Ok(Self {
                value: value.normalize(),
                exact: true,
            });
        }
        let value = near(raw).ok_or("not a finite number")?;
        Ok(Self {
            value,
            exact: false,
        })
    }

    accepts!(NUMERIC);
}

/// A time. Its microseconds count from the year 2000 and are taken as they are; what is outside the
/// years of [`Timestamp`], infinity included, is the nearest of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Micros(pub(super) Timestamp);

/// 2000-01-01 in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

impl<'a> FromSql<'a> for Micros {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let micros = i64::from_be_bytes(raw.try_into()?).saturating_add(EPOCH);
        Ok(Self(Timestamp::from_nanos(micros.saturating_mul(1_000))))
    }

    accepts!(TIMESTAMPTZ);
}

/// Most numbers: not negative, of at most four digits (of base 10,000), the first of them before the
/// decimal point or the last of them behind it. Without trailing zeros.
fn small(raw: &[u8]) -> Option<Decimal> {
    let (header, digits) = raw.split_at_checked(8)?;
    let digit = |pair: &[u8]| u64::from(u16::from_be_bytes([pair[0], pair[1]]));
    let weight = i16::from_be_bytes([header[2], header[3]]);
    let count = digits.len() / 2;
    if header[4..6] != [0, 0] || !(1..=4).contains(&count) || !(-4..=3).contains(&weight) {
        return None;
    }
    let behind = i16::try_from(count).ok()? - 1 - weight;
    if behind < 0 {
        return None;
    }
    let (last, before) = digits
        .chunks_exact(2)
        .next_back()
        .map(digit)
        .zip(digits.get(..2 * (count - 1)))?;
    let before = before
        .chunks_exact(2)
        .fold(0, |sum, pair| sum * 10_000 + digit(pair));
    let (drop, zeros) = match last {
        _ if behind == 0 => (1, 0),
        _ if last % 1_000 == 0 => (1_000, 3),
        _ if last % 100 == 0 => (100, 2),
        _ if last % 10 == 0 => (10, 1),
        _ => (1, 0),
    };
    // Below 10^16: four digits of base 10,000.
    let mantissa = i64::try_from(before * (10_000 / drop) + last / drop).ok()?;
    // At most 4 * 7.
    let scale = u32::try_from(behind).ok()? * 4 - zeros;
    Decimal::try_new(mantissa, scale).ok()
}

/// PostgreSQL's binary `numeric`: count of digits, weight of the first, sign, scale, and the digits,
/// which are of base 10,000; all are 16 bits wide.
struct Wire<'a> {
    weight: i64,
    negative: bool,
    digits: &'a [u8],
}

impl<'a> Wire<'a> {
    fn read(raw: &'a [u8]) -> Option<Self> {
        let (header, digits) = raw.split_at_checked(8)?;
        Some(Self {
            weight: i64::from(i16::from_be_bytes([header[2], header[3]])),
            negative: match u16::from_be_bytes([header[4], header[5]]) {
                0x0000 => false,
                0x4000 => true,
                _ => return None,
            },
            digits,
        })
    }

    /// The number that its first `count` digits make.
    fn leading(&self, count: usize) -> Option<(u128, i64)> {
        let mut digits = self.digits.chunks_exact(2).take(count);
        let mantissa = digits.try_fold(0_u128, |mantissa, digit| {
            let digit = u128::from(u16::from_be_bytes([digit[0], digit[1]]));
            mantissa.checked_mul(10_000)?.checked_add(digit)
        })?;
        let taken = i64::try_from(count.min(self.digits.len() / 2)).ok()?;
        Some((mantissa, 4 * (self.weight - taken + 1)))
    }

    fn signed(&self, value: Decimal) -> Decimal {
        if self.negative { -value } else { value }
    }
}

fn exactly(raw: &[u8]) -> Option<Decimal> {
    let wire = Wire::read(raw)?;
    let (mantissa, exponent) = wire.leading(usize::MAX)?;
    exact_decimal(mantissa, exponent).map(|value| wire.signed(value))
}

/// The number cut to the digits that fit, or the largest there is. `None` for what is no number.
fn near(raw: &[u8]) -> Option<Decimal> {
    // 28 decimal digits always fit.
    const FIT: usize = 7;
    const PLACES: i64 = 28;
    let wire = Wire::read(raw)?;
    let (mut mantissa, mut exponent) = wire.leading(FIT)?;
    while exponent < -PLACES && mantissa > 0 {
        mantissa /= 10;
        exponent += 1;
    }
    let value = exact_decimal(mantissa, exponent).unwrap_or(Decimal::MAX);
    Some(wire.signed(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: [u16; 4], digits: &[u16]) -> Numeric {
        let words = header.iter().chain(digits);
        let raw: Vec<u8> = words.flat_map(|word| word.to_be_bytes()).collect();
        Numeric::from_sql(&Type::NUMERIC, &raw).unwrap()
    }

    fn exact(text: &str) -> Numeric {
        Numeric {
            value: crate::market::parse_exact(text).unwrap(),
            exact: true,
        }
    }

    #[test]
    fn reads_what_a_decimal_holds() {
        assert_eq!(read([0, 0, 0, 0], &[]), exact("0"));
        assert_eq!(read([2, 0, 0, 4], &[12, 3450]), exact("12.345"));
        assert_eq!(read([1, 1, 0x4000, 0], &[7]), exact("-70000"));
        assert_eq!(read([1, 0xffff, 0, 8], &[1]), exact("0.0001"));
        // 7922816251426433759354395033.4
        let digits = [7922, 8162, 5142, 6433, 7593, 5439, 5033, 4000];
        let read = read([8, 6, 0, 1], &digits);
        assert_eq!(read, exact("7922816251426433759354395033.4"));
    }

    #[test]
    fn a_sum_that_no_decimal_holds_is_known_not_to_be_exact() {
        let digits = [7922, 8162, 5142, 6433, 7593, 5439, 5033, 4500];
        let rounded = read([8, 6, 0, 2], &digits);
        assert!(!rounded.exact, "{rounded:?}");
        let beyond = read([1, 8, 0, 0], &[1]);
        assert!(!beyond.exact && beyond.value == Decimal::MAX, "{beyond:?}");
        let not_a_number: Vec<u8> = vec![0, 0, 0, 0, 0xc0, 0, 0, 0];
        assert!(Numeric::from_sql(&Type::NUMERIC, &not_a_number).is_err());
    }
}
