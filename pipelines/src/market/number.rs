//! Prices and quantities: exact decimals that are positive by construction; and the only reading,
//! adding and multiplying of decimals in this crate, since those of `rust_decimal` round silently
//! what has more than 28 places or 96 bits.

use std::fmt;

use rust_decimal::Decimal;

/// The most places a decimal holds.
const MAX_SCALE: u32 = 28;

/// The largest mantissa a decimal holds: 96 bits.
const MAX_MANTISSA: u128 = (1 << 96) - 1;

/// Reads a decimal exactly: plain (`0.00044780`) or with an exponent (`1.5e-8`). Trailing zeros are
/// dropped. `None` for what is no decimal number, or has more digits than a decimal holds.
#[must_use]
pub fn parse_exact(text: &str) -> Option<Decimal> {
    if let Some(decimal) = parse_short(text.as_bytes()) {
        return Some(decimal);
    }
    let unsigned = text.strip_prefix('-');
    let bytes = unsigned.unwrap_or(text).as_bytes();
    // Without its trailing zeros, which are only counted: `zeros` since the last other digit.
    let (mut mantissa, mut zeros) = (Mantissa::default(), 0_u32);
    let (mut digits, mut places, mut pointed) = (0_usize, 0_i64, false);
    let mut exponent = 0_i64;
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'0' => zeros += u32::from(mantissa.digits > 0),
            b'1'..=b'9' => {
                mantissa.append(zeros + 1, byte - b'0')?;
                zeros = 0;
            }
            b'.' if !pointed => {
                pointed = true;
                continue;
            }
            b'e' | b'E' => {
                exponent = parse_exponent(&bytes[at + 1..])?;
                break;
            }
            _ => return None,
        }
        digits += 1;
        places += i64::from(pointed);
    }
    if digits == 0 {
        return None;
    }
    let mantissa = mantissa.value();
    if mantissa == 0 {
        return Some(Decimal::ZERO);
    }
    let exponent = exponent
        .checked_add(i64::from(zeros))?
        .checked_sub(places)?;
    let decimal = exact_decimal(mantissa, exponent)?;
    Some(if unsigned.is_some() {
        -decimal
    } else {
        decimal
    })
}

/// Reads what nearly every price and quantity is: digits that a machine word holds, and perhaps a point
/// between them. `None` for anything else.
fn parse_short(bytes: &[u8]) -> Option<Decimal> {
    // So many digits always fit.
    const LONGEST: usize = 19;
    if bytes.len() > LONGEST {
        return None;
    }
    let (mut mantissa, mut point) = (0_u64, None);
    for (at, &byte) in bytes.iter().enumerate() {
        match byte.wrapping_sub(b'0') {
            digit @ 0..=9 => mantissa = mantissa * 10 + u64::from(digit),
            _ if byte == b'.' && point.is_none() => point = Some(at),
            _ => return None,
        }
    }
    if bytes.len() <= usize::from(point.is_some()) {
        return None;
    }
    let mut scale = point.map_or(0, |point| bytes.len() - point - 1) as u32;
    while scale > 0 && mantissa.is_multiple_of(10) {
        mantissa /= 10;
        scale -= 1;
    }
    // The two halves of the mantissa.
    let (low, high) = (mantissa as u32, (mantissa >> 32) as u32);
    Some(Decimal::from_parts(low, high, 0, false, scale))
}

/// The digits read so far: as a machine word while they fit, as nearly all do.
#[derive(Default)]
struct Mantissa {
    word: u64,
    wide: u128,
    digits: u32,
}

impl Mantissa {
    /// Digits that any machine word holds.
    const WORD_DIGITS: u32 = 19;

    /// Appends a digit that is not zero behind `shift - 1` zeros. `None` if a decimal cannot hold it.
    fn append(&mut self, shift: u32, digit: u8) -> Option<()> {
        let digits = if self.digits == 0 {
            1
        } else {
            self.digits.checked_add(shift)?
        };
        if digits <= Self::WORD_DIGITS {
            self.word = match shift {
                1 => self.word * 10,
                _ if self.word == 0 => 0,
                _ => self.word * 10_u64.pow(shift),
            } + u64::from(digit);
        } else {
            self.wide = self.value().checked_mul(power_of_ten(shift)?)? + u128::from(digit);
            if self.wide > MAX_MANTISSA {
                return None;
            }
        }
        self.digits = digits;
        Some(())
    }

    const fn value(&self) -> u128 {
        if self.digits <= Self::WORD_DIGITS {
            self.word as u128
        } else {
            self.wide
        }
    }
}

/// The digits behind an `e`, with or without a sign.
fn parse_exponent(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { -value } else { value })
}

/// `mantissa * 10^exponent`, if a decimal holds it exactly.
#[must_use]
pub fn exact_decimal(mantissa: u128, exponent: i64) -> Option<Decimal> {
    if mantissa == 0 {
        return Some(Decimal::ZERO);
    }
    if exponent < 0 {
        return from_parts(mantissa, u32::try_from(exponent.checked_neg()?).ok()?);
    }
    let factor = power_of_ten(u32::try_from(exponent).ok()?)?;
    from_parts(mantissa.checked_mul(factor)?, 0)
}

/// The sum, if a decimal holds it exactly.
#[must_use]
pub fn exact_sum(a: Decimal, b: Decimal) -> Option<Decimal> {
    let sum = a.checked_add(b);
    // The library gives up places before it gives up, and never else.
    if let Some(sum) = sum
        && (sum.scale() == a.scale().max(b.scale()) || a.is_zero() || b.is_zero())
    {
        return Some(sum);
    }
    let (a, b) = (a.normalize(), b.normalize());
    let scale = a.scale().max(b.scale());
    let aligned = |value: Decimal| {
        let factor = i128::try_from(power_of_ten(scale - value.scale())?).ok()?;
        value.mantissa().checked_mul(factor)
    };
    let sum = aligned(a)?.checked_add(aligned(b)?)?;
    signed(sum, scale)
}

/// The product, if a decimal holds it exactly.
#[must_use]
pub fn exact_product(a: Decimal, b: Decimal) -> Option<Decimal> {
    let product = a.checked_mul(b);
    if let Some(product) = product
        && (product.scale() == a.scale() + b.scale() || a.is_zero() || b.is_zero())
    {
        return Some(product);
    }
    let (a, b) = (a.normalize(), b.normalize());
    let product = a.mantissa().checked_mul(b.mantissa())?;
    signed(product, a.scale() + b.scale())
}

fn signed(mantissa: i128, scale: u32) -> Option<Decimal> {
    let decimal = from_parts(mantissa.unsigned_abs(), scale)?;
    Some(if mantissa < 0 { -decimal } else { decimal })
}

/// `mantissa / 10^scale`, giving up trailing zeros where that makes it fit.
fn from_parts(mut mantissa: u128, mut scale: u32) -> Option<Decimal> {
    while scale > 0 && (scale > MAX_SCALE || mantissa > MAX_MANTISSA) {
        if !mantissa.is_multiple_of(10) {
            return None;
        }
        mantissa /= 10;
        scale -= 1;
    }
    let mantissa = i128::try_from(mantissa).ok()?;
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

const fn power_of_ten(exponent: u32) -> Option<u128> {
    10_u128.checked_pow(exponent)
}

/// A number that no trade can have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImpossibleValue {
    /// Zero or negative.
    #[error("{what} {value} is not positive")]
    NotPositive {
        /// Which number it is.
        what: &'static str,
        /// The number.
        value: Decimal,
    },
    /// Not a decimal number, or one with more than 28 digits.
    #[error("{what} {text:?} is not a decimal number of at most 28 digits")]
    NotDecimal {
        /// Which number it is.
        what: &'static str,
        /// The beginning of the text.
        text: String,
    },
}

macro_rules! positive_decimal {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Decimal);

        impl $name {
            /// From a decimal; trailing zeros are dropped, the value is not changed.
            ///
            /// # Errors
            /// When the value is zero or negative.
            pub fn new(value: Decimal) -> Result<Self, ImpossibleValue> {
                Self::positive(value.normalize())
            }

            const fn positive(value: Decimal) -> Result<Self, ImpossibleValue> {
                if value.is_sign_negative() || value.is_zero() {
                    return Err(ImpossibleValue::NotPositive { what: $what, value });
                }
                Ok(Self(value))
            }

            /// From the venue's text, exactly: plain (`0.00044780`) or with an exponent (`1e-8`).
            ///
            /// # Errors
            /// When the text is no decimal number, has too many digits, or is not positive.
            pub fn parse(text: &str) -> Result<Self, ImpossibleValue> {
                let value = parse_exact(text).ok_or_else(|| ImpossibleValue::NotDecimal {
                    what: $what,
                    text: text.chars().take(40).collect(),
                })?;
                Self::positive(value)
            }

            /// The number itself.
            #[must_use]
            pub const fn get(self) -> Decimal {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

positive_decimal!(
    /// Price of one unit of the base asset, in the quote asset.
    Price,
    "price"
);
positive_decimal!(
    /// An amount of the base asset.
    Quantity,
    "quantity"
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keeps_every_digit_and_drops_trailing_zeros() {
        assert_eq!(
            Price::parse("61837.63000000").unwrap().to_string(),
            "61837.63"
        );
        assert_eq!(
            Quantity::parse("0.00044780").unwrap().to_string(),
            "0.0004478"
        );
        assert_eq!(Quantity::parse("1.5E-7").unwrap().to_string(), "0.00000015");
        assert_eq!(
            Price::parse("1234567890123456789.123456789")
                .unwrap()
                .to_string(),
            "1234567890123456789.123456789"
        );
    }

    fn decimal(text: &str) -> Decimal {
        parse_exact(text).unwrap()
    }

    #[test]
    fn what_cannot_be_read_exactly_is_refused_with_and_without_an_exponent() {
        let nines = "9".repeat(29);
        for text in [
            format!("9.{nines}"),
            format!("9.{nines}e0"),
            format!("{nines}9e-29"),
            "1e-29".to_owned(),
            "8e28".to_owned(),
            "1e99999999999999999999".to_owned(),
            "1_000".to_owned(),
            "1e".to_owned(),
            "e5".to_owned(),
            "1e5e5".to_owned(),
            "1e+-5".to_owned(),
            "1e5.0".to_owned(),
            "1.2.3".to_owned(),
            ".".to_owned(),
            "--1".to_owned(),
            "\u{661}".to_owned(),
        ] {
            assert_eq!(parse_exact(&text), None, "{text}");
        }
        for (text, value) in [
            (
                "79228162514264337593543950335",
                "79228162514264337593543950335",
            ),
            (
                "7922816251426433759354395033.5",
                "7922816251426433759354395033.5",
            ),
            (
                "0.0000000000000000000000000001",
                "0.0000000000000000000000000001",
            ),
            ("1e-28", "0.0000000000000000000000000001"),
            ("1000e-31", "0.0000000000000000000000000001"),
            ("0.00012e4", "1.2"),
            ("12.50E+3", "12500"),
            ("1.000000000000000000000000000000000000", "1"),
            ("0e999", "0"),
            ("-2.50", "-2.5"),
            ("000123", "123"),
        ] {
            assert_eq!(decimal(text).to_string(), value, "{text}");
        }
    }

    #[test]
    fn sums_and_products_are_exact_or_none() {
        let large = decimal("7922816251426433759354395033");
        assert_eq!(
            exact_sum(large, decimal("0.4")).map(|sum| sum.to_string()),
            Some("7922816251426433759354395033.4".to_owned())
        );
        assert_eq!(exact_sum(large, decimal("0.04")), None);
        assert_eq!(exact_sum(Decimal::MAX, Decimal::ONE), None);
        // A digit that is not needed is given up.
        let tenth = decimal("7922816251426433759354395033.4");
        assert_eq!(
            exact_sum(tenth, decimal("0.6")).map(|sum| sum.to_string()),
            Some("7922816251426433759354395034".to_owned())
        );
        let product = |a, b| exact_product(decimal(a), decimal(b));
        assert_eq!(product("0.0000000000000000123", "0.0000000000000456"), None);
        assert_eq!(product("0.00001234", "123456789012345.123456789012"), None);
        assert_eq!(
            product("0.00000000000005", "0.00000000000000200"),
            Some(decimal("1e-28"))
        );
        assert_eq!(product("0.5", "0.25"), Some(decimal("0.125")));
        assert_eq!(product("0", "1e-28"), Some(Decimal::ZERO));
    }

    proptest! {
        #[test]
        fn a_decimal_is_read_as_it_is_written(
            mantissa in 0_i128..=(1_i128 << 96) - 1, scale in 0_u32..=28, shift in -40_i64..40,
        ) {
            let value = Decimal::from_i128_with_scale(mantissa, scale);
            prop_assert_eq!(parse_exact(&value.to_string()), Some(value));
            let written = format!("{mantissa}e{}", -i64::from(scale));
            prop_assert_eq!(parse_exact(&written), Some(value));
            // Moved by an exponent, it is the same number or none.
            if let Some(moved) = parse_exact(&format!("{value}e{shift}")) {
                let back = parse_exact(&format!("{moved}e{}", -shift));
                prop_assert_eq!(back, Some(value));
            }
        }

        #[test]
        fn sums_and_products_agree_with_whole_numbers(
            a in 0_i128..=(1_i128 << 96) - 1, b in 0_i128..=(1_i128 << 96) - 1,
            scale in 0_u32..=28, bits in 0_u32..96,
        ) {
            // At one scale a sum is that of the mantissas; a product of scale 0 with them likewise.
            let (x, y) = (Decimal::from_i128_with_scale(a, scale), Decimal::from_i128_with_scale(b, scale));
            if let Some(sum) = exact_sum(x, y) {
                prop_assert_eq!(sum, signed(a + b, scale).unwrap());
            } else {
                prop_assert_eq!(signed(a + b, scale), None);
            }
            let small = b >> bits;
            let product = exact_product(x, Decimal::from_i128_with_scale(small, 0));
            match a.checked_mul(small) {
                Some(whole) => prop_assert_eq!(product, signed(whole, scale)),
                None => prop_assert!(product.is_none_or(|product| product.scale() < scale)),
            }
        }
    }

    #[test]
    fn refuses_what_no_trade_can_have() {
        for text in [
            "0", "0.000", "-1", "-0", "", "NaN", "inf", "1,5", "1e999", "0x1", " 1",
        ] {
            assert!(Price::parse(text).is_err(), "{text:?} was accepted");
        }
        assert!(Price::parse(&"9".repeat(40)).is_err());
        assert!(
            Price::parse("0.00000000000000000000000000001").is_err(),
            "29 places"
        );
    }
}
