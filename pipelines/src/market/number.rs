//! Prices and quantities: exact decimals that are positive by construction.

use std::fmt;

use rust_decimal::Decimal;

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
                if value.is_sign_negative() || value.is_zero() {
                    return Err(ImpossibleValue::NotPositive { what: $what, value });
                }
                Ok(Self(value.normalize()))
            }

            /// From the venue's text, exactly: plain (`0.00044780`) or with an exponent (`1e-8`).
            ///
            /// # Errors
            /// When the text is no decimal number, has too many digits, or is not positive.
            pub fn parse(text: &str) -> Result<Self, ImpossibleValue> {
                let value = if text.bytes().any(|b| b | 0x20 == b'e') {
                    Decimal::from_scientific(text)
                } else {
                    Decimal::from_str_exact(text)
                };
                let value = value.map_err(|_| ImpossibleValue::NotDecimal {
                    what: $what,
                    text: text.chars().take(40).collect(),
                })?;
                Self::new(value)
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
    /// What one unit of the base asset costs, in the quote asset.
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
