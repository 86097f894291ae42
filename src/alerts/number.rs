//! Exact decimals in JSON, and the integer keys by which thresholds are ordered.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serializer, de};

/// Reads a decimal exactly: digits with an optional sign and point.
pub(crate) fn exact(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let (first, last) = (digits.as_bytes().first()?, digits.as_bytes().last()?);
    if !plain || *first == b'.' || *last == b'.' {
        return None;
    }
    let decimal = Decimal::from_str_exact(text).ok()?.normalize();
    Some(if decimal.is_zero() {
        Decimal::ZERO
    } else {
        decimal
    })
}

/// A stored text that is no number.
#[derive(Debug, thiserror::Error)]
#[error("a stored number is not one")]
pub(crate) struct NotANumber;

/// Reads a stored decimal as it was, with its places.
pub(crate) fn decimal_of(text: &str) -> Result<Decimal, NotANumber> {
    Decimal::from_str_exact(text).map_err(|_| NotANumber)
}

fn refuse<E: de::Error>(text: &str) -> E {
    let shown: String = text.chars().take(40).collect();
    E::custom(format!(
        "{shown:?} is not a decimal number of at most 28 digits: write it as \"60000\" or \"0.25\""
    ))
}

/// A decimal as a text.
pub(crate) mod text {
    use super::{Decimal, Deserialize, Deserializer, Serializer, exact, refuse};

    pub(crate) fn serialize<S: Serializer>(value: &Decimal, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&value.normalize())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
        let text = String::deserialize(from)?;
        exact(&text).ok_or_else(|| refuse(&text))
    }
}

/// A decimal as a text, or none.
pub(crate) mod optional_text {
    use super::{Decimal, Deserialize, Deserializer, Serializer, exact, refuse};

    pub(crate) fn serialize<S: Serializer>(
        value: &Option<Decimal>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(&value.normalize()),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Decimal>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| exact(&text).ok_or_else(|| refuse(&text)))
            .transpose()
    }
}

/// The most places of a key in one machine word.
pub(crate) const MOST_PLACES: u32 = 18;
/// Limit of keys in one machine word, so that a distance can be added to one.
const NARROW_LIMIT: i128 = 1 << 61;
/// 10^28: the smallest step of a decimal.
const STEPS: i128 = 10_i128.pow(28);

/// A number as an integer, in half steps: an even key is a number, the odd one above it is what lies
/// between it and the next. `x > T` is so `key(x) >= key(T).above()`, and nothing is rounded.
pub(crate) trait Key: Copy + Ord + std::fmt::Debug {
    /// The next greater key.
    fn above(self) -> Self;
    /// The next smaller key.
    fn below(self) -> Self;
    /// The sum, or the limit of what is there.
    fn plus(self, other: Self) -> Self;
    /// The difference, or the limit of what is there.
    fn minus(self, other: Self) -> Self;
}

impl Key for i64 {
    fn above(self) -> Self {
        self.saturating_add(1)
    }

    fn below(self) -> Self {
        self.saturating_sub(1)
    }

    fn plus(self, other: Self) -> Self {
        self.saturating_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

/// A key for every decimal there is: whole ones, and twice the rest in steps of 10^-28.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wide(i128, i128);

impl Wide {
    pub(crate) fn of(value: Decimal) -> Self {
        let unit = 10_i128.pow(value.scale());
        let mantissa = value.mantissa();
        let rest = mantissa.rem_euclid(unit) * (STEPS / unit);
        Self(mantissa.div_euclid(unit), 2 * rest)
    }

    /// The narrow keys of so many places around it: the greatest even one at or below, the least at or above.
    /// What is beyond a machine word is its end.
    pub(crate) fn around(self, places: u32) -> (i64, i64) {
        let Some(power) = POWERS.get(places as usize).copied() else {
            return (i64::MIN, i64::MAX);
        };
        let step = 2 * STEPS / i128::from(power);
        let key = |within: i128| {
            let whole = self.0.checked_mul(i128::from(power))?;
            i64::try_from(whole.checked_add(within)?.checked_mul(2)?).ok()
        };
        let end = if self.0 < 0 { i64::MIN } else { i64::MAX };
        let below = key(self.1 / step).unwrap_or(end);
        let above = key((self.1 + step - 1) / step).unwrap_or(end);
        (below, above)
    }

    const fn carried(whole: i128, rest: i128) -> Self {
        Self(
            whole + rest.div_euclid(2 * STEPS),
            rest.rem_euclid(2 * STEPS),
        )
    }
}

impl Key for Wide {
    fn above(self) -> Self {
        Self::carried(self.0, self.1 + 1)
    }

    fn below(self) -> Self {
        Self::carried(self.0, self.1 - 1)
    }

    fn plus(self, other: Self) -> Self {
        Self::carried(self.0 + other.0, self.1 + other.1)
    }

    fn minus(self, other: Self) -> Self {
        Self::carried(self.0 - other.0, self.1 - other.1)
    }
}

const POWERS: [i64; 19] = {
    let mut powers = [1_i64; 19];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// The key of a number in steps of 10^-`places`; `None` if it has more places or does not fit.
pub(crate) fn narrow(value: Decimal, places: u32) -> Option<i64> {
    let (mut mantissa, mut scale) = (value.mantissa(), value.scale());
    while scale > places {
        if mantissa % 10 != 0 {
            return None;
        }
        mantissa /= 10;
        scale -= 1;
    }
    let power = *POWERS.get((places - scale) as usize)?;
    if let Ok(word) = i64::try_from(mantissa) {
        let key = word.checked_mul(power)?;
        return (i128::from(key).abs() < NARROW_LIMIT / 2).then(|| key * 2);
    }
    None
}

/// The places that a number needs.
pub(crate) fn places_of(value: Decimal) -> u32 {
    value.normalize().scale()
}

/// The key of the next smaller number with so many places; `None` if it does not fit.
pub(crate) fn narrow_below(value: Decimal, places: u32) -> Option<i64> {
    narrow(value, places).or_else(|| {
        let lower = value.round_dp_with_strategy(places, RoundingStrategy::ToNegativeInfinity);
        narrow(lower, places)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_key_lies_between_the_narrow_ones_around_it() {
        let around = |text: &str, places| Wide::of(exact(text).unwrap()).around(places);
        assert_eq!(around("1.25", 2), (250, 250));
        assert_eq!(around("1.250000000000000000000000001", 2), (250, 252));
        assert_eq!(around("-1.250000000000000000000000001", 2), (-252, -250));
        assert_eq!(around("0.0000000000000000000000000001", 8), (0, 2));
        assert_eq!(
            around("79228162514264337593543950335", 8),
            (i64::MAX, i64::MAX)
        );
        assert_eq!(Wide::of(Decimal::ONE).above().around(2), (200, 202));
        assert_eq!(Wide::of(Decimal::ONE).below().around(2), (198, 200));
    }
}
