//! Ratios as keys: exact to the half step, so that a comparison with a threshold is that of the fractions.

use rust_decimal::Decimal;

use super::signal::RATIO_PLACES;

/// Bound of all keys: far from every threshold that a rule can have.
const LIMIT: i128 = 1 << 60;

/// The key of `number / of` in half steps of 10^-[`RATIO_PLACES`]; none if `of` is not above 0.
pub(super) fn key_of(number: i128, of: i128) -> Option<i64> {
    if of <= 0 {
        return None;
    }
    if let Some(key) = key_of_words(number, of) {
        return Some(key);
    }
    let (whole, rest) = match number.checked_mul(10_i128.pow(RATIO_PLACES)) {
        Some(scaled) => (scaled.div_euclid(of), scaled.rem_euclid(of)),
        None => by_digits(number, of),
    };
    let between = i128::from(rest != 0);
    let key = whole.clamp(-LIMIT, LIMIT) * 2 + between;
    i64::try_from(key).ok()
}

/// The same of numbers that fit a machine word, which is faster.
fn key_of_words(number: i128, of: i128) -> Option<i64> {
    let (number, of) = (i64::try_from(number).ok()?, i64::try_from(of).ok()?);
    let scaled = number.checked_mul(10_i64.pow(RATIO_PLACES))?;
    let whole = scaled.div_euclid(of);
    let between = i64::from(whole * of != scaled);
    (i128::from(whole).abs() < LIMIT).then(|| whole * 2 + between)
}

/// `number / of` in steps of 10^-[`RATIO_PLACES`] and what is left, digit by digit as it is done on paper.
fn by_digits(number: i128, of: i128) -> (i128, i128) {
    let (mut whole, mut rest) = (number.div_euclid(of), number.rem_euclid(of));
    for _ in 0..RATIO_PLACES {
        // Only with divisors of more than 37 digits: the last ones are far below the step.
        let rest_of_ten = rest.saturating_mul(10);
        whole = whole.saturating_mul(10).saturating_add(rest_of_ten / of);
        rest = rest_of_ten % of;
    }
    (whole, rest)
}

/// The key of the percentage by which `price` is above `reference`, or below it.
pub(super) fn percent(price: Decimal, reference: Decimal) -> Option<i64> {
    let (price, reference) = aligned(price, reference);
    let distance = price.checked_sub(reference)?;
    match distance.checked_mul(100) {
        Some(percent) => key_of(percent, reference),
        // More than 10^36 steps: a hundredth of the divisor is as exact as the numbers are.
        None if reference > 0 => key_of(distance, (reference / 100).max(1)),
        None => None,
    }
}

/// Two mantissas of the same scale.
fn aligned(a: Decimal, b: Decimal) -> (i128, i128) {
    let scale = a.scale().max(b.scale());
    let raise = |value: Decimal| {
        let factor = 10_i128.pow(scale - value.scale());
        value.mantissa().checked_mul(factor)
    };
    match (raise(a), raise(b)) {
        (Some(a), Some(b)) => (a, b),
        // One is more than 10^10 times the other: what is lost of the smaller is far below the step.
        _ => {
            let least = a.scale().min(b.scale());
            let lower = |value: Decimal| {
                let factor = 10_i128.pow(value.scale() - least);
                value.mantissa() / factor
            };
            (lower(a), lower(b).max(1))
        }
    }
}

/// The prices between which the key of percent stays strictly between `low` and `high`: in whole steps of a
/// price whose reference is `reference` of them, and no more than that.
pub(super) fn prices(reference: i64, low: Option<i64>, high: Option<i64>) -> (i64, i64) {
    // A key is 2 * 10^6 * (price / reference - 1).
    let unit = 2 * 100 * 10_i128.pow(RATIO_PLACES);
    let at = |key: i64| i128::from(reference) * (unit + i128::from(key));
    let clamp =
        |price: i128| i64::try_from(price).unwrap_or(if price < 0 { i64::MIN } else { i64::MAX });
    // An odd key is all that lies between two steps.
    let low = low.map_or(i64::MIN, |key| {
        let key = key.saturating_add(key & 1);
        clamp(at(key).div_euclid(unit) + 1)
    });
    let high = high.map_or(i64::MAX, |key| {
        let key = key.saturating_sub(key & 1);
        clamp(at(key).div_euclid(unit))
    });
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    #[test]
    fn a_key_is_even_only_where_the_ratio_is_exact() {
        let percent = |price, reference| percent(decimal(price), decimal(reference)).unwrap();
        assert_eq!(percent("105", "100"), 2 * 50_000);
        assert_eq!(percent("95", "100"), -2 * 50_000);
        assert_eq!(percent("100.000001", "100"), 1);
        assert_eq!(percent("99.99999999", "100"), -1);
        assert_eq!(percent("0.00001234", "0.00001234"), 0);
        assert_eq!(key_of(1, 3), Some(2 * 3_333 + 1));
        assert_eq!(key_of(1, 0), None);
        // An exact quotient of numbers that a machine word multiplied by the steps does not take.
        let of = 10_i128.pow(36);
        assert_eq!(key_of(of * 5 / 4, of), Some(2 * 12_500));
        assert_eq!(key_of(of * 5 / 4 + 1, of), Some(2 * 12_500 + 1));
        assert_eq!(key_of(of * 5 / 4 - 1, of), Some(2 * 12_500 - 1));
        assert_eq!(key_of(-of * 5 / 4 - 1, of), Some(-2 * 12_500 - 1));
    }

    #[test]
    fn ratios_of_any_size_are_compared() {
        let huge = decimal("79228162514264337593543950335");
        let tiny = decimal("0.0000000000000000000000000001");
        assert_eq!(percent(huge, huge), Some(0));
        assert_eq!(percent(tiny, tiny), Some(0));
        assert!(percent(huge, tiny).unwrap() > 1 << 50);
        assert!(percent(tiny, huge).unwrap() <= -2 * 999_999);
    }

    #[test]
    fn prices_within_the_bounds_do_not_reach_the_keys() {
        for reference in [1_i64, 7, 100, 123_456_789] {
            for (low, high) in [
                (-20_000_i64, 30_000_i64),
                (-1, 1),
                (0, 2),
                (-200_001, -100_000),
            ] {
                let (from, to) = prices(reference, Some(low), Some(high));
                for price in from + 1..to.min(from + 300) {
                    let key = key_of(i128::from(price - reference) * 100, i128::from(reference));
                    let key = key.unwrap();
                    assert!(
                        low < key && key < high,
                        "{reference} {price}: {low} {key} {high}"
                    );
                }
            }
        }
    }
}
