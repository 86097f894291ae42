//! Exact decimals as the venues print them, from whole numbers of ticks and lots.
//!
//! Knows nothing of markets; no floating point.

use std::fmt::Write;

/// `mantissa × 10^-digits` with exactly `width` fractional digits; `width` is at least `digits`.
pub(crate) fn padded(mantissa: i128, digits: u32, width: u32) -> String {
    let mut text = fixed(mantissa, digits);
    if width > digits {
        if digits == 0 {
            text.push('.');
        }
        text.extend(std::iter::repeat_n('0', (width - digits) as usize));
    }
    text
}

/// `mantissa × 10^-digits` with exactly `digits` fractional digits.
pub(crate) fn fixed(mantissa: i128, digits: u32) -> String {
    let mut text = String::with_capacity(24);
    if mantissa < 0 {
        text.push('-');
    }
    let magnitude = mantissa.unsigned_abs();
    let unit = 10u128.pow(digits);
    let whole = magnitude / unit;
    // Writing into a string cannot fail.
    let _ = match digits {
        0 => write!(text, "{whole}"),
        _ => write!(
            text,
            "{whole}.{:0width$}",
            magnitude % unit,
            width = digits as usize
        ),
    };
    text
}

/// `mantissa × 10^-digits` without trailing zeros.
pub(crate) fn trimmed(mantissa: i128, digits: u32) -> String {
    let mut text = fixed(mantissa, digits);
    if digits > 0 {
        let kept = text.trim_end_matches('0').trim_end_matches('.').len();
        text.truncate(kept);
    }
    text
}

/// `quote / volume` with `digits` fractional digits, rounded half up; zero when there is no volume.
pub(crate) fn average(quote: i128, volume: i128, digits_of_price: u32, digits: u32) -> String {
    if volume == 0 {
        return fixed(0, digits);
    }
    let scale = 10i128.pow(digits.saturating_sub(digits_of_price));
    let coarser = 10i128.pow(digits_of_price.saturating_sub(digits));
    let divisor = volume * coarser;
    fixed((quote * scale + divisor / 2) / divisor, digits)
}

/// `100 × part / whole` with `digits` fractional digits; zero of nothing.
pub(crate) fn percent(part: i128, whole: i128, digits: u32) -> String {
    let size = average(100 * part.abs(), whole, 0, digits);
    let sign = if part < 0 && size.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        "-"
    } else {
        ""
    };
    format!("{sign}{size}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_like_the_venues() {
        assert_eq!(padded(6_183_763, 2, 8), "61837.63000000");
        assert_eq!(padded(7, 0, 8), "7.00000000");
        assert_eq!(fixed(44_780, 8), "0.00044780");
        assert_eq!(fixed(-5, 1), "-0.5");
        assert_eq!(trimmed(44_780, 8), "0.0004478");
        assert_eq!(trimmed(98_500, 2), "985");
        assert_eq!(trimmed(100, 0), "100");
        assert_eq!(average(10 * 3 + 11 * 4, 7, 1, 1), "1.1");
        assert_eq!(average(0, 0, 1, 1), "0.0");
        assert_eq!(percent(-1, 3, 3), "-33.333");
        assert_eq!(percent(-1, 1_000_000, 3), "0.000");
        assert_eq!(percent(5, 0, 2), "0.00");
    }
}
