//! Exact decimals of transactions: quantities, prices and values as people and venues write them. A
//! number that does not fit is refused by name; none is ever rounded here.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU8;
use std::ops::Neg;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most fractional digits of a number: those of an ether.
pub const PLACES: u8 = 18;
/// The most digits before the point.
pub const WHOLE_DIGITS: usize = 20;
/// Atoms of one whole.
const ONE: i128 = 1_000_000_000_000_000_000;
/// The first number that is too large.
const LIMIT: i128 = 100_000_000_000_000_000_000 * ONE;

/// An exact decimal below 10²⁰ of at most 18 fractional digits. It remembers how many fractional digits
/// it was written with, so that it is written as it was read; two are equal when their values are.
///
/// A transaction has a dozen of them: kept as two halves, one takes 24 bytes, also where it is optional;
/// as an `i128` it would take 32, and 48.
#[derive(Clone, Copy)]
pub struct Decimal {
    high: i64,
    low: u64,
    /// Fractional digits to write at least, and one.
    places: NonZeroU8,
}

impl Decimal {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the two halves"
    )]
    const fn of(atoms: i128, places: u8) -> Self {
        Self {
            high: (atoms >> 64) as i64,
            low: atoms as u64,
            places: NonZeroU8::MIN.saturating_add(places),
        }
    }

    const fn places(self) -> u8 {
        self.places.get() - 1
    }
}

impl Default for Decimal {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Why a text is no [`Decimal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not digits with at most one point between them.
    #[error("not a decimal number: digits with a point between them, no exponent, no separators")]
    NotANumber,
    /// More fractional digits than are kept.
    #[error("more than 18 fractional digits: more than can be kept exactly")]
    TooManyPlaces,
    /// 10²⁰ or more.
    #[error("more than 20 digits before the point: more than can be kept exactly")]
    TooLarge,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self::of(0, 0);
    /// One whole.
    pub const ONE: Self = Self::of(ONE, 0);

    /// A value in units of 10⁻¹⁸, if it fits.
    #[must_use]
    pub const fn from_atoms(atoms: i128) -> Option<Self> {
        if atoms >= LIMIT || atoms <= -LIMIT {
            return None;
        }
        Some(Self::of(atoms, 0))
    }

    /// The value in units of 10⁻¹⁸.
    #[must_use]
    #[allow(clippy::cast_lossless, reason = "From is not const; the halves fit")]
    pub const fn atoms(self) -> i128 {
        ((self.high as i128) << 64) | self.low as i128
    }

    /// Zero.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.atoms() == 0
    }

    /// Below zero.
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.high < 0
    }

    /// Above zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.atoms() > 0
    }

    /// Without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self::of(self.atoms().abs(), self.places())
    }

    /// The sum, if it fits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_atoms(self.atoms() + other.atoms())
    }

    /// The difference, if it fits.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Self::from_atoms(self.atoms() - other.atoms())
    }

    /// Without the zeros at its end that were written.
    #[must_use]
    pub const fn normalized(self) -> Self {
        Self::of(self.atoms(), 0)
    }

    /// The nearest floating-point number, for statistics.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "nearest is what is asked for")]
    pub fn to_f64(self) -> f64 {
        self.atoms() as f64 / ONE as f64
    }

    /// Reads a number with an exponent (`8E-08`), as some venues write small ones; exact as well.
    ///
    /// # Errors
    /// As for plain text, of the number it stands for.
    pub fn from_scientific(text: &str) -> Result<Self, DecimalError> {
        let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
            return text.parse();
        };
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DecimalError::NotANumber);
        }
        let exponent: i32 = exponent.parse().map_err(|_| DecimalError::NotANumber)?;
        let (sign, mantissa) = match mantissa.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", mantissa),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || mantissa.len() > 64 || mantissa.ends_with('.') {
            return Err(DecimalError::NotANumber);
        }
        let digits = format!("{whole}{fraction}");
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DecimalError::NotANumber);
        }
        // Where the point lands among the digits.
        let point = i32::try_from(whole.len()).map_err(|_| DecimalError::NotANumber)? + exponent;
        let plain = if point <= 0 {
            let zeros = "0".repeat(point.unsigned_abs() as usize);
            format!("{sign}0.{zeros}{digits}")
        } else {
            let point = point.unsigned_abs() as usize;
            let padded = format!("{digits:0<point$}");
            let (whole, fraction) = padded.split_at(point);
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            let dot = if fraction.is_empty() { "" } else { "." };
            format!("{sign}{whole}{dot}{fraction}")
        };
        plain.parse()
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(DecimalError::NotANumber),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let padded = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || padded || !all_digits(whole) || !all_digits(fraction) {
            return Err(DecimalError::NotANumber);
        }
        if fraction.len() > usize::from(PLACES) {
            return Err(DecimalError::TooManyPlaces);
        }
        if whole.len() > WHOLE_DIGITS {
            return Err(DecimalError::TooLarge);
        }
        let mut atoms: i128 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            atoms = atoms * 10 + i128::from(byte - b'0');
        }
        #[allow(clippy::cast_possible_truncation, reason = "at most 18")]
        let places = fraction.len() as u8;
        atoms *= 10i128.pow(u32::from(PLACES - places));
        let atoms = if negative { -atoms } else { atoms };
        Ok(Self::of(atoms, places))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.atoms().unsigned_abs();
        let one = ONE.unsigned_abs();
        let sign = if self.is_negative() { "-" } else { "" };
        let digits = format!("{:018}", size % one);
        let needed = digits.trim_end_matches('0').len();
        let fraction = &digits[..needed.max(usize::from(self.places()))];
        let dot = if fraction.is_empty() { "" } else { "." };
        write!(formatter, "{sign}{}{dot}{fraction}", size / one)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.atoms() == other.atoms()
    }
}

impl Eq for Decimal {}

impl Hash for Decimal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.atoms().hash(state);
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        self.atoms().cmp(&other.atoms())
    }
}

impl Neg for Decimal {
    type Output = Self;

    fn neg(self) -> Self {
        Self::of(-self.atoms(), self.places())
    }
}

impl From<u32> for Decimal {
    fn from(whole: u32) -> Self {
        Self::of(i128::from(whole) * ONE, 0)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Decimal;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a decimal number as text in quotes")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse()
                    .map_err(|error| E::custom(format_args!("{}: {error}", quoted(text))))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// A text of somebody else's file within a message: quoted, without line breaks, not too long.
#[must_use]
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    if text.chars().count() > SHOWN {
        let start: String = text.chars().take(SHOWN).collect();
        format!("{start:?}…")
    } else {
        format!("{text:?}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn is_written_as_it_was_read() {
        for text in [
            "0",
            "0.00",
            "62797.50",
            "-1.000000000000000001",
            "99999999999999999999.999999999999999999",
        ] {
            assert_eq!(decimal(text).to_string(), text);
        }
        assert_eq!(decimal("1.50"), decimal("1.5"));
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        for text in [
            "", "-", ".", ".5", "5.", "1e5", "1_000", "1,000", "NaN", "inf", "+1", "007", " 1",
            "1 ", "--1", "0x1", "1.-5", "١",
        ] {
            assert_eq!(
                text.parse::<Decimal>(),
                Err(DecimalError::NotANumber),
                "{text}"
            );
        }
        let places = "0.1234567890123456789".parse::<Decimal>();
        assert_eq!(places, Err(DecimalError::TooManyPlaces));
        let large = "100000000000000000000".parse::<Decimal>();
        assert_eq!(large, Err(DecimalError::TooLarge));
        let forty = "1234567890123456789012345678901234567890".parse::<Decimal>();
        assert_eq!(forty, Err(DecimalError::TooLarge));
    }

    #[test]
    fn exponents_are_exact_where_they_are_allowed() {
        for (text, plain) in [
            ("8E-08", "0.00000008"),
            ("1.5e3", "1500"),
            ("-2.25E1", "-22.5"),
            ("0e5", "0"),
            ("12", "12"),
            ("1E-18", "0.000000000000000001"),
        ] {
            let read = Decimal::from_scientific(text).expect(text);
            assert_eq!(read.normalized().to_string(), plain);
        }
        for text in ["1e", "e5", "1e1.5", "1e9999", "1.e5", "-"] {
            assert_eq!(
                Decimal::from_scientific(text),
                Err(DecimalError::NotANumber),
                "{text}"
            );
        }
        let small = Decimal::from_scientific("1e-19");
        assert_eq!(small, Err(DecimalError::TooManyPlaces));
        assert_eq!(
            Decimal::from_scientific("1e20"),
            Err(DecimalError::TooLarge)
        );
    }

    proptest! {
        #[test]
        fn any_text_of_a_number_comes_back(whole in 0u64.., fraction in "[0-9]{0,18}") {
            let dot = if fraction.is_empty() { "" } else { "." };
            let text = format!("{whole}{dot}{fraction}");
            prop_assert_eq!(decimal(&text).to_string(), text);
        }
    }
}
