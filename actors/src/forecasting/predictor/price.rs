//! From a model's log returns to prices as decimals.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive as _, ToPrimitive as _};

/// Digits of a forecast price that mean something.
const SIGNIFICANT: i32 = 8;

/// The price at a log return from a base price, to eight significant digits; `None` if there is no
/// such price.
pub(super) fn at(base: Decimal, log_return: f64) -> Option<Decimal> {
    let price = base.to_f64()? * log_return.exp();
    if !price.is_finite() || price <= 0.0 {
        return None;
    }
    let decimals = SIGNIFICANT - 1 - price.log10().floor() as i32;
    let exact = Decimal::from_f64(price)?;
    // A price with more digits before the point is given to the whole.
    let rounded = exact.round_dp(u32::try_from(decimals.clamp(0, 20)).ok()?);
    Some(rounded.normalize()).filter(|price| !price.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_have_eight_significant_digits_whatever_their_size() {
        let text = |base: &str, log_return: f64| {
            at(base.parse().unwrap(), log_return).map(|price| price.to_string())
        };
        assert_eq!(text("61837.63", 0.0).as_deref(), Some("61837.63"));
        assert_eq!(text("61837.63", 0.01).as_deref(), Some("62459.109"));
        assert_eq!(text("0.00001234", 0.01).as_deref(), Some("0.000012464019"));
        assert_eq!(text("100", f64::NAN), None);
        assert_eq!(text("100", 1e9), None);
        assert_eq!(text("100", -1e9), None);
    }
}
