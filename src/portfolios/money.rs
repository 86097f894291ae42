//! Amounts of money inside the calculation: 36 fractional digits in 256 bits, so that the product of a
//! quantity and a price is always exact. Only a quotient (a slice of a lot) is rounded, at the 36th digit
//! towards zero, and the last slice takes what is left, so that slices add up to their lot. Figures
//! are rounded to 18 digits where they are shown, half to even, and nowhere else.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use ethnum::{I256, U256};
use serde::{Serialize, Serializer};

use crate::decimal::Decimal;

/// Units of money in one unit of a [`Decimal`]'s atoms: 10¹⁸.
const ATOM: i128 = 1_000_000_000_000_000_000;
const ATOM_SIZE: u64 = 1_000_000_000_000_000_000;

/// An amount of the portfolio's currency in units of 10⁻³⁶.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(I256);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(I256::ZERO);

    /// The most that a transaction or a holding can be worth: 10³⁰. Sums of a million such fit by far.
    fn limit() -> I256 {
        I256::new(ATOM) * I256::new(ATOM) * I256::new(ATOM) * I256::new(1_000_000_000_000)
    }

    /// A quantity at a price, exactly; none if it is 10³⁰ or more.
    #[must_use]
    pub fn product(quantity: i128, price: Decimal) -> Option<Self> {
        let product = I256::new(quantity) * I256::new(price.atoms());
        (product.abs() < Self::limit()).then_some(Self(product))
    }

    /// An amount given in units of 10⁻¹⁸.
    #[must_use]
    pub fn from_atoms(atoms: i128) -> Self {
        Self(I256::new(atoms) * I256::new(ATOM))
    }

    /// The share `part / whole` of the amount, rounded towards zero at the 36th digit. None if the
    /// whole is nothing, or the share 10³⁰ or more.
    #[must_use]
    pub fn share(self, part: i128, whole: i128) -> Option<Self> {
        if whole <= 0 || part < 0 {
            return None;
        }
        if part == whole {
            return Some(self);
        }
        let size = self.0.unsigned_abs();
        let (part, whole) = (
            U256::new(part.unsigned_abs()),
            U256::new(whole.unsigned_abs()),
        );
        // size = a * whole + b: a * part + b * part / whole, of which neither needs more than 256 bits.
        let (a, b) = if size < whole {
            (U256::ZERO, size)
        } else {
            let a = size / whole;
            (a, size - a * whole)
        };
        let share = a.checked_mul(part)?.checked_add(b * part / whole)?;
        if share >= Self::limit().unsigned_abs() {
            return None;
        }
        let share = share.as_i256();
        Some(Self(if self.0.is_negative() { -share } else { share }))
    }

    /// The quantity that the amount buys at a price, in units of 10⁻¹⁸, cut there. None if the price is not
    /// above zero or it does not fit.
    #[must_use]
    pub fn at_price(self, price: Decimal) -> Option<i128> {
        if !price.is_positive() {
            return None;
        }
        i128::try_from(self.0 / I256::new(price.atoms())).ok()
    }

    /// The amount in another currency, of which one unit costs `rate`; cut at the 36th digit. None if the
    /// rate is not above zero or it does not fit.
    #[must_use]
    pub fn converted(self, rate: Decimal) -> Option<Self> {
        self.share(ATOM, rate.atoms())
    }

    /// Compares the amount with another per unit: `self / quantity` with `other / of`.
    #[must_use]
    pub fn cmp_per_unit(self, quantity: i128, other: Self, of: i128) -> std::cmp::Ordering {
        let split = |amount: Self, quantity: i128| {
            let (size, by) = (
                amount.0.unsigned_abs(),
                U256::new(quantity.max(1).unsigned_abs()),
            );
            let whole = size / by;
            (whole, size - whole * by, by)
        };
        let (a, a_rest, a_by) = split(self, quantity);
        let (b, b_rest, b_by) = split(other, of);
        a.cmp(&b)
            .then_with(|| (a_rest * b_by).cmp(&(b_rest * a_by)))
    }

    /// Nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == I256::ZERO
    }

    /// Below nothing.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0.is_negative()
    }

    /// Rounded to 18 fractional digits, half to even: as it is shown.
    #[must_use]
    pub fn rounded(self) -> Self {
        let rounded = (self.atoms() * U256::from(ATOM_SIZE)).as_i256();
        Self(if self.0.is_negative() {
            -rounded
        } else {
            rounded
        })
    }

    /// The size in units of 10⁻¹⁸, rounded half to even.
    fn atoms(self) -> U256 {
        let (whole, rest) = by_atom(self.0.unsigned_abs());
        let half = ATOM_SIZE / 2;
        let odd = *whole.low() % 2 == 1;
        whole + U256::from(rest > half || (rest == half && odd))
    }

    /// The nearest floating-point number, for statistics.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0.as_f64() / 1e36
    }
}

/// Quotient and rest of a division by 10¹⁸, word by word: wide numbers have no fast division of their own, and a
/// report has hundreds of thousands of amounts.
fn by_atom(size: U256) -> (U256, u64) {
    let mut rest: u64 = 0;
    let mut word = |word: u64| {
        let all = (u128::from(rest) << 64) | u128::from(word);
        let quotient = all / u128::from(ATOM_SIZE);
        rest = low(all - quotient * u128::from(ATOM_SIZE));
        quotient
    };
    let (upper, lower) = size.into_words();
    let upper = (word(low(upper >> 64)) << 64) | word(low(upper));
    let lower = (word(low(lower >> 64)) << 64) | word(low(lower));
    (U256::from_words(upper, lower), rest)
}

/// The lower half.
#[allow(clippy::cast_possible_truncation, reason = "it is what is asked for")]
const fn low(number: u128) -> u64 {
    number as u64
}

/// A number of at most 39 digits and 18 decimals, as text without zeros at its end.
pub(crate) struct Digits {
    text: [u8; 64],
    from: usize,
}

impl Digits {
    #[allow(clippy::cast_possible_truncation, reason = "one digit")]
    fn new(negative: bool, mut whole: u128, mut fraction: u64) -> Self {
        let mut digits = Self {
            text: [0; 64],
            from: 64,
        };
        if fraction != 0 {
            let mut places = 18;
            while fraction.is_multiple_of(10) {
                fraction /= 10;
                places -= 1;
            }
            for _ in 0..places {
                digits.put(b'0' + (fraction % 10) as u8);
                fraction /= 10;
            }
            digits.put(b'.');
        }
        while whole > u128::from(u64::MAX) {
            digits.put(b'0' + (whole % 10) as u8);
            whole /= 10;
        }
        let mut whole = low(whole);
        loop {
            digits.put(b'0' + (whole % 10) as u8);
            whole /= 10;
            if whole == 0 {
                break;
            }
        }
        if negative {
            digits.put(b'-');
        }
        digits
    }

    /// Of a number in units of 10⁻¹⁸.
    pub(crate) fn of_atoms(atoms: i128) -> Self {
        let size = atoms.unsigned_abs();
        let whole = size / u128::from(ATOM_SIZE);
        Self::new(atoms < 0, whole, low(size - whole * u128::from(ATOM_SIZE)))
    }

    fn put(&mut self, digit: u8) {
        self.from -= 1;
        self.text[self.from] = digit;
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[self.from..]).unwrap_or_default()
    }
}

impl Money {
    /// The amount as it is shown; none if it has more digits than any that is booked.
    fn digits(self) -> Option<Digits> {
        let atoms = self.atoms();
        let negative = self.0.is_negative() && atoms != U256::ZERO;
        let (whole, fraction) = by_atom(atoms);
        let whole = u128::try_from(whole).ok()?;
        Some(Digits::new(negative, whole, fraction))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.digits() {
            Some(digits) => formatter.write_str(digits.as_str()),
            None => {
                let (whole, fraction) = by_atom(self.atoms());
                let sign = if self.0.is_negative() { "-" } else { "" };
                let decimals = format!("{fraction:018}");
                let decimals = decimals.trim_end_matches('0');
                let point = if decimals.is_empty() { "" } else { "." };
                write!(formatter, "{sign}{whole}{point}{decimals}")
            }
        }
    }
}

impl From<Decimal> for Money {
    fn from(decimal: Decimal) -> Self {
        Self::from_atoms(decimal.atoms())
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.digits() {
            Some(digits) => serializer.serialize_str(digits.as_str()),
            None => serializer.collect_str(self),
        }
    }
}

impl Add for Money {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Neg for Money {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    fn money(text: &str) -> Money {
        decimal(text).into()
    }

    #[test]
    fn products_of_18_digits_beside_billions_are_exact() {
        let quantity = decimal("99999999999.999999999999999999");
        let price = decimal("0.000000000000000001");
        let tiny = Money::product(quantity.atoms(), price).expect("fits");
        assert_eq!(tiny.to_string(), "0.0000001");
        assert_ne!(tiny, money("0.0000001"), "it is exact; only shown rounded");
        let most = decimal("99999999999999999999");
        assert_eq!(Money::product(most.atoms(), most), None);
    }

    #[test]
    fn a_third_is_cut_at_the_36th_digit_and_shown_with_18() {
        let third = money("1").share(1, 3).expect("a share");
        assert_eq!(third.to_string(), "0.333333333333333333");
        let nearly = third + third + third;
        assert_ne!(nearly, money("1"));
        assert_eq!(nearly.to_string(), "1");
        assert_eq!(money("1").share(1, 0), None);
        assert_eq!(
            money("-2").share(1, 3).expect("a share").to_string(),
            "-0.666666666666666667"
        );
    }

    #[test]
    fn halves_are_shown_to_even() {
        let half = |text: &str| money(text).share(1, 2).expect("a share").to_string();
        assert_eq!(half("0.000000000000000001"), "0");
        assert_eq!(half("0.000000000000000003"), "0.000000000000000002");
        assert_eq!(half("-0.000000000000000003"), "-0.000000000000000002");
    }

    #[test]
    fn amounts_of_any_size_are_shown_in_full() {
        for text in [
            "0",
            "-0.000000000000000001",
            "18446744073709551616",
            "-99999999999999999999.999999999999999999",
            "10.01",
            "100",
        ] {
            assert_eq!(money(text).to_string(), text);
            let shown = serde_json::to_string(&money(text)).expect("text");
            assert_eq!(shown, format!("\"{text}\""));
            assert_eq!(Digits::of_atoms(decimal(text).atoms()).as_str(), text);
        }
        let largest = Money(I256::MAX).to_string();
        assert_eq!(
            largest,
            "57896044618658097711785492504343953926634.992332820282019729"
        );
        assert_eq!(Money(I256::MIN + 1).to_string(), format!("-{largest}"));
        assert_eq!(Money(I256::new(-1)).to_string(), "0");
    }

    proptest! {
        #[test]
        fn a_division_word_by_word_is_the_division(upper in any::<u128>(), lower in any::<u128>()) {
            let size = U256::from_words(upper, lower);
            let (whole, rest) = by_atom(size);
            prop_assert_eq!(whole, size / U256::from(ATOM_SIZE));
            prop_assert_eq!(U256::from(rest), size % U256::from(ATOM_SIZE));
        }

        #[test]
        fn slices_add_up_to_their_lot(
            cost in 0i128..1_000_000_000_000_000_000_000_000,
            quantities in prop::collection::vec(1i128..1_000_000_000_000_000_000_000, 1..20),
        ) {
            let mut left = Money::from_atoms(cost);
            let mut quantity: i128 = quantities.iter().sum();
            let mut sum = Money::ZERO;
            for part in quantities {
                let slice = left.share(part, quantity).expect("a share");
                sum += slice;
                left -= slice;
                quantity -= part;
            }
            prop_assert_eq!(sum, Money::from_atoms(cost));
            prop_assert_eq!(left, Money::ZERO);
        }
    }
}
